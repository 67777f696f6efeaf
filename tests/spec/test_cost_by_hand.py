"""Cost features and labels, usage and prices in and numbers out. 1 January 2025 is a Wednesday; a day ends at midnight UTC."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from stackhouse.errors import ColumnNotFoundError, ConfigurationError, DataError
from stackhouse.features.cost import CostFeatures
from stackhouse.point_in_time import join_as_of
from stackhouse.table import Roles, Table

AMOUNT = pl.Decimal(38, 18)
TIME = pl.Datetime("us", "UTC")
USAGE = {
    "record_id": pl.String,
    "workspace_id": pl.String,
    "cloud": pl.String,
    "sku_name": pl.String,
    "usage_unit": pl.String,
    "usage_start_time": TIME,
    "usage_date": pl.Date,
    "usage_quantity": AMOUNT,
    "ingestion_date": pl.Date,
    "usage_metadata": pl.Struct({"cluster_id": pl.String, "job_id": pl.String}),
    "product_features": pl.Struct({"jobs_tier": pl.String, "is_serverless": pl.Boolean}),
    "record_type": pl.String,
}
PRICES = {
    "cloud": pl.String,
    "sku_name": pl.String,
    "usage_unit": pl.String,
    "price_start_time": TIME,
    "price_end_time": TIME,
    "pricing": pl.Struct({"default": AMOUNT, "promotional": pl.Struct({"default": AMOUNT})}),
}
Row = dict[str, object]


def used(
    day: int,
    dbu: str,
    *,
    at: str = "10:00",
    workspace: str = "1",
    sku: str = "JOBS",
    cloud: str = "AWS",
    unit: str = "DBU",
    job: str | None = None,
    serverless: bool | None = False,
    ingested: int | None = None,
    record_type: str = "ORIGINAL",
) -> Row:
    """Usage on a day of January 2025, ingested on the same day; a DBU of JOBS costs 2, one of ALL_PURPOSE 5."""
    start = datetime.fromisoformat(f"2025-01-{day:02}T{at}+00:00")
    known = date(2025, 1, ingested or day)
    structs = {"cluster_id": None, "job_id": job}, {"jobs_tier": None, "is_serverless": serverless}
    values = ("", workspace, cloud, sku, unit, start, date(2025, 1, day), Decimal(dbu), known, *structs, record_type)
    return dict(zip(USAGE, values, strict=True))


def every_day(first: int, last: int, dbu: str = "1", workspace: str = "9") -> list[Row]:
    """The same usage on each day, by default in a workspace that nobody asks for."""
    return [used(day, dbu, workspace=workspace) for day in range(first, last + 1)]


def price(default: str | None, sku: str = "JOBS", *, start: str = "2024-01-01T00:00", end: str | None = None, unit: str = "DBU") -> Row:
    ends = datetime.fromisoformat(f"{end}+00:00") if end else None
    pricing = {"default": Decimal(default) if default else None, "promotional": {"default": None}}
    return dict(zip(PRICES, ("AWS", sku, unit, datetime.fromisoformat(f"{start}+00:00"), ends, pricing), strict=True))


LISTED = [price("2"), price("5", "ALL_PURPOSE")]


def sources(rows: list[Row], prices: list[Row] | None = None) -> dict[str, Table]:
    numbered = [{**row, "record_id": row["record_id"] or str(number)} for number, row in enumerate(rows)]
    usage = Table.of(pl.DataFrame(numbered, schema=USAGE), name="the usage")
    return {"usage": usage, "list_prices": Table.of(pl.DataFrame(LISTED if prices is None else prices, schema=PRICES), name="the prices")}


def by_day(name: str, *rows: Row, workspace: str = "1", prices: list[Row] | None = None, arrival_days: int = 0) -> dict[int, float | None]:
    """One feature of a workspace by the day that it describes."""
    frame = CostFeatures(arrival_days=arrival_days).features(sources([*rows], prices)).collect().to_native()
    frame = frame.filter(pl.col("workspace_id") == workspace).sort("usage_date")
    return {day.day: value for day, value in frame.select("usage_date", name).rows()}


def labels(name: str, *rows: Row, workspace: str = "1", prices: list[Row] | None = None) -> dict[int, float | None]:
    frame = CostFeatures().labels(sources([*rows], prices)).collect().to_native().filter(pl.col("workspace_id") == workspace)
    return {time.day: value for time, value in frame.sort("label_time").select("label_time", name).rows()}


# --- what a day used and cost


def test_day_sums_its_usage_and_costs_it_at_the_price_of_each_sku() -> None:
    rows = [used(1, "1.5"), used(1, "2.5"), used(1, "3", sku="ALL_PURPOSE")]
    assert by_day("daily_dbu", *rows) == {1: 7.0}
    assert by_day("daily_cost", *rows) == {1: 4 * 2 + 3 * 5.0}
    assert labels("cost", *rows) == {1: 23.0}


def test_day_without_usage_is_a_day_of_zero() -> None:
    rows = [used(1, "4"), used(3, "4"), *every_day(1, 3)]
    assert by_day("daily_dbu", *rows) == {1: 4.0, 2: 0.0, 3: 4.0}
    assert by_day("avg_dbu_7d", *rows) == {1: 4.0, 2: 2.0, 3: pytest.approx(8 / 3)}
    assert labels("cost", *rows) == {1: 8.0, 2: 0.0, 3: 8.0}


def test_workspace_has_no_row_before_its_first_usage() -> None:
    rows = [used(2, "4"), *every_day(1, 3)]
    assert by_day("avg_dbu_30d", *rows) == {2: 4.0, 3: 2.0}


def test_workspaces_do_not_see_each_other() -> None:
    rows = [used(1, "1"), used(2, "3"), used(1, "100", workspace="2"), used(2, "200", workspace="2")]
    assert by_day("avg_dbu_7d", *rows) == {1: 1.0, 2: 2.0}
    assert by_day("dbu_change_pct_1d", *rows, workspace="2") == {1: None, 2: 100.0}


def test_other_units_than_dbu_cost_and_are_no_dbu() -> None:
    prices = [price("2"), price("0.1", "STORAGE", unit="GB")]
    rows = [used(1, "1"), used(1, "50", sku="STORAGE", unit="GB")]
    assert by_day("daily_dbu", *rows, prices=prices) == {1: 1.0}
    assert by_day("daily_cost", *rows, prices=prices) == {1: 7.0}


# --- corrections


def test_correction_takes_back_what_was_wrong_and_says_what_is_right() -> None:
    rows = [used(1, "10"), used(1, "-10", record_type="RETRACTION"), used(1, "4", record_type="RESTATEMENT")]
    assert by_day("daily_dbu", *rows) == {1: 4.0}
    assert by_day("daily_cost", *rows) == {1: 8.0}
    assert labels("cost", *rows) == {1: 8.0}


def test_usage_that_is_taken_back_leaves_nothing_and_no_rounding() -> None:
    """0.1 + 0.2 - 0.3 is 5.6e-17 in floats, over which everything would be a large ratio."""
    rows = [*(used(1, dbu, serverless=True) for dbu in ("0.1", "0.2", "-0.3")), used(2, "1"), used(3, "1", workspace="9")]
    assert by_day("daily_dbu", *rows) == {1: 0.0, 2: 1.0, 3: 0.0}
    assert by_day("daily_cost", *rows)[1] == 0.0
    assert by_day("serverless_adoption_ratio", *rows)[1] is None
    assert by_day("dbu_change_pct_1d", *rows)[2] is None
    assert labels("cost", *rows)[1] == 0.0


def test_features_see_a_correction_from_the_day_of_its_ingestion_and_labels_at_once() -> None:
    """Ten DBU of the 1st turn out to be four, which is known from the 3rd: the row of the 2nd still takes the mean of ten."""
    rows = [used(1, "10"), used(1, "-10", ingested=3), used(1, "4", ingested=3), used(2, "2"), used(3, "6")]
    assert by_day("daily_dbu", *rows) == {1: 10.0, 2: 2.0, 3: 6.0}
    assert by_day("avg_dbu_7d", *rows) == {1: 10.0, 2: 6.0, 3: 4.0}
    assert by_day("dbu_change_pct_1d", *rows) == {1: None, 2: -80.0, 3: 200.0}
    assert labels("cost", *rows) == {1: 8.0, 2: 4.0, 3: 12.0}


def test_features_of_a_day_do_not_change_when_later_rows_become_known() -> None:
    first = [*every_day(1, 3, "2", workspace="1"), used(3, "5", sku="ALL_PURPOSE", job="7")]
    later = [used(4, "50"), used(2, "-2", ingested=4, record_type="RETRACTION"), used(5, "1", workspace="2")]
    known, more = (CostFeatures().features(sources(rows)).collect().to_native() for rows in (first, [*first, *later]))
    keys = ["workspace_id", "known_at"]
    assert more.filter(pl.col("known_at") <= known["known_at"].max()).sort(keys).equals(known.sort(keys))


@pytest.mark.parametrize(("arrival_days", "expected"), [(0, {1: 10.0, 2: 1.0}), (1, {1: 4.0, 2: 1.0})])
def test_row_that_waits_for_late_usage_sees_it_and_is_known_later(arrival_days: int, expected: dict[int, float]) -> None:
    rows = [used(1, "10"), used(1, "-6", ingested=2), used(2, "1")]
    assert by_day("daily_dbu", *rows, arrival_days=arrival_days) == expected
    known = CostFeatures(arrival_days=arrival_days).features(sources(rows)).collect()["known_at"].to_list()
    assert sorted(known) == [datetime(2025, 1, day + arrival_days, tzinfo=UTC) for day in (2, 3)]


# --- prices


@pytest.mark.parametrize(("at", "cost"), [("11:59", 20.0), ("12:00", 30.0), ("12:01", 30.0)])
def test_price_holds_from_its_start_and_until_before_its_end(at: str, cost: float) -> None:
    prices = [price("2", end="2025-01-01T12:00"), price("3", start="2025-01-01T12:00")]
    assert by_day("daily_cost", used(1, "10", at=at), prices=prices) == {1: cost}
    assert labels("cost", used(1, "10", at=at), prices=prices) == {1: cost}


@pytest.mark.parametrize(
    "odd",
    [
        used(1, "1", sku="UNKNOWN"),
        used(1, "1", cloud="GCP"),
        used(1, "1", unit="GB"),
        used(1, "1", sku="OLD"),
        used(1, "1", sku="FUTURE"),
        used(1, "1", sku="EMPTY"),
    ],
)
def test_usage_without_a_price_is_refused(odd: Row) -> None:
    prices = [*LISTED, price("1", "OLD", end="2025-01-01T10:00"), price("1", "FUTURE", start="2025-01-01T10:01"), price(None, "EMPTY")]
    for compute in (CostFeatures().features, CostFeatures().labels):
        with pytest.raises(DataError, match=f"the usage: 1 rows of {odd['sku_name']} have no list price at the time of use"):
            compute(sources([used(1, "1"), odd], prices))


def test_usage_with_two_prices_is_refused_since_it_would_be_counted_twice() -> None:
    prices = [price("2"), price("3", start="2025-01-01T00:00")]
    with pytest.raises(DataError, match="2 rows of JOBS have more than one list price"):
        CostFeatures().features(sources([used(1, "1"), used(1, "2")], prices))


def test_record_that_stands_twice_is_refused() -> None:
    twice = {**used(1, "1"), "record_id": "a"}
    with pytest.raises(DataError, match=r"1 rows of JOBS have more than one list price .* each record_id once"):
        CostFeatures().features(sources([twice, twice]))


# --- windows


def test_mean_over_a_week_lets_older_days_go() -> None:
    rows = [used(1, "70"), *every_day(2, 8, "7", workspace="1")]
    assert by_day("avg_dbu_7d", *rows)[7] == 16.0
    assert by_day("avg_dbu_7d", *rows)[8] == 7.0
    assert by_day("avg_dbu_30d", *rows)[8] == pytest.approx(119 / 8)


def test_mean_over_thirty_days_lets_older_days_go() -> None:
    rows = [used(1, "310"), *every_day(2, 31, "1", workspace="1")]
    assert by_day("avg_dbu_30d", *rows)[30] == pytest.approx(339 / 30)
    assert by_day("avg_dbu_30d", *rows)[31] == 1.0


def test_change_is_in_percent_and_null_where_there_was_nothing() -> None:
    rows = [used(1, "4"), used(2, "5"), used(4, "2"), used(8, "3"), *every_day(1, 9)]
    day = by_day("dbu_change_pct_1d", *rows)
    assert (day[1], day[2], day[3], day[4], day[5]) == (None, 25.0, -100.0, None, -100.0)
    week = by_day("dbu_change_pct_7d", *rows)
    assert (week[7], week[8], week[9]) == (None, -25.0, -100.0)


def test_z_score_measures_the_day_against_the_seven_before_it() -> None:
    """Four days of 2 and three of 9: mean 5, squares 259 / 7 - 25 = 12, so a day of 11 lies 6 / sqrt(12) above."""
    amounts = ["2", "9", "2", "9", "2", "9", "2", "11", "11"]
    scores = by_day("z_score_7d", *(used(day, dbu) for day, dbu in enumerate(amounts, start=1)))
    assert [scores[day] for day in range(1, 8)] == [None] * 7
    assert scores[8] == pytest.approx(6 / 12**0.5)
    mean = 44 / 7
    assert scores[9] == pytest.approx((11 - mean) / ((4 * 0 + 2**2 * 3 + 9**2 * 3 + 11**2) / 7 - mean**2) ** 0.5)


def test_z_score_after_a_flat_week_is_null_and_no_rounding() -> None:
    assert by_day("z_score_7d", *every_day(1, 7, "0.1", workspace="1"), used(8, "5"))[8] is None


def test_source_that_leaves_a_day_out_is_refused() -> None:
    with pytest.raises(DataError, match="the usage has usage on 2 of the 3 days from 2025-01-01 to 2025-01-03"):
        CostFeatures().features(sources([used(1, "1"), used(3, "1")]))


# --- shares


def test_serverless_ratio_is_a_share_of_dbu() -> None:
    rows = [used(1, "3", serverless=True), used(1, "1"), used(1, "1", serverless=None), used(3, "1"), *every_day(1, 3)]
    assert by_day("serverless_adoption_ratio", *rows) == {1: 0.6, 2: None, 3: 0.0}


def test_jobs_on_all_purpose_need_both_a_job_and_an_all_purpose_sku() -> None:
    rows = [used(1, "1", sku="ALL_PURPOSE", job="7"), used(1, "1", sku="ALL_PURPOSE"), used(1, "1", job="7")]
    assert by_day("jobs_on_all_purpose_cost", *rows) == {1: 5.0}


# --- calendar and times


@pytest.mark.parametrize(("day", "weekday", "weekend"), [(2, 5.0, 0.0), (3, 6.0, 1.0), (4, 7.0, 1.0), (5, 1.0, 0.0)])
def test_weekday_is_that_of_the_day_that_follows(day: int, weekday: float, weekend: float) -> None:
    assert by_day("day_of_week", used(day, "1")) == {day: weekday}
    assert by_day("is_weekend", used(day, "1")) == {day: weekend}


def test_row_is_known_at_midnight_after_its_day_and_a_label_stands_at_its_beginning() -> None:
    one = sources([used(31, "1", at="23:00")])
    assert CostFeatures().features(one).collect()["known_at"].to_list() == [datetime(2025, 2, 1, tzinfo=UTC)]
    assert CostFeatures().labels(one).collect()["label_time"].to_list() == [datetime(2025, 1, 31, tzinfo=UTC)]


def test_label_of_a_day_is_joined_to_the_features_of_the_day_before() -> None:
    given = sources([used(1, "1"), used(2, "3")])
    joined = join_as_of(CostFeatures().labels(given), CostFeatures().features(given))
    rows = joined.table.collect(["cost", "daily_cost"]).to_native()
    assert rows.rows() == [(6.0, 2.0)]
    assert joined.certificate.latest_feature_minus_label_hours == 0.0


# --- growth


def test_growth_is_over_the_mean_of_the_seven_days_before() -> None:
    rows = [*every_day(1, 7, "10", workspace="1"), used(8, "11"), used(9, "0")]
    growth = labels("cost_growth_rate", *rows)
    assert [growth[day] for day in range(1, 8)] == [None] * 7
    assert growth[8] == pytest.approx(0.1)
    assert growth[9] == -1.0


def test_growth_after_a_week_without_cost_is_null() -> None:
    rows = [used(1, "1"), used(9, "1"), *every_day(1, 9)]
    assert labels("cost_growth_rate", *rows)[8] == -1.0
    assert labels("cost_growth_rate", *rows)[9] is None


def test_growth_compares_with_what_was_known_when_the_day_began() -> None:
    """Seven of the ten of the 7th are taken back on the 8th: the mean before the 8th is still 10, that before the 9th is 9."""
    rows = [*every_day(1, 9, "10", workspace="1"), used(7, "-7", ingested=8)]
    growth = labels("cost_growth_rate", *rows)
    assert growth[8] == 0.0
    assert growth[9] == pytest.approx(10 / 9 - 1)


# --- the week to come, serverless use, known anomalies


def test_cost_of_a_week_is_that_of_the_day_and_the_six_after_it() -> None:
    rows = [*every_day(1, 9), used(1, "1"), used(3, "2"), used(7, "4"), used(8, "8"), used(9, "16")]
    week = labels("cost_next_7d", *rows)
    assert week == {1: 14.0, 2: 28.0, 3: 60.0, 4: None, 5: None, 6: None, 7: None, 8: None, 9: None}


def test_cost_of_a_week_takes_corrections_whenever_they_came_and_no_other_workspace() -> None:
    rows = [*every_day(1, 7, "1", workspace="1"), used(2, "-1", ingested=9), *every_day(1, 9, "100")]
    assert labels("cost_next_7d", *rows)[1] == 12.0


def test_serverless_share_is_of_the_dbu_of_the_day() -> None:
    rows = [used(1, "3", serverless=True), used(1, "1"), used(2, "1", serverless=None), used(4, "2", serverless=True), *every_day(1, 4)]
    assert labels("serverless_share", *rows) == {1: 0.75, 2: 0.0, 3: None, 4: 1.0}


@pytest.mark.parametrize(
    ("arrival_days", "expected"), [(0, {1: None, 2: 0.0, 3: 1.0, 4: 0.0, 5: 1.0}), (1, {1: None, 2: None, 3: 0.0, 4: 1.0, 5: 0.0})]
)
def test_anomaly_is_told_of_the_last_day_of_which_the_features_are_known(arrival_days: int, expected: dict[int, float | None]) -> None:
    known = pl.DataFrame({"workspace_id": ["1", "1", "1", "9"], "usage_date": [date(2025, 1, day) for day in (2, 4, 2, 1)]})
    given = {**sources(every_day(1, 5, workspace="1")), "known_anomalies": Table.of(known)}
    definition = CostFeatures(arrival_days=arrival_days, known_anomalies=True)
    measured = definition.labels(given).collect().to_native()
    assert {time.day: value for time, value in measured.sort("label_time").select("label_time", "is_anomaly").rows()} == expected


def test_anomaly_stands_beside_the_features_of_its_own_day() -> None:
    known = pl.DataFrame({"workspace_id": ["1"], "usage_date": [date(2025, 1, 3)]})
    given = {**sources([*every_day(1, 5, workspace="1"), used(3, "99")]), "known_anomalies": Table.of(known)}
    definition = CostFeatures(known_anomalies=True)
    joined = join_as_of(definition.labels(given), definition.features(given)).table.collect(["is_anomaly", "daily_dbu"]).to_native()
    assert sorted(joined.rows()) == [(0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (1.0, 100.0)]


def test_known_anomalies_are_read_only_where_they_are_asked_for() -> None:
    assert {*CostFeatures().inputs} == {"usage", "list_prices"}
    assert "is_anomaly" not in CostFeatures().labels(sources([used(1, "1")])).columns
    with pytest.raises(ConfigurationError, match=r"cost_features reads \['known_anomalies', 'list_prices', 'usage'\]"):
        CostFeatures(known_anomalies=True).labels(sources([used(1, "1")]))


# --- roles and columns


def test_roles_of_features_and_labels() -> None:
    definition, given = CostFeatures(), sources([used(1, "1")])
    features, measured = definition.features(given), definition.labels(given)
    assert features.roles == Roles(primary_keys=("workspace_id",), timestamp="known_at", features=definition.feature_names)
    assert features.columns == ["workspace_id", "known_at", *definition.feature_names, "usage_date"]
    assert measured.roles == definition.label_roles
    assert measured.columns == ["workspace_id", "label_time", *definition.label_columns, "usage_date"]
    frame = features.collect().to_native()
    assert {frame[name].dtype for name in definition.feature_names} == {pl.Float64}


def test_features_have_the_names_of_the_guide() -> None:
    assert CostFeatures().feature_names == (
        "daily_dbu",
        "daily_cost",
        "avg_dbu_7d",
        "avg_dbu_30d",
        "dbu_change_pct_1d",
        "dbu_change_pct_7d",
        "z_score_7d",
        "serverless_adoption_ratio",
        "jobs_on_all_purpose_cost",
        "is_weekend",
        "day_of_week",
    )
    assert not {*CostFeatures().label_columns} & {*CostFeatures().feature_names}


def test_input_without_a_column_or_left_out_is_refused() -> None:
    given = sources([used(1, "1")])
    without = {**given, "list_prices": given["list_prices"].select(["cloud", "sku_name", "usage_unit", "price_start_time", "pricing"])}
    for compute in (CostFeatures().features, CostFeatures().labels):
        with pytest.raises(ColumnNotFoundError, match="the prices has no column 'price_end_time'"):
            compute(without)
        with pytest.raises(ConfigurationError, match=r"cost_features reads .*list_prices"):
            compute({"usage": given["usage"]})


def test_order_of_the_rows_does_not_matter() -> None:
    rows = [used(1, "1"), used(2, "3"), used(1, "-1", ingested=2), used(2, "4", workspace="2"), used(1, "8")]
    numbered = [{**row, "record_id": str(number)} for number, row in enumerate(rows)]
    keys = ["workspace_id", "known_at"]
    straight, turned = (CostFeatures().features(sources(given)).collect().to_native().sort(keys) for given in (numbered, numbered[::-1]))
    assert straight.equals(turned)
    assert straight["usage_date"].to_list() == [date(2025, 1, 1), date(2025, 1, 2), date(2025, 1, 2)]
    assert straight["known_at"][0] - timedelta(days=1) == datetime(2025, 1, 1, tzinfo=UTC)
