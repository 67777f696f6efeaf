"""From raw rows to feature and label tables."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from stackhouse.spec import ModelSpec
from stackhouse.validation import Expectations
from steps.clean_features import clean_features
from steps.compute_features import compute_features
from steps.load_source import load_source
from steps.validate_features import validate_features
from steps.write_feature_table import write_feature_table


@pipeline(name="feature_engineering", execution_mode=ExecutionMode.FAIL_FAST)
def feature_engineering(model: ModelSpec) -> None:
    """Load, compute, clean, validate, and only then write. Labels are measured values and are never cleaned."""
    source = load_source(model.source)
    features, labels = compute_features(source, model.features.definition)
    features, _ = clean_features(features, model.cleaning)
    validate_features(features, model.validation)
    validate_features(labels, Expectations(), id="validate_labels")
    checked, mode = ["validate_features", "validate_labels"], model.features.write_mode
    write_feature_table(features, model.feature_table, model.features.description, mode, after=checked)
    write_feature_table(labels, model.label_table, f"Measured labels: {model.use_case}", mode, id="write_label_table", after=checked)
