"""Environments: three files, each by two names, and what goes before what: flag, variable, file, default."""

from pathlib import Path

import pytest
import yaml

from commands.arguments import place_of
from commands.environments import FOLDER, read_environment
from commands.train_model import asked_gates
from stackhouse.environments import first_given
from stackhouse.errors import ConfigurationError

BASELINES = {"dev": 0.70, "aut": 0.80, "prod": 0.85}


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENVIRONMENT", "CATALOG", "SCHEMA", "BASELINE_F1"):
        monkeypatch.delenv(f"STACKHOUSE_{name}", raising=False)


@pytest.mark.parametrize(
    ("name", "file"),
    [("dev", "dev"), ("development", "dev"), ("aut", "aut"), ("staging", "aut"), ("prod", "prod"), ("production", "prod")],
)
def test_an_environment_goes_by_two_names(name: str, file: str) -> None:
    found = read_environment(name)
    assert (found.environment, found.catalog, found.baseline_f1) == (file, f"mlops_{file}", BASELINES[file])


def test_every_shipped_environment_is_valid_and_names_nobody() -> None:
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(BASELINES)
    assert {read_environment(file.stem).alert_address for file in FOLDER.glob("*.yaml")} == {""}


@pytest.mark.parametrize("name", ["", "test", "DEV", "../dev"])
def test_another_name_is_refused_with_those_that_there_are(name: str) -> None:
    with pytest.raises(ConfigurationError, match="Give one of dev, development, aut, staging, prod, production"):
        place_of(None, None, name)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"colour": "blue"}, "colour"),
        ({"catalog": "a.b"}, "letters, digits and '_'"),
        ({"baseline_f1": 1.0}, "less than 1"),
        ({"gates": {"minimum": {"gini": 1}}}, "unknown metric 'gini'"),
        ({"alert_address": "ml-team"}, "alert_address is 'ml-team'"),
        ({"alert_address": "a@b.org, c@d.org"}, "Give one e-mail address"),
        ({"environment": "prod"}, "says that it is the environment 'prod'"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    shipped = yaml.safe_load((FOLDER / "dev.yaml").read_text(encoding="utf-8"))
    (tmp_path / "dev.yaml").write_text(yaml.safe_dump(shipped | change), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=message):
        read_environment("dev", tmp_path)


@pytest.mark.parametrize("content", [None, "[", "- a list"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "dev.yaml").write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"dev\.yaml"):
        read_environment("dev", tmp_path)


def test_a_flag_goes_before_a_variable_that_before_the_file() -> None:
    assert first_given(["flag", "variable", "environment", "model file"], "default") == "flag"
    assert first_given([None, "variable", "environment", "model file"], "default") == "variable"
    assert first_given([None, None, "environment", "model file"], "default") == "environment"
    assert first_given([None, None, None, "model file"], "default") == "model file"
    assert first_given([None, None, None, None], "default") == "default"


def test_catalog_and_schema_come_from_flag_variable_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (place_of(None, None, "aut").catalog, place_of(None, None, "aut").schema) == ("mlops_aut", "my_model")
    monkeypatch.setenv("STACKHOUSE_CATALOG", "of_variable")
    monkeypatch.setenv("STACKHOUSE_SCHEMA", "of_variable_too")
    assert (place_of(None, None, "aut").catalog, place_of(None, None, "aut").schema) == ("of_variable", "of_variable_too")
    assert (place_of("flag", None, "aut").catalog, place_of(None, "flag", "aut").schema) == ("flag", "flag")
    monkeypatch.setenv("STACKHOUSE_CATALOG", "")
    assert place_of(None, None, "aut").catalog == "mlops_aut"


def test_the_environment_itself_comes_from_flag_variable_or_is_dev(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place_of(None, None, None).environment == "dev"
    monkeypatch.setenv("STACKHOUSE_ENVIRONMENT", "production")
    assert place_of(None, None, None).environment == "prod"
    assert place_of(None, None, "staging").environment == "aut"
    monkeypatch.setenv("STACKHOUSE_ENVIRONMENT", "nowhere")
    with pytest.raises(ConfigurationError, match="STACKHOUSE_ENVIRONMENT is 'nowhere'"):
        place_of(None, None, None)


def test_a_wrong_name_says_where_it_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match=r"^--catalog is 'a b'"):
        place_of("a b", None, "dev")
    with pytest.raises(ConfigurationError, match=r"^--catalog is empty"):
        place_of("", None, "dev")
    monkeypatch.setenv("STACKHOUSE_SCHEMA", "../up")
    with pytest.raises(ConfigurationError, match=r"^STACKHOUSE_SCHEMA is '\.\./up'"):
        place_of(None, None, "dev")


def test_the_experiment_and_the_names_of_tables_follow_from_the_place() -> None:
    place = place_of("cat", "sch", "dev")
    assert (place.experiment, place.named("--train-table", "train_set")) == ("/Shared/cat/sch/training", "cat.sch.train_set")
    with pytest.raises(ConfigurationError, match=r"^--train-table is 'a\.b'"):
        place.named("--train-table", "a.b")


def test_the_baseline_comes_from_flag_or_variable_and_is_0_unless_the_environments_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    place = place_of(None, None, "prod")
    assert asked_gates(place, None, "none").baseline_f1 == 0.0
    assert asked_gates(place, "environment", "none").baseline_f1 == 0.85
    monkeypatch.setenv("STACKHOUSE_BASELINE_F1", "0.6")
    assert asked_gates(place, None, "none").baseline_f1 == 0.6
    assert asked_gates(place, "0.5", "none").baseline_f1 == 0.5
    assert asked_gates(place, "0", "none").baseline_f1 == 0.0
    monkeypatch.setenv("STACKHOUSE_BASELINE_F1", "environment")
    assert asked_gates(place, None, "none").baseline_f1 == 0.85


def test_the_other_gates_of_the_environment_are_asked_for_only_by_name() -> None:
    place = place_of(None, None, "prod")
    assert (asked_gates(place, "0.5", "none").minimum, asked_gates(place, "0.5", "none").against_guess) == ({}, False)
    asked = asked_gates(place, "0.5", "environment")
    assert (asked.minimum, asked.baseline_f1, asked.against_guess) == (place.gates.minimum, 0.5, True)


@pytest.mark.parametrize("text", ["1", "-0.1", "nan", "null", "high", "", "inf"])
def test_a_baseline_that_no_model_could_pass_or_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--baseline-f1 is"):
        asked_gates(place_of(None, None, "dev"), text, "none")
