#!/bin/bash
# Example 1 of the training pipeline guide.

CATALOG="mlops_dev"
SCHEMA="fraud_detection"
ENV="dev"
MODEL_NAME="fraud_detector_v2"
BASELINE_F1="0.82"

echo "Step 1: Prepare data..."
prepare_data \
  --catalog $CATALOG \
  --schema $SCHEMA \
  --environment $ENV \
  --source-table transactions \
  --test-size 0.2

echo "Step 2: Train model..."
train_model \
  --catalog $CATALOG \
  --schema $SCHEMA \
  --environment $ENV \
  --model-name $MODEL_NAME \
  --baseline-f1 $BASELINE_F1 \
  --max-depth 7 \
  --n-estimators 200 \
  --learning-rate 0.05

# Check if training succeeded (exit code 0)
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

    if [ $? -eq 0 ]; then
        echo "✓ Training pipeline completed successfully!"
    else
        echo "✗ Model validation failed"
        exit 1
    fi
else
    echo "✗ Model did not improve baseline - skipping registration"
    exit 1
fi
