#!/bin/bash
# Example 4 of the training pipeline guide.

# Register champion model
register_model \
  --catalog mlops_prod \
  --schema recommender \
  --model-name product_recommender \
  --alias champion \
  --environment prod

# Register challenger model
register_model \
  --catalog mlops_prod \
  --schema recommender \
  --model-name product_recommender_v2 \
  --alias challenger \
  --environment prod

# Validate both
validate_model --model-name product_recommender --alias champion
validate_model --model-name product_recommender_v2 --alias challenger
