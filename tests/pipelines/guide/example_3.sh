#!/bin/bash
# Example 3 of the training pipeline guide.

CATALOG="mlops_dev"
SCHEMA="fraud_detection"
ENV="dev"
MODEL_NAME="fraud_detector_fs"

# Feature Store tables
FEATURE_TABLE="mlops_dev.features.user_transaction_features"
LABEL_TABLE="mlops_dev.labels.fraud_labels"

echo "Step 1: Prepare data from Feature Store..."
prepare_data \
  --catalog $CATALOG \
  --schema $SCHEMA \
  --environment $ENV \
  --feature-store-table $FEATURE_TABLE \
  --lookup-key user_id \
  --label-table $LABEL_TABLE \
  --label-column is_fraud \
  --test-size 0.2

echo "Step 2: Train model..."
train_model \
  --catalog $CATALOG \
  --schema $SCHEMA \
  --environment $ENV \
  --model-name $MODEL_NAME \
  --target-col is_fraud \
  --baseline-f1 0.75 \
  --max-depth 7 \
  --n-estimators 200 \
  --learning-rate 0.05

if [ $? -eq 0 ]; then
    echo "Step 3: Register model..."
    register_model \
      --catalog $CATALOG \
      --schema $SCHEMA \
      --model-name $MODEL_NAME \
      --alias latest-model \
      --git-sha $(git rev-parse HEAD) \
      --environment $ENV

    echo "Step 4: Validate model..."
    validate_model \
      --catalog $CATALOG \
      --schema $SCHEMA \
      --model-name $MODEL_NAME \
      --alias latest-model

    echo "✓ Feature Store training pipeline completed!"
else
    echo "✗ Model did not improve baseline"
    exit 1
fi
