"""register_model and validate_model as a user calls them in a shell, on the local stack."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from mlflow import MlflowClient

from commands import register_model, validate_model
from stackhouse.errors import ConfigurationError, InfrastructureError
from tests.pipelines.conftest import Runs, call

EXPERIMENT = "/Shared/stackhouse_ml_first_development"
PLACE = ("--catalog", "dev", "--schema", "first", "--model-name", "first")
TABLE = ("--test-table", "route_day_features")


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    """Call a command in the home of these tests, where the first run has left a model."""
    return call(*words, home=Path(os.environ["STACKHOUSE_HOME"]), zenml=Path(os.environ["ZENML_CONFIG_PATH"]))


@pytest.fixture(scope="module")
def registered(first_run: Runs) -> "subprocess.CompletedProcess[str]":
    return command(
        *("register_model", *PLACE, "--experiment-name", EXPERIMENT, "--alias", "challenger", "--git-sha", "f00d"),
        *("--environment", "staging", "--description", "Improved fraud detection with 85% F1", "--promote-to-staging"),
    )


def test_the_version_stands_on_a_line_of_its_own(registered: "subprocess.CompletedProcess[str]") -> None:
    assert registered.returncode == 0, registered.stderr
    assert re.findall(r"^REGISTERED_VERSION=(\d+)$", registered.stdout, re.MULTILINE) == ["1"]
    assert "dev.first.first version 1: this run was registered before" in registered.stdout


def test_what_the_flags_say_is_on_the_version(registered: "subprocess.CompletedProcess[str]", mlflow_client: MlflowClient) -> None:
    version = mlflow_client.get_model_version("dev.first.first", "1")
    assert version.description == "Improved fraud detection with 85% F1"
    assert (version.tags["git_sha"], version.tags["environment"]) == ("f00d", "aut")
    assert {"challenger", "staging", "latest-model"} <= set(version.aliases)


def test_a_validation_that_passes_leaves_with_0_and_writes_its_report(
    registered: "subprocess.CompletedProcess[str]", tmp_path: Path
) -> None:
    file = tmp_path / "results" / "validation_results.json"
    done = command("validate_model", *PLACE, *TABLE, "--alias", "challenger", "--sample-size", "10", "--output-file", str(file))
    assert done.returncode == 0, done.stderr
    assert "inference  10 rows of dev.first.route_day_features scored by predict, predict_proba" in done.stdout
    assert "PASSED  4 of 4 checks passed." in done.stdout
    report = json.loads(file.read_text(encoding="utf-8"))
    assert (report["outcome"], report["version"], len(report["checks"])) == ("PASSED", "1", 4)


def test_three_of_four_leave_with_0_and_a_warning_on_stdout_json_alone(registered: "subprocess.CompletedProcess[str]") -> None:
    done = command("validate_model", *PLACE, "--version", "1", "--test-table", "route_day_labels", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["outcome"], [check["name"] for check in report["checks"] if not check["passed"]]) == ("WARNING", ["inference"])
    assert "WARNING  3 of 4 checks passed. Three are enough; --strict asks for all four." in done.stderr


@pytest.mark.slow
def test_a_strict_validation_asks_for_all_four(registered: "subprocess.CompletedProcess[str]") -> None:
    done = command("validate_model", *PLACE, "--test-table", "route_day_labels", "--strict")
    assert done.returncode == 1
    assert "FAILED  3 of 4 checks passed. All four have to pass (--strict)." in done.stdout


def test_a_run_that_is_not_there_leaves_with_4_and_without_a_traceback(registered: "subprocess.CompletedProcess[str]") -> None:
    done = command("register_model", *PLACE, "--run-id", "abc123def456", "--experiment-name", EXPERIMENT)
    assert done.returncode == 4
    assert "error: There is no run 'abc123def456'. In '/Shared/stackhouse_ml_first_development' these have passed" in done.stderr
    assert "REGISTERED_VERSION" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
def test_a_version_that_is_not_there_leaves_with_4(registered: "subprocess.CompletedProcess[str]") -> None:
    done = command("validate_model", *PLACE, *TABLE, "--version", "99")
    assert done.returncode == 4
    assert "error: dev.first.first has no version 99. There is version 1 and the aliases" in done.stderr


def test_a_report_that_cannot_be_written_is_told_before_anything_is_validated(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InfrastructureError, match=r"/proc/report\.json cannot be written: .* Name another --output-file"):
        validate_model.app(["--model-name", "m", "--output-file", "/proc/report.json"], result_action="return_value")
    assert capsys.readouterr().out == ""


WRONG = {
    "no model": (["register_model"], "--model-name"),
    "model twice": (["register_model", "--model-name", "a", "--model-name", "b"], "--model-name"),
    "dots": (["register_model", "--model-name", "a.b"], "--model-name is 'a.b'"),
    "a path": (["register_model", "--model-name", "../a"], "--model-name is '../a'"),
    "too long": (["register_model", "--model-name", "a" * 256], "256 characters"),
    "catalog": (["register_model", "--model-name", "a", "--catalog", "x; DROP TABLE y"], "--catalog is"),
    "alias": (["register_model", "--model-name", "a", "--alias", "v1"], "The alias 'v1' cannot be used"),
    "empty run": (["register_model", "--model-name", "a", "--run-id", ""], "--run-id is empty"),
    "environment": (["register_model", "--model-name", "a", "--environment", "test"], "--environment is 'test'"),
    "unknown flag": (["register_model", "--model-name", "a", "--stage", "x"], "--stage"),
    "version": (["validate_model", "--model-name", "a", "--version", "0"], "0 is not a whole number of 1 at least"),
    "version word": (["validate_model", "--model-name", "a", "--version", "latest"], "'latest' is not a whole number"),
    "sample": (["validate_model", "--model-name", "a", "--sample-size", "0"], "0 is not a whole number"),
    "accuracy": (["validate_model", "--model-name", "a", "--min-accuracy", "1.1"], "1.1 is not a number above 0 and at most 1"),
    "table": (["validate_model", "--model-name", "a", "--test-table", "a/b"], "--test-table is 'a/b'"),
}


@pytest.mark.parametrize(("words", "told"), WRONG.values(), ids=WRONG)
def test_a_wrong_flag_leaves_with_2_and_touches_nothing(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STACKHOUSE_HOME", str(tmp_path / "home"))
    app = {"register_model": register_model.app, "validate_model": validate_model.app}[words[0]]
    with pytest.raises((SystemExit, ConfigurationError)) as left:
        app(words[1:], result_action="return_value")
    said = capsys.readouterr()
    code = left.value.code if isinstance(left.value, SystemExit) else left.value.exit_code
    assert code == 2
    assert told in " ".join(re.sub(r"[│╭╮╰╯─]", " ", f"{left.value} {said.err} {said.out}").split())
    assert not (tmp_path / "home").exists()
