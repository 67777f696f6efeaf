"""Runs and versions that real pipelines left behind, as the commands show them and as the guides ask for them."""

import csv
import io
import json
import re
import sqlite3
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient
from rich.console import Console

import stacks.history
from commands.leaving import leave
from commands.main import app
from commands.runs import print_runs
from stackhouse.errors import ConfigurationError
from stackhouse.evaluation.recorded import metrics_of_test_rows
from stackhouse.history import TrainingRun
from stacks.history import model_versions
from stacks.home import home
from stacks.training_runs import RunFilter, training_runs
from tests.pipelines.conftest import Runs, call

EXPERIMENT = "/Shared/stackhouse_ml_first_development"
NAME = "dev.first.first"


@dataclass(frozen=True)
class Told:
    """How a command left, and what it said."""

    code: int
    out: str
    err: str


Command = Callable[..., Told]


@pytest.fixture
def stackhouse(first_run: Runs, capsys: pytest.CaptureFixture[str]) -> Command:
    """The commands in this process, whose active stack is the local one."""

    def run(*words: str) -> Told:
        with pytest.raises(SystemExit) as left:
            leave(partial(app, words))  # type: ignore[arg-type]
        return Told(int(left.value.code or 0), *capsys.readouterr())

    return run


def test_the_run_is_a_row_with_its_parameters_and_the_metrics_of_its_evaluation(first_run: Runs, mlflow_client: MlflowClient) -> None:
    record, evaluation = first_run.report("train_model", "model").record, first_run.report("evaluate_model", "evaluation")
    run = next(run for run in training_runs(mlflow_client, RunFilter(model="first")) if run.run_id == record.run_id)
    assert (run.model, run.task, run.algorithm, run.verdict) == ("first", "binary_classification", "xgboost", "APPROVED")
    assert (run.experiment, run.status) == (EXPERIMENT, "FINISHED")
    assert metrics_of_test_rows(run.metrics) == evaluation.test
    assert (run.params["n_estimators"], run.params["max_depth"]) == ("20", "3")
    assert run in training_runs(mlflow_client, RunFilter(model=NAME))
    with pytest.raises(ConfigurationError, match=r"There is no run of a model 'dev\.first\.other'\. There .*dev\.first\.first"):
        training_runs(mlflow_client, RunFilter(model="dev.first.other"))


@pytest.mark.parametrize(
    ("algorithm", "status", "shown"), [("xgboost", "FINISHED", "no verdict"), ("xgboost", "FAILED", "failed"), ("", "FINISHED", "finished")]
)
def test_a_run_that_was_not_judged_is_shown_as_such(algorithm: str, status: str, shown: str) -> None:
    out = io.StringIO()
    told = {"experiment": EXPERIMENT, "model": "first", "task": "binary_classification", "algorithm": algorithm, "status": status}
    ended = {"verdict": None, "start_time": datetime(2026, 1, 1, tzinfo=UTC), "seconds": 1.0, "params": {}, "metrics": {}}
    run = TrainingRun.model_validate({"run_id": "0" * 32, "run_name": "run", **told, **ended})
    print_runs(Console(file=out, width=120), [run], [])
    assert shown in out.getvalue()


def test_the_guides_comparison_runs_on_these_runs_with_a_metric_that_they_have(first_run: Runs, mlflow_client: MlflowClient) -> None:
    """Lines of guide 002, Programmatic Comparison; test_r2, which is a regression's, is test_f1 here."""
    client, experiment_name = mlflow_client, EXPERIMENT
    experiment = client.get_experiment_by_name(experiment_name)
    runs = client.search_runs(experiment.experiment_id)
    runs_df = pd.DataFrame([{"run_id": r.info.run_id, "start_time": r.info.start_time, **r.data.params, **r.data.metrics} for r in runs])
    compared = runs_df[["run_id", "n_estimators", "max_depth", "test_f1"]].sort_values("test_f1", ascending=False)
    assert compared["run_id"].tolist() == [first_run.report("train_model", "model").record.run_id]
    assert compared["test_f1"].tolist() == [first_run.report("evaluate_model", "evaluation").test["f1"]]


def test_runs_prints_a_row_a_run(stackhouse: Command, first_run: Runs) -> None:
    told = stackhouse("runs", "--model", "first", "--sort", "test_auc_roc")
    evaluation, run_id = first_run.report("evaluate_model", "evaluation"), first_run.report("train_model", "model").record.run_id
    assert (told.code, told.err) == (0, "")
    heading, row = told.out.strip().splitlines()
    assert heading.split() == ["Began,", "UTC", "Model", "Algorithm", "Verdict", "roc_auc", "f1", "Run"]
    assert row.split()[2:] == [
        "first",
        "xgboost",
        "APPROVED",
        f"{evaluation.test['roc_auc']:.4f}",
        f"{evaluation.test['f1']:.4f}",
        run_id[:8],
    ]


def test_runs_gives_machines_every_parameter_and_metric(stackhouse: Command, first_run: Runs) -> None:
    as_json, as_csv = (stackhouse("runs", "--experiment", EXPERIMENT, form) for form in ("--json", "--csv"))
    (run,), (row,) = json.loads(as_json.out), [*csv.DictReader(io.StringIO(as_csv.out))]
    test = first_run.report("evaluate_model", "evaluation").test
    assert run["metrics"]["test_f1"] == float(row["test_f1"]) == test["f1"]
    assert run["params"]["n_estimators"] == row["n_estimators"] == "20"
    assert run["run_id"] == row["run_id"] == first_run.report("train_model", "model").record.run_id


