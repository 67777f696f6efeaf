"""The account that is made from a seed: schemas of the system tables, their quirks, and what is planted in them."""

from datetime import date, timedelta
from hashlib import sha256

import polars as pl
import pytest
from pydantic import ValidationError
from sklearn.metrics import roc_auc_score
from xgboost import XGBClassifier

from stackhouse.features.cost import CostFeatures
from stackhouse.features.definition import Definition
from stackhouse.features.reliability import ReliabilityFeatures
from stackhouse.synthetic import Account, AccountParameters, generate_account
from stackhouse.table import Table

SMALL = AccountParameters(seed=7, days=120, workspaces=3, jobs_per_workspace=8)
AMOUNT = pl.Decimal(38, 18)
TIME = pl.Datetime("us", "UTC")
STRING = pl.String


@pytest.fixture(scope="module")
def account() -> Account:
    return generate_account(SMALL)


@pytest.fixture(scope="module")
def sources(account: Account) -> dict[str, Table]:
    return {name: Table.of(frame, name=name) for name, frame in account.tables.items()}


def digests(account: Account) -> list[str]:
    return [sha256(frame.write_ndjson().encode()).hexdigest() for frame in account.tables.values()]


# --- one seed, one account


def test_same_seed_gives_the_same_bytes_and_another_seed_others(account: Account) -> None:
    assert digests(generate_account(SMALL)) == digests(account)
    assert generate_account(SMALL).planted == account.planted
    other = generate_account(SMALL.model_copy(update={"seed": 8}))
    assert not {digests(other)[0], digests(other)[2]} & {*digests(account)}


def test_parameters_say_how_much_there_is(account: Account) -> None:
    assert account.usage["usage_date"].unique().sort().to_list() == [date(2025, 1, 1) + timedelta(days=day) for day in range(120)]
    assert account.usage["workspace_id"].n_unique() == account.job_run_timeline["workspace_id"].n_unique() == 3
    assert account.job_run_timeline.group_by("workspace_id").agg(pl.col("job_id").n_unique())["job_id"].to_list() == [8, 8, 8]


@pytest.mark.parametrize("wrong", [{"days": 0}, {"workspaces": 0}, {"jobs_per_workspace": 0}, {"seed": -1}, {"year": 2025}])
def test_parameters_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        AccountParameters(**wrong)


@pytest.mark.parametrize("seed", range(5))
def test_smallest_account_leaves_no_day_out(seed: int) -> None:
    tiny = generate_account(AccountParameters(seed=seed, days=40, workspaces=1, jobs_per_workspace=1))
    tables = {name: Table.of(frame, name=name) for name, frame in tiny.tables.items()}
    assert CostFeatures().features(tables).count() == 40
    assert ReliabilityFeatures().features(tables).count() == 40


def test_a_single_day_is_an_account() -> None:
    one = generate_account(AccountParameters(days=1, workspaces=1, jobs_per_workspace=1))
    assert one.usage["usage_date"].unique().to_list() == [date(2025, 1, 1)]
    assert one.planted.cost_spikes == ()


# --- schemas


def test_usage_has_the_documented_columns(account: Account) -> None:
    usage = account.usage.schema
    assert {name: usage[name] for name in usage if not isinstance(usage[name], pl.Struct)} == {
        "record_id": STRING,
        "account_id": STRING,
        "workspace_id": STRING,
        "sku_name": STRING,
        "cloud": STRING,
        "usage_start_time": TIME,
        "usage_end_time": TIME,
        "usage_date": pl.Date,
        "usage_unit": STRING,
        "usage_quantity": AMOUNT,
        "record_type": STRING,
        "ingestion_date": pl.Date,
        "billing_origin_product": STRING,
        "usage_type": STRING,
    }
    metadata, features = usage["usage_metadata"].to_schema(), usage["product_features"].to_schema()
    assert {*metadata} >= {"cluster_id", "job_id", "job_run_id", "warehouse_id", "node_type", "notebook_id", "dlt_pipeline_id"}
    assert features["is_serverless"] == pl.Boolean
    assert {*features} >= {"jobs_tier", "sql_tier", "dlt_tier", "is_photon"}
    assert usage["identity_metadata"].to_schema() == {"run_as": STRING, "owned_by": STRING, "created_by": STRING}


def test_list_prices_have_the_documented_columns(account: Account) -> None:
    prices = account.list_prices.schema
    assert prices["pricing"].to_schema()["default"] == AMOUNT
    texts = ("account_id", "sku_name", "cloud", "currency_code", "usage_unit")
    times = ("price_start_time", "price_end_time")
    assert dict(prices) == {**dict.fromkeys(times, TIME), **dict.fromkeys(texts, STRING), "pricing": prices["pricing"]}


