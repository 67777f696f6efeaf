"""`stackhouse compare`: two registered versions on rows that neither was trained on, with a verdict, an exit code, and nothing written."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow import MlflowClient

from commands.main import app
from stackhouse.errors import ColumnNotFoundError, ConfigurationError, DataError, RegistryError, StackhouseError
from stackhouse.promotion.evidence import Evidence
from stacks.feature_store import active_feature_store
from stacks.named_version import NamedVersion
from tests.conftest import PROJECT
from tests.pipelines.conftest import Runs, call, small_model

NAME = "dev.versus.versus"
WORSE = [{"kind": "xgboost", "n_estimators": 2, "max_depth": 1, "learning_rate": 1.0}]
PROMOTION = {"metric": "roc_auc", "min_rows": 50, "resamples": 300}
SLICES = {"slices": ["origin"]}


@pytest.fixture(scope="module")
def runs(run_small: Callable[..., Runs]) -> tuple[Runs, Runs]:
    """A poor first version, and a better second one."""
    return (
        run_small("versus", algorithms=WORSE, promotion=PROMOTION, evaluation=SLICES),
        run_small("versus", promotion=PROMOTION, evaluation=SLICES),
    )


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("versus") / "versus.yaml"
    file.write_text(yaml.safe_dump(small_model("versus", promotion=PROMOTION, evaluation=SLICES)), encoding="utf-8")
    return file


@pytest.fixture
def compare(runs: tuple[Runs, Runs], capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The command in this process; its code and what it prints."""

    def call_it(*words: str | Path) -> tuple[int, str]:
        code = app(["compare", *map(str, words)], result_action="return_value")
        return code, capsys.readouterr().out

    return call_it


def evidence_of(told: str) -> Evidence:
    return Evidence.model_validate(json.loads(told)["evidence"])


def test_better_version_leaves_with_0_and_says_by_how_much(compare: Callable[..., tuple[int, str]]) -> None:
    code, told = compare(f"{NAME}/1", f"{NAME}/2")
    assert code == 0
    words = " ".join(told.split())
    assert "A dev.versus.versus version 1 B dev.versus.versus version 2" in words
    assert "rows of dev.versus.route_day_labels later than 2013-" in words
    assert "Metric A B Improvement 95% interval roc_auc 0." in words
    assert "McNemar right in B alone" in words
    assert "DeLong areas differ by +0." in words
    assert words.endswith("PROMOTE B is better than A")


def test_worse_version_leaves_with_1(compare: Callable[..., tuple[int, str]]) -> None:
    code, told = compare(f"{NAME}/2", f"{NAME}/1")
    assert code == 1
    assert told.strip().endswith("KEEP  B is worse than A")


def test_version_against_itself_is_a_tie_and_leaves_with_1(compare: Callable[..., tuple[int, str]]) -> None:
    code, told = compare(f"{NAME}/2", f"models:/{NAME}/2")
    assert code == 1
    assert "B is equal to A: a tie does not promote" in told


def test_improvement_below_the_least_that_is_asked_for_leaves_with_1(compare: Callable[..., tuple[int, str]]) -> None:
    code, told = compare(f"{NAME}/1", f"{NAME}/2", "--min-effect", "0.5")
    assert code == 1
    assert "B is better than A, and not surely by more than 0.5" in told


def test_evidence_is_that_of_the_promotion_to_the_last_bit(
    compare: Callable[..., tuple[int, str]], runs: tuple[Runs, Runs], model_file: Path
) -> None:
    promotion = runs[1].report("promote_model", "promotion")
    assert promotion.promoted
    code, told = compare(f"{NAME}/1", f"{NAME}/2", "--model-file", model_file, "--json")
    assert code == 0
    assert evidence_of(told) == promotion.evidence
    assert [part.value for part in evidence_of(told).slices] == ["EWR", "JFK", "LGA"]


def test_aliases_and_a_name_alone_stand_for_versions(compare: Callable[..., tuple[int, str]], mlflow_client: MlflowClient) -> None:
    mlflow_client.set_registered_model_alias(NAME, "challenger", "1")
    code, told = compare(NAME, f"{NAME}@challenger", "--json")
    document = json.loads(told)
    assert code == 1
    assert (document["a"], document["b"]) == ({"model": NAME, "version": "2"}, {"model": NAME, "version": "1"})
    assert (document["promote"], document["verdict"]) == (False, "worse")


def test_flags_go_before_the_model_file(compare: Callable[..., tuple[int, str]], model_file: Path) -> None:
    words = ("--metric", "log_loss", "--confidence", "0.9", "--slice", "dest", "--slice", "origin")
    found = evidence_of(compare(f"{NAME}/1", f"{NAME}/2", "--model-file", model_file, *words, "--json")[1])
    assert (found.metric, found.resampling.confidence, found.resampling.resamples) == ("log_loss", 0.9, 300)
    assert {part.column for part in found.slices} == {"dest", "origin"}
    assert found.improvement == found.champion - found.challenger
    assert found.delong is None


