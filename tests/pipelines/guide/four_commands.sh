#!/bin/bash
# From made rows to a validated version as a user's script does it: what fails ends it. Then two calls that cannot be answered.
# $1 is the folder for what the commands print. A server that MLFLOW_TRACKING_URI names is written to the stack and forgotten here.
set -eo pipefail
out=$1
place="--catalog mlops_dev --schema made"
model="$place --model-name my_classifier"

if [ -n "$MLFLOW_TRACKING_URI" ]; then
    stackhouse stack up local_mlflow_server
    unset MLFLOW_TRACKING_URI MLFLOW_TRACKING_TOKEN
fi
prepare_data $place --environment development --test-size 0.25 > $out/prepared.txt 2> $out/prepared.err
train_model $model --environment development --n-estimators 20 --json > $out/trained.json 2> $out/trained.err
eval "$(register_model $model --git-sha f00d 2> $out/registered.err | tee $out/registered.txt | grep '^REGISTERED_VERSION=')"
validate_model $model --version "$REGISTERED_VERSION" --sample-size 10 > $out/validated.txt 2> $out/validated.err
echo "validated version $REGISTERED_VERSION"

set +e
register_model $model --run-id abc123def456 > $out/unknown_run.txt 2> $out/unknown_run.err
echo "unknown run: $?"
validate_model $model --version 99 > $out/unknown_version.txt 2> $out/unknown_version.err
echo "unknown version: $?"