def test_a_process_of_its_own_does_the_same(stackhouse: Command) -> None:
    words = ("history", NAME)
    alone = call("stackhouse", *words, home=home())
    assert (alone.returncode, alone.stdout, alone.stderr) == (0, stackhouse(*words).out, "")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("runs", "--model", "nobody"), 2, r"There is no run of a model 'nobody'\. There are "),
        (("runs", "--experiment", "nowhere"), 2, r"There is no experiment 'nowhere'\. There are /Shared/"),
        (("runs", "--sort", "beauty"), 2, r"There is no metric 'beauty'; there are accuracy, "),
        (("runs", "--model", "first", "--sort", "rmse"), 2, r"No run of these has the metric 'rmse'; they have accuracy, "),
        (("runs", "--limit", "0"), 2, r"--limit is 0, and has to be 1 at least"),
        (("runs", "--json", "--csv"), 2, r"Give one of them"),
        (("history", "nobody"), 2, r"'nobody' names no model\..* configs/models: .*flight_delay"),
        (("history", NAME, "--metric", "rmse"), 2, r"No row of these has the metric 'rmse'; they have accuracy, "),
        (("history", NAME, "--plot", "f1.gif"), 2, r"'f1\.gif' is no picture that can be drawn"),
        (("history", "dev.first.second"), 4, r"dev\.first\.second has no registered version\. There are dev\."),
        (("history", "dev.first.first' or name != '"), 2, r"is no name of a model"),
        (("runs", "--stack", "nowhere"), 2, r"There is no stack 'nowhere'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_not_there_leaves_with_its_code_and_names_what_is(
    stackhouse: Command, words: tuple[str, ...], code: int, message: str
) -> None:
    told = stackhouse(*words)
    assert (told.code, told.out) == (code, ""), told.err
    assert re.search(message, told.err), told.err
    assert "Traceback" not in told.err


def test_history_shows_version_metrics_data_commit_and_aliases(stackhouse: Command, first_run: Runs, tmp_path: Path) -> None:
    told = stackhouse("history", NAME, "--metric", "test_f1", "--plot", str(tmp_path / "f1.svg"))
    assert (told.code, told.err) == (0, "")
    f1 = first_run.report("evaluate_model", "evaluation").test["f1"]
    shown = " ".join(told.out.split())
    assert shown.startswith(f"{NAME}, test rows v Registered, UTC Algorithm f1 Trained on Commit Aliases 1 ")
    assert f" xgboost {f1:.4f} route_day_features v1, " in shown
    assert "champion, latest-model" in told.out
    assert first_run.report("train_model", "model").record.git_sha[:7] in told.out
    assert "champion" in (tmp_path / "f1.svg").read_text(encoding="utf-8")


def test_history_gives_machines_the_versions_with_their_intervals(stackhouse: Command, first_run: Runs) -> None:
    (version,) = json.loads(stackhouse("history", NAME, "--json").out)
    evaluation = first_run.report("evaluate_model", "evaluation")
    assert version["metrics"] == evaluation.test
    assert version["intervals"]["f1"] == evaluation.intervals["f1"].model_dump()
    assert version["tables"] == {"dev.first.route_day_features": 1, "dev.first.route_day_labels": 1}
    assert (version["version"], version["aliases"], version["exact"]) == (1, ["champion", "latest-model"], True)


def test_a_version_whose_run_is_gone_says_from_itself_what_it_was_trained_on(
    first_run: Runs, mlflow_client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    (whole,) = model_versions(mlflow_client, NAME)
    monkeypatch.setattr(stacks.history, "_run_of", lambda *_: None)
    (version,) = model_versions(mlflow_client, NAME)
    assert (version.tables, version.exact) == (whole.tables, False)
    assert version.metrics == pytest.approx(whole.metrics, abs=5e-7)


def test_the_guides_query_runs_on_the_view_of_these_runs(stackhouse: Command, first_run: Runs, mlflow_client: MlflowClient) -> None:
    """Lines of guide 003, with the name of our experiment."""
    query = textwrap.dedent(f"""
        -- Query training history
        SELECT
            experiment_name,
            run_id,
            metric_name,
            metric_value,
            timestamp
        FROM mlflow_metrics
        WHERE experiment_name = '{EXPERIMENT}'
        ORDER BY timestamp DESC;
    """)  # noqa: S608 - a constant of this file
    made = stackhouse("view", "create")
    try:
        assert (made.code, made.err) == (0, "")
        with sqlite3.connect(home() / "artifacts" / "mlflow.db") as connection:
            rows: list[Any] = connection.execute(query).fetchall()
    finally:
        dropped = stackhouse("view", "drop")
    found = {name: value for _, _, name, value, _ in rows}
    assert found == mlflow_client.get_run(first_run.report("train_model", "model").record.run_id).data.metrics
    times = [time for *_, time in rows]
    assert times == sorted(times, reverse=True)
    assert dropped.code == 0