def test_nothing_is_written(compare: Callable[..., tuple[int, str]], mlflow_client: MlflowClient) -> None:
    def state() -> tuple[Any, ...]:
        aliases = dict(mlflow_client.get_registered_model(NAME).aliases)
        tags = [dict(mlflow_client.get_model_version(NAME, version).tags) for version in ("1", "2")]
        return aliases, tags, active_feature_store().table_version("dev.versus.route_day_labels").version

    before = state()
    compare(f"{NAME}/1", f"{NAME}/2")
    assert state() == before


@pytest.mark.slow
def test_models_of_other_features_are_compared_each_by_its_own_lookups(
    compare: Callable[..., tuple[int, str]], run_small: Callable[..., Runs], tmp_path: Path
) -> None:
    """The other model has a feature table and a label table of its own; the rows of the first file judge both."""
    features = small_model("other")["parameters"]["model"]["features"] | {"names": ["late_rate_7d", "flights_7d"]}
    run_small("other", features=features, cleaning={}, validation={})
    with pytest.raises(ConfigurationError, match=r"learned from dev\.versus\.route_day_labels, .* from dev\.other\.route_day_labels"):
        compare(f"{NAME}/2", "dev.other.other/1")
    file = tmp_path / "versus.yaml"
    file.write_text(yaml.safe_dump(small_model("versus")), encoding="utf-8")
    there, back = (
        json.loads(compare(*pair, "--model-file", file, "--json")[1])
        for pair in ((f"{NAME}/2", "dev.other.other"), ("dev.other.other", f"{NAME}/2"))
    )
    assert there["label_table"] == "dev.versus.route_day_labels"
    assert there["evidence"]["rows"] > 500
    assert there["evidence"]["improvement"] == -back["evidence"]["improvement"] != 0


REFUSED: list[tuple[tuple[str, ...], type[StackhouseError], int, str]] = [
    ((f"{NAME}/1", f"{NAME}/9"), RegistryError, 4, r"dev\.versus\.versus has no version 9\. There are versions 1, 2"),
    ((f"{NAME}/1", f"{NAME}@best"), RegistryError, 4, r"no version with the alias 'best'\. There are .*champion \(2\)"),
    (("dev.versus.nothing/1", f"{NAME}/1"), RegistryError, 4, r"There is no model dev\.versus\.nothing\. There are dev\."),
    ((f"{NAME}/1", "versus/1"), ConfigurationError, 2, "'versus/1' names no version"),
    ((f"{NAME}/1", f"{NAME}/"), ConfigurationError, 2, "names no version. Give name and version"),
    ((f"{NAME}/1", f"{NAME}/one"), ConfigurationError, 2, "names no version"),
    ((f"{NAME}/1@champion", f"{NAME}/1"), ConfigurationError, 2, "names no version"),
    ((f"{NAME}/1", f"{NAME}/2", "--metric", "gini"), ConfigurationError, 2, "--metric: unknown metric 'gini'"),
    ((f"{NAME}/1", f"{NAME}/2", "--metric", "rmse"), ConfigurationError, 2, "binary_classification is not compared by 'rmse'"),
    ((f"{NAME}/1", f"{NAME}/2", "--confidence", "1.5"), ConfigurationError, 2, "--confidence: Input should be less than 1"),
    ((f"{NAME}/1", f"{NAME}/2", "--min-effect", "-1"), ConfigurationError, 2, "--min-effect: Input should be greater than or equal to 0"),
    ((f"{NAME}/1", f"{NAME}/2", "--model-file", "nowhere.yaml"), ConfigurationError, 2, "nowhere.yaml is not a valid model file"),
    ((f"{NAME}/1", f"{NAME}/2", "--slice", "colour"), ColumnNotFoundError, 3, "no column 'colour'"),
    ((f"{NAME}/1", f"{NAME}/2", "--min-rows", "1000000"), DataError, 3, "1,000,000 are needed for a fair comparison"),
]


@pytest.mark.parametrize(("words", "error", "code", "message"), REFUSED, ids=[" ".join(words) for words, *_ in REFUSED])
def test_what_cannot_be_compared_is_refused_with_its_code_and_names_what_exists(
    compare: Callable[..., tuple[int, str]], words: tuple[str, ...], error: type[StackhouseError], code: int, message: str
) -> None:
    with pytest.raises(error, match=message) as refused:
        compare(*words)
    assert refused.value.exit_code == code


