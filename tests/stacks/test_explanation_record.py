"""What an explanation leaves beside the run: two pictures and the whole of it as JSON; nothing without a model."""

from pathlib import Path

import pytest
from mlflow import MlflowClient

from stackhouse.errors import InfrastructureError
from stackhouse.explanation.explanation import Explanation
from stackhouse.record import TrainingRecord
from stacks.explanation_record import EXPLANATION_FILE, log_explanation
from tests.reports import EXPLANATION
from tests.stacks.conftest import artifacts

ALL = {"feature_importance.png", "shap_summary.png", EXPLANATION_FILE}


def test_pictures_and_the_whole_explanation_lie_beside_the_run(client: MlflowClient, record: TrainingRecord, tmp_path: Path) -> None:
    log_explanation(record, EXPLANATION)
    assert artifacts(client, record) == ALL
    stored = Path(client.download_artifacts(str(record.run_id), EXPLANATION_FILE, str(tmp_path))).read_text(encoding="utf-8")
    assert Explanation.model_validate_json(stored) == EXPLANATION


def test_explanation_is_no_metric(client: MlflowClient, record: TrainingRecord) -> None:
    log_explanation(record, EXPLANATION)
    assert client.get_run(str(record.run_id)).data.metrics == {}


def test_explanation_that_is_logged_again_replaces_what_is_there(client: MlflowClient, record: TrainingRecord) -> None:
    log_explanation(record, EXPLANATION)
    log_explanation(record, EXPLANATION)
    assert artifacts(client, record) == ALL


def test_withheld_explanation_says_so_without_pictures(client: MlflowClient, record: TrainingRecord) -> None:
    log_explanation(record, Explanation(withheld="they do not add up"))
    assert artifacts(client, record) == {EXPLANATION_FILE}


def test_run_without_a_model_gets_nothing(client: MlflowClient, record: TrainingRecord) -> None:
    log_explanation(record, Explanation(skipped="all training rows are of class 0"))
    assert artifacts(client, record) == set()


def test_unknown_run_is_an_error_of_ours(client: MlflowClient, record: TrainingRecord) -> None:
    with pytest.raises(InfrastructureError, match="MLflow did not take the explanation"):
        log_explanation(record.model_copy(update={"run_id": "0" * 32}), EXPLANATION)
