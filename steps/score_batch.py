"""Score keys."""

from typing import Annotated

from zenml import log_metadata, step

from stackhouse.batch_scoring import ScoringReport, summarize
from stackhouse.table import Table
from stacks.feature_store import active_feature_store
from stacks.predictions import score_batch as score
from stacks.scoring_model import load_scoring_model
from stacks.tracking import tracking_client


@step(enable_cache=False)
def score_batch(
    spine: Table, model_uri: str, batch_size: int | None = None
) -> tuple[Annotated[Table, "predictions"], Annotated[ScoringReport, "scoring"]]:
    """Score every key with the features known at its time. Never cached: the alias and the tables may have moved."""
    predictions, run = score(active_feature_store(), load_scoring_model(tracking_client(), model_uri), spine, batch_size)
    report = summarize(predictions, run)
    log_metadata({"model_version": run.model_version, "rows": report.rows, "without_features": report.without_features})
    return predictions, report
