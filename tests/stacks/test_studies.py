"""Kept studies: a search that was killed goes on from the trials it has finished; other searches and models begin anew or are refused."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from stackhouse.errors import InfrastructureError
from stackhouse.tuning.comparison import TuningReport
from stacks.studies import kept_study
from tests.conftest import PROJECT

ONE, OTHER = "1" * 64, "2" * 64
TRIALS = 7
SEARCH = f"""
import numpy as np, polars as pl
from stackhouse.algorithms import LightGBM, XGBoost
from stackhouse.cleaning import CleaningRule
from stackhouse.fitted import ScoringRules
from stackhouse.labels.rules import BinaryLabel
from stackhouse.tuning.search import digest, search
from stackhouse.tuning.search_rule import SearchRule
from stackhouse.splits import RandomSplit
from stackhouse.table import Roles, Table
from stacks.studies import kept_study

generator = np.random.default_rng(1)
x, z = generator.normal(size=(2, 300))
rows = pl.DataFrame({{"k": range(300), "x": x, "z": z, "y": (x * z + 0.3 * generator.normal(size=300) > 0).astype(int)}})
train = Table.of(rows, Roles(primary_keys=("k",), label="y", features=("x", "z")), "rows")
one = ScoringRules(algorithm=XGBoost(n_estimators=20), features=("x", "z"), cleaning=CleaningRule(), label=BinaryLabel(source="y"))
listed = (one, one.model_copy(update={{"algorithm": LightGBM(n_estimators=20)}}))
few = {{"n_estimators": {{"low": 10, "high": 40}}}}
rule = SearchRule(trials={TRIALS}, folds=3, space={{"xgboost": few, "lightgbm": few}})
with kept_study("dev.shop.churn", digest(train, listed, "roc_auc", rule, RandomSplit(), "code")) as study:
    print("kept", len(study.trials), flush=True)
    told = lambda trials: print("trial", len(trials), flush=True)
    report = search(train, train, listed, "roc_auc", rule, RandomSplit(), kept=study, told=told).report
print(report.model_dump_json(), flush=True)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STACKHOUSE_HOME", str(tmp_path))
    return tmp_path / "studies"


def start() -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", SEARCH], cwd=PROJECT, stdout=subprocess.PIPE, text=True)


def finish(process: "subprocess.Popen[str]") -> list[str]:
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return printed.splitlines()


def kill_after(line: str) -> None:
    process = start()
    assert process.stdout
    try:
        while process.stdout.readline().strip() != line:
            assert process.poll() is None
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        process.stdout.close()


def test_a_search_killed_again_and_again_ends_as_one_that_never_was(place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STACKHOUSE_HOME", str(tmp_path / "untouched"))
    whole = finish(start())
    assert whole[:-1] == ["kept 0", *(f"trial {number}" for number in range(1, TRIALS + 1))]
    monkeypatch.setenv("STACKHOUSE_HOME", str(tmp_path / "killed"))
    kill_after("trial 1")
    kill_after("trial 4")
    printed = finish(start())
    kept = int(printed[0].removeprefix("kept "))
    assert kept >= 4
    assert printed[1:-1] == [f"trial {number}" for number in range(kept + 1, TRIALS + 1)]
    assert TuningReport.model_validate_json(printed[-1]) == TuningReport.model_validate_json(whole[-1])


def test_trials_come_back_and_another_search_of_the_model_begins_anew(place: Path) -> None:
    with kept_study("dev.shop.churn", ONE) as study:
        study.add_trial(optuna.trial.create_trial(value=0.125))
    with kept_study("dev.shop.churn", OTHER) as study:
        assert study.trials == []
    with kept_study("dev.shop.churn", ONE) as study:
        assert [trial.value for trial in study.trials] == [0.125]


def test_another_model_has_a_file_of_its_own(place: Path) -> None:
    for model in ("dev.shop.churn", "dev.shop.basket"):
        with kept_study(model, ONE) as study:
            assert study.trials == []
            study.add_trial(optuna.trial.create_trial(value=0.5))
    assert sorted(path.name for path in place.glob("*.db")) == ["dev.shop.basket.db", "dev.shop.churn.db"]


@pytest.mark.parametrize(("key", "told"), [("stackhouse.model", '"dev.shop.basket"'), ("stackhouse.digest", f'"{"1" * 16}{"3" * 48}"')])
def test_a_study_of_another_model_or_search_under_the_same_name_is_refused(place: Path, key: str, told: str) -> None:
    with kept_study("dev.shop.churn", ONE):
        pass
    with sqlite3.connect(place / "dev.shop.churn.db") as database:
        database.execute("UPDATE study_user_attributes SET value_json = ? WHERE key = ?", (told, key))
    database.close()
    with (
        pytest.raises(InfrastructureError, match=r"in .*dev\.shop\.churn\.db is of another model or search"),
        kept_study("dev.shop.churn", ONE),
    ):
        pass


def test_a_study_that_is_not_ours_is_refused(place: Path) -> None:
    place.mkdir(parents=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{place}/dev.shop.churn.db")
    optuna.create_study(storage=storage, study_name=f"dev.shop.churn-{ONE[:16]}").add_trial(optuna.trial.create_trial(value=1.0))
    storage.engine.dispose()
    with pytest.raises(InfrastructureError, match="is of another model or search"), kept_study("dev.shop.churn", ONE):
        pass


def test_two_searches_for_one_model_at_once_are_refused(place: Path) -> None:
    with (
        kept_study("dev.shop.churn", ONE),
        pytest.raises(InfrastructureError, match=r"Another process is searching for dev\.shop\.churn"),
        kept_study("dev.shop.churn", OTHER),
    ):
        pass
    with kept_study("dev.shop.churn", OTHER):
        pass


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(place: Path) -> None:
    place.mkdir(parents=True)
    (place / "dev.shop.churn.db").write_text("a letter " * 200)
    with pytest.raises(InfrastructureError, match=r"dev\.shop\.churn\.db cannot be used .* Delete it"), kept_study("dev.shop.churn", ONE):
        pass
    assert (place / "dev.shop.churn.db").read_text() == "a letter " * 200


def test_a_folder_that_cannot_be_written_to_is_refused(place: Path) -> None:
    place.parent.mkdir(exist_ok=True)
    place.write_text("a file where the folder should be")
    with pytest.raises(InfrastructureError, match="Cannot write to"), kept_study("dev.shop.churn", ONE):
        pass
