"""Metrics on record are finite; MLflow would store another number for infinity."""

import pytest
from mlflow import MlflowClient

from stackhouse.errors import DataError
from stacks.tracking import log_metrics


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_metric_that_is_not_finite_is_refused_by_name_and_none_is_logged(tmp_path_factory: pytest.TempPathFactory, value: float) -> None:
    client = MlflowClient(f"sqlite:///{tmp_path_factory.getbasetemp()}/tracking.db")
    run_id = client.create_run("0").info.run_id
    with pytest.raises(DataError, match=r"The metrics \['mape'\] are not finite"):
        log_metrics(client, run_id, {"f1": 0.5, "mape": value})
    assert client.get_run(run_id).data.metrics == {}
