"""Split the dataset."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.splits import SplitRule, split
from stackhouse.table import Table
from steps.caching import CODE


@step(cache_policy=CODE)
def split_dataset(
    labelled: Table, rule: SplitRule
) -> tuple[Annotated[Table, "train"], Annotated[Table, "validation"], Annotated[Table, "test"]]:
    """Divide the rows: train fits, validation chooses, test judges."""
    parts = split(labelled, rule)
    log_metadata({"kind": rule.kind, "test_size": rule.test_size})
    return parts.train, parts.validation, parts.test
