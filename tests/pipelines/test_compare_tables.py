"""`stackhouse compare` of models that train_model has trained on tables, and `--promote`, which makes the better one the champion."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient

from commands.main import app
from stackhouse.errors import ConfigurationError, DataError, RegistryError
from stacks.registry import Registry
from tests.pipelines.guide import answer, table, write_table

PLACE = ("--catalog", "mlops_dev", "--schema", "compared")
NAME = "mlops_dev.compared.churn"
ROWS, TESTED = 1_500, 601
"""Two fifths are test rows, rounded up in each class."""


def rows(seed: int) -> pl.DataFrame:
    """Rows without a time whose label follows from two features, and a number of the customer that names each."""
    generator = np.random.default_rng(seed)
    age, spent = generator.normal(0, 1, ROWS), generator.normal(0, 1, ROWS)
    label = (age * spent + generator.normal(0, 0.5, ROWS) > 0).astype(int)
    return pl.DataFrame({"customer": range(ROWS), "age": age, "spent": spent, "target": label})


def train(model: str, *flags: str) -> str:
    answer("train_model", *PLACE, "--environment", "dev", "--model-name", model, "--n-estimators", *flags)
    return str(answer("register_model", *PLACE, "--model-name", model, "--environment", "dev")["version"])


def customers(name: str, version: int) -> set[int]:
    kept = table(f"mlops_dev.compared.{name}")
    kept.load_as_version(version)
    return set(pl.DataFrame(kept.to_pyarrow_table())["customer"])


@pytest.fixture(scope="module")
def versions(local_stack: str, mlflow_client: MlflowClient) -> None:
    """The champion, of a single tree, and a better second version, of one preparation; rows are known by their customer."""
    write_table("mlops_dev.compared.customers", rows(1))
    answer("prepare_data", *PLACE, "--environment", "dev", "--source-table", "customers", "--key-columns", "customer", "--test-size", "0.4")
    assert (train("churn", "1", "--max-depth", "2"), train("churn", "80")) == ("1", "2")
    Registry(mlflow_client).set_alias(NAME, "champion", "1")


@pytest.fixture
def compare(versions: None, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, dict[str, Any]]]:
    def call_it(*words: str) -> tuple[int, dict[str, Any]]:
        code = app(["compare", *words, "--json"], result_action="return_value")
        return code, json.loads(capsys.readouterr().out)

    return call_it


def test_both_are_judged_on_all_rows_of_their_test_table(compare: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    code, found = compare(f"{NAME}/1", f"{NAME}/2")
    assert code == 0
    assert found["label_table"] == "mlops_dev.compared.test_set"
    assert found["evidence"]["rows"] == TESTED
    assert found["evidence"]["challenger"] > found["evidence"]["champion"] + 0.05
    assert (found["promote"], found["promoted"]) == (True, False)


def test_only_a_better_version_takes_the_champions_place(
    compare: Callable[..., tuple[int, dict[str, Any]]], mlflow_client: MlflowClient
) -> None:
    registry = Registry(mlflow_client)
    with pytest.raises(RegistryError, match=f"version 2 of {NAME} is not: the alias 'champion' points at version 1"):
        compare(f"{NAME}/2", f"{NAME}/1", "--promote")
    tag = registry.version(NAME, "2").tags["git_sha"]
    mlflow_client.delete_model_version_tag(NAME, "2", "git_sha")
    with pytest.raises(
        RegistryError, match=r"version 2 is better and does not become champion, .* metadata \(the version lacks the tags git_sha"
    ):
        compare(f"{NAME}@champion", f"{NAME}/2", "--promote")
    mlflow_client.set_model_version_tag(NAME, "2", "git_sha", tag)
    code, tie = compare(f"{NAME}@champion", f"{NAME}/1", "--promote")
    assert (code, tie["promoted"], registry.aliases(NAME)["champion"]) == (1, False, "1")
    code, better = compare(f"{NAME}@champion", f"{NAME}/2", "--promote")
    assert (code, better["promoted"], registry.aliases(NAME)["champion"]) == (0, True, "2")
    move = json.loads(registry.version(NAME, "2").tags["alias_move_champion_1"])
    assert move["from_version"] == "1"
    assert move["by"].startswith("stackhouse compare: roc_auc 0.")
    assert f"on {TESTED} rows of mlops_dev.compared.test_set; asked for more than 0 at confidence 0.95" in move["by"]


def test_version_of_train_model_is_reproduced_to_the_last_bit(versions: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert app(["reproduce", f"{NAME}/2"], result_action="return_value") == 0
    assert "EQUAL  every metric to the last bit" in capsys.readouterr().out


def test_promotion_is_of_one_model(versions: None) -> None:
    with pytest.raises(ConfigurationError, match=r"are two\. Nothing was read"):
        app(["compare", NAME, "mlops_dev.compared.other", "--promote"], result_action="return_value")


def test_rows_that_one_of_them_was_trained_on_are_left_out(compare: Callable[..., tuple[int, dict[str, Any]]]) -> None:
    """Another division of the same customers: those who are in a training table of either judge neither."""
    again = ("--source-table", "customers", "--key-columns", "customer", "--random-seed", "7", "--test-size", "0.4")
    answer("prepare_data", *PLACE, "--environment", "dev", *again)
    third = train("churn", "80")
    _, found = compare(f"{NAME}/1", f"{NAME}/{third}")
    seen = customers("train_set", 1) | customers("train_set", 2)
    assert found["evidence"]["rows"] == len(customers("test_set", 2) - seen) < TESTED


@pytest.mark.slow
def test_rows_whose_keys_repeat_cannot_be_told_apart_after_another_preparation(
    compare: Callable[..., tuple[int, dict[str, Any]]],
) -> None:
    nameless = [*PLACE, "--train-table", "nameless_train", "--test-table", "nameless_test"]
    for seed, models in ((1, ("1", "60")), (2, ("60",))):
        visits = rows(seed).with_columns(pl.col("customer") // 3)
        write_table(f"mlops_dev.compared.visits_{seed}", visits)
        of_visits = ("--source-table", f"visits_{seed}", "--key-columns", "customer", "--test-size", "0.4")
        answer("prepare_data", *nameless, "--environment", "dev", *of_visits)
        for trees in models:
            flags = ("--environment", "dev", "--model-name", "nameless", "--n-estimators", trees)
            answer("train_model", *nameless, *flags)
            answer("register_model", *PLACE, "--model-name", "nameless", "--environment", "dev")
    name = "mlops_dev.compared.nameless"
    _, same = compare(f"{name}/1", f"{name}/2")
    assert same["evidence"]["rows"] == TESTED
    with pytest.raises(
        DataError, match=r"have neither a time nor keys that name one row each, and .* were not trained on the same versions"
    ):
        compare(f"{name}/2", f"{name}/3")
    with pytest.raises(ConfigurationError, match=r"test_set, .*nameless_test. Train both with the same --test-table"):
        compare(f"{NAME}/1", "mlops_dev.compared.nameless/1")
