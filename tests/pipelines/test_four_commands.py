"""The four commands in a shell, from made rows to a validated version: alike on MLflow's file and on an MLflow server."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from mlflow import MlflowClient

from rehearsal.mlflow_server import mlflow_server
from tests.pipelines.guide import run_script, script

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

PLACES = ["sqlite", "server"]
MODEL = "mlops_dev.made.my_classifier"
_OF_ITS_OWN = re.compile(r"\b[0-9a-f]{32}\b| +[\dhm.]*\ds$|\d+\.\d+ MB of files.*", re.MULTILINE)


@dataclass
class Chain:
    """What a run of the script came to, and the MLflow that it wrote to."""

    ran: "subprocess.CompletedProcess[str]"
    printed: Path
    home: Path
    mlflow: MlflowClient

    def text(self, name: str) -> str:
        return (self.printed / name).read_text(encoding="utf-8")

    @property
    def trained(self) -> Any:
        return json.loads(self.text("trained.json"))


@pytest.fixture(scope="module")
def chain_on(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Chain]]:
    """Run the script on one of the places, once, in a home of its own."""
    done: dict[str, Chain] = {}
    with ExitStack() as servers:

        def chain(place: str) -> Chain:
            if place not in done:
                home, printed = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("printed")
                environment, uri = {}, f"sqlite:///{home}/artifacts/mlflow.db"
                if place == "server":
                    uri = servers.enter_context(mlflow_server(tmp_path_factory.mktemp("server"))).uri
                    environment = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_TRACKING_TOKEN": "unused"}
                ran = run_script(script("four_commands"), str(printed), home=home, **environment)
                done[place] = Chain(ran, printed, home, MlflowClient(uri))
            return done[place]

        yield chain


@pytest.fixture(params=PLACES)
def chain(request: pytest.FixtureRequest, chain_on: Callable[[str], Chain]) -> Chain:
    return chain_on(request.param)


def test_the_script_goes_through_and_leaves_with_the_documented_codes(chain: Chain) -> None:
    assert chain.ran.stdout.splitlines()[-3:] == ["validated version 1", "unknown run: 4", "unknown version: 4"], (
        chain.ran,
        *(file.read_text(encoding="utf-8") for file in chain.printed.glob("*.err")),
    )
    assert "Traceback" not in "".join(file.read_text(encoding="utf-8") for file in chain.printed.iterdir())


def test_made_rows_are_prepared_and_told(chain: Chain) -> None:
    told = chain.text("prepared.txt")
    for line in ("Rows read      10,000 of made rows", "Divided        by time (event_time), the latest to test, test size 0.25"):
        assert line in told
    assert "mlops_dev.made.train_set version 1 (written), 7,500 rows: 0: " in told
    tables = [DeltaTable(str(chain.home / "feature_store/mlops_dev/made" / name)) for name in ("train_set", "test_set")]
    assert [table.count() for table in tables] == [7500, 2500]


def test_nothing_but_results_is_printed(chain: Chain) -> None:
    """No links, bars or warnings of libraries, and the document of --json alone."""
    assert "Warning" not in chain.ran.stdout + chain.ran.stderr
    assert chain.ran.stderr == ""
    assert [chain.text(f"{name}.err") for name in ("prepared", "registered", "validated")] == ["", "", ""]
    assert "http" not in "".join(chain.text(name) for name in ("prepared.txt", "trained.json", "registered.txt", "validated.txt"))


def test_the_experiment_is_made_with_its_tags(chain: Chain) -> None:
    tags = chain.mlflow.get_experiment_by_name("/Shared/mlops_dev/made/training").tags
    assert (tags["purpose"], tags["environment"]) == ("training", "dev")


def test_both_datasets_are_on_record(chain: Chain) -> None:
    [run_id] = re.findall(r"^MLflow run +(\w+)$", chain.text("prepared.txt"), re.MULTILINE)
    inputs = chain.mlflow.get_run(run_id).inputs.dataset_inputs
    assert {found.dataset.name: {tag.key: tag.value for tag in found.tags} for found in inputs} == {
        "train_set": {"mlflow.data.context": "training", "delta.version": "1", "source.kind": "synthetic"},
        "test_set": {"mlflow.data.context": "testing", "delta.version": "1", "source.kind": "synthetic"},
    }


def test_a_model_is_on_record_under_the_guides_names(chain: Chain) -> None:
    run = chain.mlflow.get_run(chain.trained["run_id"])
    for name in ("f1", "accuracy", "precision", "recall", "roc_auc"):
        assert run.data.metrics[f"test_{name}"] == run.data.metrics[name] == chain.trained["metrics"][f"test_{name}"]
    expected = {
        "project": "made",
        "domain": "quality",
        "model_name": "my_classifier",
        "model_type": "binary_classification",
        "algorithm": "lightgbm",
        "use_case": "What is target of a row of mlops_dev.made.train_set?",
        "feature_engineering": "unity_catalog",
        "training_data": "mlops_dev.made.train_set",
        "registered_name": MODEL,
        "environment": "dev",
        "gate.baseline": "passed",
        "verdict": "APPROVED",
        "delta.version.mlops_dev.made.train_set": "1",
        "delta.version.mlops_dev.made.test_set": "1",
    }
    assert {name: run.data.tags[name] for name in expected} == expected
    assert run.data.params["max_depth"] == "5"
    assert len(chain.mlflow.get_metric_history(run.info.run_id, "val_loss")) == 20
    contexts = {
        found.dataset.name: {tag.key: tag.value for tag in found.tags}["mlflow.data.context"] for found in run.inputs.dataset_inputs
    }
    assert contexts == {"train_set": "training", "test_set": "testing"}


def test_the_version_is_registered_with_its_tags_and_told_on_the_last_line(chain: Chain) -> None:
    assert chain.text("registered.txt").splitlines()[-1] == "REGISTERED_VERSION=1"
    version = chain.mlflow.get_model_version_by_alias(MODEL, "latest-model")
    assert (str(version.version), version.run_id) == ("1", chain.trained["run_id"])
    tags: Mapping[str, str] = version.tags
    assert (tags["git_sha"], tags["environment"], float(tags["f1_score"])) == ("f00d", "dev", chain.trained["metrics"]["test_f1"])


def test_the_version_passes_all_four_checks(chain: Chain) -> None:
    told = chain.text("validated.txt")
    assert "inference  10 rows of mlops_dev.made.test_set scored by predict, predict_proba" in told
    assert told.splitlines()[-1] == "PASSED  4 of 4 checks passed."


def test_an_unknown_run_and_an_unknown_version_are_told_with_those_that_there_are(chain: Chain) -> None:
    run = chain.trained["run_id"]
    assert chain.text("unknown_run.err") == (
        f"error: There is no run 'abc123def456'. In '/Shared/mlops_dev/made/training' these have passed, the newest first: {run}.\n"
    )
    assert "REGISTERED_VERSION" not in chain.text("unknown_run.txt")
    there_are = "There is version 1 and the aliases latest-model (1)."
    assert chain.text("unknown_version.err") == f"error: {MODEL} has no version 99. {there_are}\n"


def test_a_server_changes_nothing_of_what_is_printed(chain_on: Callable[[str], Chain]) -> None:
    """Ids, times and what is measured with a clock apart."""
    file, server = (chain_on(place) for place in PLACES)
    names = sorted(found.name for found in file.printed.iterdir())
    assert names == sorted(found.name for found in server.printed.iterdir())
    for name in names:
        assert _OF_ITS_OWN.sub("…", file.text(name)) == _OF_ITS_OWN.sub("…", server.text(name)), name
