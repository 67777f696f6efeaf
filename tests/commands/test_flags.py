"""The flags of prepare_data and train_model: their defaults, what they become, and what is refused before anything is touched."""

import subprocess
import sys
from typing import Any

import pytest

import commands.prepare_data
import commands.preparing
import commands.train_model
import commands.training
from stackhouse.errors import ConfigurationError
from stackhouse.preparation import LookedUpRows, Preparation, SyntheticRows, TableRows
from stackhouse.table_training import TableTraining
from tests.conftest import PROJECT

PREPARE = ("--environment", "dev")
LOOKED_UP = ("--feature-store-table", "c.features.users", "--lookup-key", "user_id", "--label-table", "c.labels.fraud")
TRAIN = ("--environment", "dev", "--model-name", "m")


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the commands would have run, in place of running it."""
    found: list[Any] = []

    def instead(asked: Any, stack: str | None, *, as_json: bool) -> int:
        found.append((asked, stack, as_json))
        return 0

    monkeypatch.setattr(commands.preparing, "prepare", instead)
    monkeypatch.setattr(commands.training, "train_and_judge", instead)
    for name in ("CATALOG", "SCHEMA", "BASELINE_F1", "ENVIRONMENT"):
        monkeypatch.delenv(f"STACKHOUSE_{name}", raising=False)
    return found


def prepare(called: list[Any], *flags: str) -> Preparation:
    assert commands.prepare_data.app([*PREPARE, *flags], result_action="return_value") == 0
    asked: Preparation = called[-1][0]
    return asked


def train(called: list[Any], *flags: str) -> TableTraining:
    assert commands.train_model.app([*TRAIN, *flags], result_action="return_value") == 0
    asked: TableTraining = called[-1][0]
    return asked


def test_prepare_data_has_the_defaults_of_the_guide(called: list[Any]) -> None:
    asked = prepare(called)
    assert (asked.train_table, asked.test_table) == ("mlops_dev.my_model.train_set", "mlops_dev.my_model.test_set")
    assert (asked.test_size, asked.seed, asked.label, asked.time) == (0.2, 42, "target", None)
    assert (asked.experiment, asked.environment) == ("/Shared/mlops_dev/my_model/training", "dev")
    assert isinstance(asked.source, SyntheticRows)
    assert called[-1][1:] == (None, False)


def test_prepare_data_takes_rows_of_a_table(called: list[Any]) -> None:
    asked = prepare(called, "--catalog", "c", "--schema", "s", "--source-table", "raw", "--key-columns", "a", "b", "--time-column", "t")
    assert (asked.source, asked.time) == (TableRows(table="c.s.raw", keys=("a", "b")), "t")


def test_prepare_data_takes_features_separated_by_spaces(called: list[Any]) -> None:
    asked = prepare(called, *LOOKED_UP, "--feature-columns", "amount", "count", "mean", "--label-column", "is_fraud", "--json")
    source = LookedUpRows(
        feature_table="c.features.users", lookup_key=("user_id",), features=("amount", "count", "mean"), label_table="c.labels.fraud"
    )
    assert (asked.source, asked.label, called[-1][2]) == (source, "is_fraud", True)
    assert isinstance(several := prepare(called, *LOOKED_UP[:3], "a", "b", *LOOKED_UP[4:]).source, LookedUpRows)
    assert (several.lookup_key, several.features) == (("a", "b"), None)


def test_train_model_has_the_defaults_of_the_guide(called: list[Any]) -> None:
    asked = train(called)
    assert (asked.train_table, asked.test_table, asked.target) == (
        "mlops_dev.my_model.train_set",
        "mlops_dev.my_model.test_set",
        "target",
    )
    algorithm = asked.algorithm
    assert (algorithm.max_depth, algorithm.n_estimators, algorithm.learning_rate, algorithm.random_state) == (5, 100, 0.1, 42)
    assert (asked.gates.baseline_f1, asked.gates.against_guess, asked.seed) == (0.0, False, 42)
    assert (asked.identity.registered_name, asked.identity.environment) == ("mlops_dev.my_model.m", "dev")


def test_train_model_takes_every_flag(called: list[Any]) -> None:
    asked = train(
        called,
        *("--catalog", "c", "--schema", "s", "--train-table", "a", "--test-table", "b", "--target-col", "y", "--baseline-f1", "0.82"),
        *("--max-depth", "7", "--n-estimators", "200", "--learning-rate", "0.05", "--random-seed", "7", "--accept-leak", "x", "z"),
        *("--experiment-name", "/Shared/own", "--domain", "cost", "--use-case", "Is it?", "--stack", "local"),
    )
    algorithm = asked.algorithm
    assert (asked.train_table, asked.test_table, asked.target, asked.experiment) == ("c.s.a", "c.s.b", "y", "/Shared/own")
    assert (algorithm.max_depth, algorithm.n_estimators, algorithm.learning_rate, algorithm.random_state) == (7, 200, 0.05, 7)
    assert (asked.gates.baseline_f1, asked.accepted_leaks, asked.seed) == (0.82, ("x", "z"), 7)
    assert (asked.identity.domain, asked.identity.use_case, called[-1][1]) == ("cost", "Is it?", "local")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--source-table", "raw", *LOOKED_UP), "name two sources"),
        (("--source-table", "raw", "--feature-columns", "a"), "name two sources"),
        (("--feature-store-table", "c.s.t", "--label-table", "c.s.l"), "--lookup-key is missing"),
        (("--feature-store-table", "c.s.t", "--lookup-key", "k"), "--label-table is missing"),
        (("--lookup-key", "k", "--label-table", "c.s.l"), "--feature-store-table is missing"),
        (("--feature-columns", "a"), "--feature-store-table is missing"),
        ((*LOOKED_UP[:1], "users", *LOOKED_UP[2:]), "has not three levels"),
        ((*LOOKED_UP[:5], "c.labels.a/b"), "letters, digits and '_'"),
        ((*LOOKED_UP, "--feature-columns", "a", "a"), "names ['a'] more than once"),
        (("--key-columns", "a"), "--source-table, which is not given"),
        (("--label-column", "late"), "The label of made rows is 'target'"),
        (("--label-column", " ", "--source-table", "raw"), "--label-column is empty"),
        (("--train-table", "t", "--test-table", "t"), "Give two names"),
        (("--source-table", "train_set"), "would be read and written over"),
        (("--source-table", "raw; DROP TABLE x"), "--source-table is"),
        (("--train-table", "../../etc"), "--train-table is"),
        (("--test-table", "a" * 256), "--test-table has 256 characters"),
        (("--catalog", "a.b"), "--catalog is 'a.b'"),
        (("--schema", "a b"), "--schema is 'a b'"),
    ],
)
def test_flags_of_prepare_data_that_do_not_go_together_are_refused(called: list[Any], flags: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        commands.prepare_data.app([*PREPARE, *flags], result_action="return_value")
    assert message in str(refused.value)
    assert called == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--baseline-f1", "null"), "--baseline-f1 is 'null'"),
        (("--train-table", "t", "--test-table", "t"), "judged by what it learned"),
        (("--use-case", "a|b"), "--use-case: 'a|b' is a placeholder"),
        (("--model-name", "a/b"), "--model-name is 'a/b'"),
        (("--test-table", "a.b"), "--test-table is 'a.b'"),
    ],
)
def test_flags_of_train_model_that_make_no_sense_are_refused(called: list[Any], flags: tuple[str, ...], message: str) -> None:
    given = TRAIN[:2] if "--model-name" in flags else TRAIN
    with pytest.raises(ConfigurationError) as refused:
        commands.train_model.app([*given, *flags], result_action="return_value")
    assert message in str(refused.value)
    assert called == []


WRONG = [
    ("prepare_data", ()),
    ("prepare_data", (*PREPARE, "--test-size", "0")),
    ("prepare_data", (*PREPARE, "--test-size", "1")),
    ("prepare_data", (*PREPARE, "--test-size", "nan")),
    ("prepare_data", (*PREPARE, "--test-size", "half")),
    ("prepare_data", (*PREPARE, "--random-seed", "-1")),
    ("prepare_data", (*PREPARE, "--random-seed", "4.2")),
    ("prepare_data", (*PREPARE, "--environment", "dev")),
    ("prepare_data", (*PREPARE, "--catalog", "a", "--catalog", "b")),
    ("prepare_data", (*PREPARE, "--feature-columns")),
    ("prepare_data", (*PREPARE, "--feature-columns", "a", "--feature-columns", "b")),
    ("prepare_data", (*PREPARE, "--source-table")),
    ("prepare_data", (*PREPARE, "--colour", "blue")),
    ("prepare_data", (*PREPARE, "positional")),
    ("train_model", ("--environment", "dev")),
    ("train_model", ("--model-name", "m")),
    ("train_model", (*TRAIN, "--n-estimators", "0")),
    ("train_model", (*TRAIN, "--n-estimators", "100.5")),
    ("train_model", (*TRAIN, "--n-estimators", "10001")),
    ("train_model", (*TRAIN, "--max-depth", "-2")),
    ("train_model", (*TRAIN, "--max-depth", "deep")),
    ("train_model", (*TRAIN, "--learning-rate", "0")),
    ("train_model", (*TRAIN, "--learning-rate", "1.01")),
    ("train_model", (*TRAIN, "--learning-rate", "inf")),
    ("train_model", (*TRAIN, "--random-seed", "x")),
    ("train_model", (*TRAIN, "--baseline-f1", "0.1", "--baseline-f1", "0.2")),
    ("train_model", (*TRAIN, "--gates", "some")),
    ("train_model", (*TRAIN, "--domain", "fun")),
]


@pytest.mark.parametrize(("command", "flags"), WRONG, ids=lambda given: given if isinstance(given, str) else " ".join(given[2:]))
def test_a_flag_that_is_missing_doubled_or_out_of_range_leaves_with_2(
    called: list[Any], command: str, flags: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        getattr(commands, command).app(list(flags), result_action="return_value")
    assert (left.value.code, called) == (2, [])
    assert "--" in (told := capsys.readouterr()).out + told.err or "positional" in told.err


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("prepare_data", (*PREPARE, "--test-size", "0.000001", "--random-seed", "0")),
        ("prepare_data", (*PREPARE, "--test-size", "0.999999", "--random-seed", "2147483647")),
        ("train_model", (*TRAIN, "--n-estimators", "1", "--max-depth", "-1", "--learning-rate", "1", "--baseline-f1", "0")),
        ("train_model", (*TRAIN, "--n-estimators", "10000", "--max-depth", "30", "--learning-rate", "0.0001", "--baseline-f1", "0.9999")),
    ],
)
def test_values_at_the_edge_of_their_range_are_taken(called: list[Any], command: str, flags: tuple[str, ...]) -> None:
    getattr(commands, command).app(list(flags), result_action="return_value")
    assert len(called) == 1


@pytest.mark.parametrize("command", ["prepare_data", "train_model", "register_model", "validate_model"])
def test_help_shows_examples_and_imports_nothing_heavy(command: str) -> None:
    asked = (
        f"import sys\nfrom commands.{command} import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('zenml', 'mlflow', 'polars', 'pandas', 'numpy', 'lightgbm', 'pydantic') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", asked], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert told.rstrip().endswith("[]")
    assert "Examples:" in told
