#!/bin/bash
# Example 2 of the training pipeline guide.

MODEL_NAME="fraud_detector"

BASELINE_F1=$(databricks model get $MODEL_NAME --version latest | jq -r '.tags.f1_score')

echo "Current baseline F1: $BASELINE_F1"

# Train with current baseline
train_model \
  --catalog mlops_prod \
  --schema fraud_detection \
  --environment prod \
  --model-name $MODEL_NAME \
  --baseline-f1 $BASELINE_F1 \
  --max-depth 7 \
  --n-estimators 200
