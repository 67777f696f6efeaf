"""Load the keys to score."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.sources import SourceSpec
from stackhouse.table import Table
from stacks.feature_store import active_feature_store
from stacks.sources import read_source

KEYS = "keys"


@step(enable_cache=False)
def load_spine(keys: SourceSpec | None, label_table: str) -> Annotated[Table, "spine"]:
    """Read the table of keys, or take the keys and times of the label table and nothing else of it."""
    if keys is None:
        labels = active_feature_store().read_table(label_table)
        spine = labels.select(labels.roles.identity)
    else:
        spine = read_source(keys, [KEYS])[KEYS]
    log_metadata({"source": keys.kind if keys else label_table})
    return spine
