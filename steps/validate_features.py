"""Validate a feature or label table."""

from datetime import UTC, datetime
from typing import Annotated

from zenml import log_metadata, save_artifact, step

from stackhouse.labels.labelling import label_rows
from stackhouse.labels.rules import LabelRule
from stackhouse.profile import TableProfile, profile
from stackhouse.table import Table
from stackhouse.validation import Expectations, ValidationResult, require_met
from stacks.expectation_suite import run_suite
from steps.caching import CODE


@step(cache_policy=CODE)
def validate_features(
    features: Table, expectations: Expectations, rule: LabelRule | None = None
) -> tuple[Annotated[TableProfile, "profile"], Annotated[ValidationResult, "validation"]]:
    """Stop the run where an expectation is not met, before anything is written; profile the features where all are.

    A pipeline must not cache it where freshness is expected, since only the clock tells. A result that stops the run is
    saved as an artifact of its own, whose page the dashboard shows; the outputs of a step that raises are not.
    """
    result = run_suite(features, expectations, datetime.now(UTC), rule)
    log_metadata({"rows": result.rows, "expectations": len(result.expectations), "failed": [failed.observed for failed in result.failed]})
    if not result.passed:
        save_artifact(result, "failed_validation")
    require_met(result)
    if rule is not None:
        label_rows(features, rule)  # refuses here, before anything is written, the labels that training would refuse
    return profile(features), result