@pytest.mark.slow
def test_models_of_different_labels_are_refused(compare: Callable[..., tuple[int, str]], run_small: Callable[..., Runs]) -> None:
    rule = {"kind": "threshold", "source": "late_rate", "name": "high_late_rate", "threshold": 0.3}
    run_small("versus_more", label={"table": "route_day_labels", "rule": rule})
    with pytest.raises(ConfigurationError, match="They answer different questions, and no metric compares them"):
        compare(f"{NAME}/1", "dev.versus_more.versus_more/1")


def test_version_that_does_not_say_until_when_it_was_trained_is_refused(
    compare: Callable[..., tuple[int, str]], mlflow_client: MlflowClient
) -> None:
    until = mlflow_client.get_model_version(NAME, "1").tags["trained_until"]
    mlflow_client.delete_model_version_tag(NAME, "1", "trained_until")
    try:
        with pytest.raises(RegistryError, match="version 1 does not say until when it was trained"):
            compare(f"{NAME}/1", f"{NAME}/2")
    finally:
        mlflow_client.set_model_version_tag(NAME, "1", "trained_until", until)


def test_rows_that_either_version_was_trained_on_do_not_count(compare: Callable[..., tuple[int, str]], mlflow_client: MlflowClient) -> None:
    """The second version claims to have been trained for longer than the first."""
    all_rows = evidence_of(compare(f"{NAME}/1", f"{NAME}/2", "--json")[1]).rows
    until = mlflow_client.get_model_version(NAME, "2").tags["trained_until"]
    mlflow_client.set_model_version_tag(NAME, "2", "trained_until", "2013-03-08T09:00:00+00:00")
    try:
        document = json.loads(compare(f"{NAME}/1", f"{NAME}/2", "--json")[1])
    finally:
        mlflow_client.set_model_version_tag(NAME, "2", "trained_until", until)
    assert document["later_than"] == "2013-03-08T09:00:00Z"
    assert 100 <= document["evidence"]["rows"] < all_rows


@pytest.mark.slow
def test_rows_without_a_time_are_those_that_neither_was_trained_on(
    compare: Callable[..., tuple[int, str]], run_model: Callable[[dict[str, Any]], Runs]
) -> None:
    """Customers are split at random; which of them a version knows follows from its record."""
    shipped = yaml.safe_load((PROJECT / "configs/models/customer_churn.yaml").read_text(encoding="utf-8"))["parameters"]["model"]
    small = shipped | {"name": "loyal", "schema": "loyal", "source": {"kind": "customers", "rows": 1500}, "gates": {}, "evaluation": {}}
    small = {key: value for key, value in small.items() if key not in {"tuning", "validation"}}
    for depth in (2, 4):
        last = run_model(small | {"algorithms": [{"kind": "xgboost", "n_estimators": 20 * depth, "max_depth": depth}]})
    test = last.report("split_dataset", "test")
    assert last.report("register_model", "registration").version == "2", last.report("evaluate_model", "verdict").reasons
    code, told = compare("dev.loyal.loyal/1", "dev.loyal.loyal/2", "--json")
    document = json.loads(told)
    assert (document["later_than"], document["evidence"]["rows"]) == (None, test.count())
    promotion = last.report("promote_model", "promotion")
    assert evidence_of(told) == promotion.evidence
    assert (document["promote"], code) == (promotion.promoted, 0 if promotion.promoted else 1)


def test_command_in_a_shell_prints_one_document_and_leaves_with_its_code(runs: tuple[Runs, Runs]) -> None:
    home, zenml = Path(os.environ["STACKHOUSE_HOME"]), Path(os.environ["ZENML_CONFIG_PATH"])
    done = call("stackhouse", "compare", f"{NAME}/1", f"{NAME}/2", "--json", "--stack", "local", home=home, zenml=zenml)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["promote"] is True
    refused = call("stackhouse", "compare", f"{NAME}/1", f"{NAME}/9", home=home, zenml=zenml)
    assert refused.returncode == 4
    assert "has no version 9" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dev.a.b/3", ("dev.a.b", "3", None)),
        ("models:/dev.a.b/03", ("dev.a.b", "3", None)),
        ("dev.a.b@latest-model", ("dev.a.b", None, "latest-model")),
        ("dev.a.b", ("dev.a.b", None, "champion")),
    ],
)
def test_version_is_read_as_it_is_typed(text: str, expected: tuple[str | None, ...]) -> None:
    found = NamedVersion.parse(text)
    assert (found.name, found.number, found.alias) == expected


@pytest.mark.parametrize(
    "text", ["", "a", "a.b", "dev.a.b/0", "dev.a.b/-1", "dev.a.b/v3", "dev.a.b@", "dev.a.b/3/4", "dev.a/x.b/1", "dev..b/1", "@x"]
)
def test_text_that_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="names no version"):
        NamedVersion.parse(text)