def test_job_run_timeline_has_the_documented_columns(account: Account) -> None:
    assert account.job_run_timeline.schema == {
        "account_id": STRING,
        "workspace_id": STRING,
        "job_id": STRING,
        "run_id": STRING,
        "period_start_time": TIME,
        "period_end_time": TIME,
        "trigger_type": STRING,
        "run_type": STRING,
        "run_name": STRING,
        "compute_ids": pl.List(STRING),
        "result_state": STRING,
        "termination_code": STRING,
    }


# --- quirks of the real tables


def test_every_retraction_takes_back_an_original_and_is_restated(account: Account) -> None:
    original, retracted, restated = (
        account.usage.filter(pl.col("record_type") == kind) for kind in ("ORIGINAL", "RETRACTION", "RESTATEMENT")
    )
    same = ["workspace_id", "sku_name", "usage_start_time", "usage_metadata"]
    pairs = retracted.join(original, on=same, suffix="_original").join(restated, on=same, suffix="_restated")
    assert len(retracted) == len(restated) > 50
    assert pairs.filter(pl.col("usage_quantity") == -pl.col("usage_quantity_original"))["record_id"].n_unique() == len(retracted)
    assert (original["usage_quantity"] > 0).all()
    assert (restated["usage_quantity"] > 0).all()
    late = (retracted["ingestion_date"] - retracted["usage_date"]).dt.total_days()
    assert (late.min(), late.max()) == (1, 3)
    assert (original["ingestion_date"] == original["usage_date"]).all()
    assert account.usage["ingestion_date"].max() == account.usage["usage_date"].max()


def test_record_ids_are_unique(account: Account) -> None:
    assert account.usage["record_id"].n_unique() == len(account.usage)


def test_prices_change_once_within_the_period_and_the_current_one_has_no_end(account: Account) -> None:
    for (sku,), prices in account.list_prices.sort("price_start_time").group_by("sku_name"):
        assert prices["price_end_time"].to_list() == [prices["price_start_time"][1], None], sku
        assert prices["price_start_time"][0] <= account.usage["usage_start_time"].min()
        assert account.usage["usage_start_time"].min() < prices["price_start_time"][1] < account.usage["usage_start_time"].max()


def test_runs_are_cut_at_full_hours_and_only_the_last_row_has_a_result(account: Account) -> None:
    rows = account.job_run_timeline.sort("period_start_time")
    run = ["workspace_id", "run_id"]
    assert (rows["period_end_time"] - rows["period_start_time"]).max() <= timedelta(hours=1)
    assert (rows["period_end_time"] > rows["period_start_time"]).all()
    rows = rows.with_columns(
        pl.col("period_end_time").shift(1).over(run).alias("before"), pl.int_range(pl.len()).reverse().over(run).alias("left")
    )
    assert rows.filter(pl.col("before").is_not_null() & (pl.col("before") != pl.col("period_start_time"))).is_empty()
    assert rows.filter((pl.col("left") > 0) & pl.col("result_state").is_not_null()).is_empty()
    assert rows.filter(pl.col("left") > 0).height > 1_000
    unfinished = rows.filter((pl.col("left") == 0) & pl.col("result_state").is_null())
    assert unfinished["period_end_time"].dt.date().unique().to_list() in ([], [date(2025, 5, 1)])


def test_ids_of_jobs_and_runs_repeat_in_other_workspaces(account: Account) -> None:
    rows = account.job_run_timeline
    for column in ("job_id", "run_id"):
        assert rows.group_by(column).agg(pl.col("workspace_id").n_unique())["workspace_id"].max() == 3
    assert rows.group_by("workspace_id", "run_id").agg(pl.col("job_id").n_unique())["job_id"].max() == 1


def test_nulls_stand_where_the_real_tables_have_them(account: Account) -> None:
    usage = account.usage.unnest("usage_metadata")
    by_product = {product: rows for (product,), rows in usage.group_by("billing_origin_product")}
    assert by_product["JOBS"]["job_id"].null_count() == 0
    assert by_product["SQL"]["job_id"].null_count() == len(by_product["SQL"])
    assert by_product["SQL"]["warehouse_id"].null_count() == 0
    assert 0 < by_product["ALL_PURPOSE"]["job_id"].null_count() < len(by_product["ALL_PURPOSE"])
    assert usage.filter(pl.col("job_id").is_null() != pl.col("job_run_id").is_null()).is_empty()


