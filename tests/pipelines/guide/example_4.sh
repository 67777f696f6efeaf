#!/bin/bash
# The commands of example 4 of the training pipeline guide, with its flags and values.

register_model \
  --catalog mlops_prod \
  --schema recommender \
  --model-name product_recommender \
  --alias champion \
  --environment prod

register_model \
  --catalog mlops_prod \
  --schema recommender \
  --model-name product_recommender_v2 \
  --alias challenger \
  --environment prod

validate_model --model-name product_recommender --alias champion
validate_model --model-name product_recommender_v2 --alias challenger
