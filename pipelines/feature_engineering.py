"""From raw rows to feature and label tables."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from stackhouse.spec import ModelSpec
from steps.check_feature_tables import check_feature_tables
from steps.clean_features import clean_features
from steps.compute_features import compute_features
from steps.load_source import load_source
from steps.validate_features import validate_features
from steps.write_feature_table import write_feature_table


@pipeline(name="feature_engineering", execution_mode=ExecutionMode.FAIL_FAST)
def feature_engineering(model: ModelSpec) -> None:
    """Load, compute, clean, validate, and only then write. Labels are measured values and are never cleaned."""
    source = load_source(model.source, {name: list(columns) for name, columns in model.features.definition.inputs.items()})
    features, labels = compute_features(source, model.features.definition)
    features, _ = clean_features(features, model.cleaning)
    by_the_clock = validate_features.with_options(enable_cache=False) if model.validation.freshness else validate_features
    by_the_clock(features, model.validation.of_features)
    validate_features(labels, model.validation.of_labels, model.label.rule, id="validate_labels")
    validated = ["validate_features", "validate_labels"]
    tables, looked_up = (model.feature_table, model.label_table), list(model.tables_of_others)
    check_feature_tables(features, labels, *tables, model.writing, looked_up, after=validated)
    checked = ["check_feature_tables"]
    write_feature_table(features, model.feature_table, model.features.description, model.writing, after=checked)
    write_feature_table(
        labels, model.label_table, f"Measured labels: {model.use_case}", model.writing, id="write_label_table", after=checked
    )
