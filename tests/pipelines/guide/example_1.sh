#!/bin/bash
# The commands of example 1 of the training pipeline guide, with its flags and values.

CATALOG="mlops_dev"
SCHEMA="fraud_detection"
ENV="dev"
MODEL_NAME="fraud_detector_v2"
BASELINE_F1="0.82"

echo "1 of 4: rows"
prepare_data \
  --catalog $CATALOG \
  --schema $SCHEMA \
  --environment $ENV \
  --source-table transactions \
  --test-size 0.2

echo "2 of 4: model"
train_model \
  --catalog $CATALOG \
  --schema $SCHEMA \
  --environment $ENV \
  --model-name $MODEL_NAME \
  --baseline-f1 $BASELINE_F1 \
  --max-depth 7 \
  --n-estimators 200 \
  --learning-rate 0.05

# 0: F1 is above the baseline.
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

    if [ $? -eq 0 ]; then
        echo "done: the version is validated"
    else
        echo "stopped: the version does not validate"
        exit 1
    fi
else
    echo "stopped: not above the baseline, so nothing is registered"
    exit 1
fi
