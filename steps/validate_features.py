"""Validate a feature table."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.profile import TableProfile, profile
from stackhouse.table import Table
from stackhouse.validation import Expectations, validate
from steps.caching import CODE


@step(cache_policy=CODE)
def validate_features(features: Table, expectations: Expectations) -> Annotated[TableProfile, "profile"]:
    """Stop the run where an expectation is not met, before anything is written; profile the features where all are."""
    validate(features, expectations)
    profiled = profile(features)
    log_metadata({"rows": profiled.rows})
    return profiled
