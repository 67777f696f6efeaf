#!/bin/bash
# The commands of example 2 of the training pipeline guide, with its flags and values.

MODEL_NAME="fraud_detector"

BASELINE_F1=$(databricks model get $MODEL_NAME --version latest | jq -r '.tags.f1_score')

echo "to beat: $BASELINE_F1"

train_model \
  --catalog mlops_prod \
  --schema fraud_detection \
  --environment prod \
  --model-name $MODEL_NAME \
  --baseline-f1 $BASELINE_F1 \
  --max-depth 7 \
  --n-estimators 200