def test_usage_of_a_job_is_that_of_its_runs(account: Account) -> None:
    billed = account.usage.unnest("usage_metadata").drop_nulls("job_id").select("workspace_id", "job_id", run_id="job_run_id").unique()
    assert billed.sort(pl.all()).equals(account.job_run_timeline.select("workspace_id", "job_id", "run_id").unique().sort(pl.all()))


# --- what is planted


def joined(definition: Definition, sources: dict[str, Table], label: pl.Expr) -> pl.DataFrame:
    """Labels of a day beside the features of the day before."""
    features, labels = definition.features(sources).collect().to_native(), definition.labels(sources).collect().to_native()
    keys = list(definition.primary_keys)
    rows = labels.join(features, left_on=[*keys, "label_time"], right_on=[*keys, "known_at"])
    return rows.with_columns(label.cast(pl.Int8).alias("y")).drop_nulls("y").sort("label_time", *keys)


def auc_on_later_days(definition: Definition, rows: pl.DataFrame) -> float:
    """ROC-AUC on the last 30 % of the days of a model that saw the days before."""
    days = rows["label_time"].unique().sort()
    cut = days[len(days) * 7 // 10]
    earlier, later = rows.filter(pl.col("label_time") < cut), rows.filter(pl.col("label_time") >= cut)
    x, unseen = (part.select(definition.feature_names).fill_null(0.0).to_numpy() for part in (earlier, later))
    model = XGBClassifier(n_estimators=60, max_depth=3, learning_rate=0.1, n_jobs=1, random_state=0).fit(x, earlier["y"].to_numpy())
    return float(roc_auc_score(later["y"].to_numpy(), model.predict_proba(unseen)[:, 1]))


def test_failures_of_a_job_can_be_foreseen(sources: dict[str, Table]) -> None:
    definition = ReliabilityFeatures()
    rows = joined(definition, sources, pl.col("day_failure_rate") > 0.2)
    assert 0.1 < float(rows["y"].mean()) < 0.5
    assert auc_on_later_days(definition, rows) > 0.75


def test_growth_of_cost_can_be_foreseen(sources: dict[str, Table]) -> None:
    definition = CostFeatures()
    rows = joined(definition, sources, pl.col("cost_growth_rate") > 0.1)
    assert 0.2 < float(rows["y"].mean()) < 0.8
    assert auc_on_later_days(definition, rows) > 0.8


def test_planted_spikes_stand_out_of_all_other_days(account: Account, sources: dict[str, Table]) -> None:
    features = CostFeatures().features(sources).collect().to_native()
    spikes = pl.DataFrame(account.planted.cost_spikes, schema=["workspace_id", "usage_date"], orient="row")
    on = ["workspace_id", "usage_date"]
    assert len(spikes) == 3 * 4
    planted, others = features.join(spikes, on=on, how="semi"), features.join(spikes, on=on, how="anti")
    assert planted["z_score_7d"].min() > 5
    assert others["z_score_7d"].max() < 3


def test_flaky_jobs_fail_most_and_most_of_all_on_mondays(account: Account, sources: dict[str, Table]) -> None:
    labels = ReliabilityFeatures().labels(sources).collect().to_native()
    flaky = pl.DataFrame(account.planted.flaky_jobs, schema=["workspace_id", "job_id"], orient="row")
    creeping = pl.DataFrame(account.planted.creeping_jobs, schema=["workspace_id", "job_id"], orient="row")
    on = ["workspace_id", "job_id"]
    assert len(flaky) == len(creeping) == 3 * 2
    troubled = labels.join(flaky, on=on, how="semi")
    steady = labels.join(flaky, on=on, how="anti").join(creeping, on=on, how="anti")
    assert troubled["day_failure_rate"].mean() > 2 * steady["day_failure_rate"].mean()
    monday = troubled["run_date"].dt.weekday() == 1
    assert troubled.filter(monday)["day_failure_rate"].mean() > 1.5 * troubled.filter(~monday)["day_failure_rate"].mean()


def test_creeping_jobs_take_longer_before_they_fail(account: Account, sources: dict[str, Table]) -> None:
    features = ReliabilityFeatures().features(sources).collect().to_native()
    on = ["workspace_id", "job_id"]
    creeping = pl.DataFrame(account.planted.creeping_jobs, schema=on, orient="row")
    rows = features.join(creeping, on=on, how="semi").drop_nulls("failure_rate")
    usual = pl.col("avg_duration_sec").median().over(on)
    longer = rows.with_columns((pl.col("avg_duration_sec") / usual).alias("longer"))
    assert longer.filter(pl.col("longer") > 1.3)["failure_rate"].mean() > 2 * longer.filter(pl.col("longer") < 1)["failure_rate"].mean()


# --- what the models of account health are asked


def later_and_earlier(labels: pl.DataFrame, positive: pl.Expr) -> tuple[float, float]:
    """Share of the positive rows among the first 70 % of the days and among the rest."""
    days = labels["label_time"].unique().sort()
    late = pl.col("label_time") >= days[len(days) * 7 // 10]
    known = labels.with_columns(positive.alias("positive")).drop_nulls("positive")
    return float(known.filter(~late)["positive"].mean()), float(known.filter(late)["positive"].mean())


@pytest.mark.parametrize(
    ("definition", "positive"),
    [
        (ReliabilityFeatures(), pl.col("day_success_rate") > 0.7),
        (ReliabilityFeatures(sla_factor=1.25), pl.col("day_sla_breach_rate") > 0.1),
        (CostFeatures(), pl.col("serverless_share") > 0.5),
    ],
    ids=["success_rate", "sla_breach", "serverless_adoption"],
)
def test_both_classes_are_there_early_and_late_and_can_be_foreseen(definition: Definition, positive: pl.Expr) -> None:
    moving = generate_account(AccountParameters(serverless_moves=0.7))
    sources = {name: Table.of(frame, name=name) for name, frame in moving.tables.items()}
    shares = later_and_earlier(definition.labels(sources).collect().to_native(), positive)
    assert all(0.05 < share < 0.95 for share in shares), shares
    assert auc_on_later_days(definition, joined(definition, sources, positive)) > 0.75


def test_cost_of_the_week_to_come_is_that_of_its_days(sources: dict[str, Table]) -> None:
    labels = CostFeatures().labels(sources).collect().to_native().sort("workspace_id", "label_time")
    rows = labels.with_columns(pl.col("cost").rolling_sum(7).shift(-6).over("workspace_id").alias("summed"))
    assert rows["cost_next_7d"].null_count() == rows["summed"].null_count() == 3 * 6
    assert (rows["cost_next_7d"] - rows["summed"]).abs().max() < 1e-6


def test_spikes_are_found_by_the_z_score_of_their_day(account: Account, sources: dict[str, Table]) -> None:
    definition = CostFeatures(known_anomalies=True)
    rows = joined(definition, sources, pl.col("is_anomaly"))
    found = (rows["z_score_7d"] > 4).fill_null(value=False)
    assert rows["y"].sum() == len(account.planted.cost_spikes) == 12
    assert rows.filter(found)["y"].to_list() == [1] * 12


def test_tables_name_the_planted_spikes(account: Account) -> None:
    assert account.tables["known_anomalies"].rows() == [*account.planted.cost_spikes]
    one_day = generate_account(AccountParameters(days=1, workspaces=1, jobs_per_workspace=1))
    assert dict(one_day.tables["known_anomalies"].schema) == {"workspace_id": STRING, "usage_date": pl.Date}


def test_jobs_that_move_to_serverless_leave_all_else_as_it_was(account: Account) -> None:
    moving = generate_account(SMALL.model_copy(update={"serverless_moves": 1.0}))
    runs = ["workspace_id", "job_id", "run_id", "period_start_time", "period_end_time", "result_state"]
    assert moving.job_run_timeline.select(runs).equals(account.job_run_timeline.select(runs))
    assert moving.planted == account.planted
    serverless = pl.col("product_features").struct.field("is_serverless")
    share = [
        float(made.usage.filter(pl.col("billing_origin_product") != "SQL").select(serverless.mean()).item()) for made in (account, moving)
    ]
    assert share[1] > share[0] + 0.1


def test_some_jobs_move_back() -> None:
    moving = generate_account(SMALL.model_copy(update={"serverless_moves": 1.0})).usage.unnest("usage_metadata").drop_nulls("job_id")
    days = moving.filter(record_type="ORIGINAL").with_columns(pl.col("product_features").struct.field("is_serverless").alias("now"))
    order = days.sort("usage_start_time").with_columns(pl.col("now").shift(1).over("workspace_id", "job_id").alias("before"))
    assert order.filter(~pl.col("before") & pl.col("now"))["job_id"].len() > 10
    assert 1 <= order.filter(pl.col("before") & ~pl.col("now"))["job_id"].len() <= 10
