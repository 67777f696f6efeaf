#!/bin/bash
# The commands of example 3 of the training pipeline guide, with its flags and values.

CATALOG="mlops_dev"
SCHEMA="fraud_detection"
ENV="dev"
MODEL_NAME="fraud_detector_fs"

FEATURE_TABLE="mlops_dev.features.user_transaction_features"
LABEL_TABLE="mlops_dev.labels.fraud_labels"

echo "1 of 4: rows, features looked up"
prepare_data \
  --catalog $CATALOG \
  --schema $SCHEMA \
  --environment $ENV \
  --feature-store-table $FEATURE_TABLE \
  --lookup-key user_id \
  --label-table $LABEL_TABLE \
  --label-column is_fraud \
  --test-size 0.2

echo "2 of 4: model"
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
    echo "3 of 4: version"
    register_model \
      --catalog $CATALOG \
      --schema $SCHEMA \
      --model-name $MODEL_NAME \
      --alias latest-model \
      --git-sha $(git rev-parse HEAD) \
      --environment $ENV

    echo "4 of 4: validation"
    validate_model \
      --catalog $CATALOG \
      --schema $SCHEMA \
      --model-name $MODEL_NAME \
      --alias latest-model

    echo "done"
else
    echo "stopped: not above the baseline"
    exit 1
fi
