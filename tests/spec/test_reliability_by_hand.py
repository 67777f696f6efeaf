"""Reliability features and labels, timeline rows in and numbers out. 1 January 2025 is a Wednesday; a day ends at midnight UTC."""

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from pydantic import ValidationError

from stackhouse.errors import ColumnNotFoundError, ConfigurationError, DataError
from stackhouse.features.reliability import ReliabilityFeatures
from stackhouse.point_in_time import join_as_of
from stackhouse.table import Roles, Table

TIME = pl.Datetime("us", "UTC")
SCHEMA = {
    "workspace_id": pl.String,
    "job_id": pl.String,
    "run_id": pl.String,
    "period_start_time": TIME,
    "period_end_time": TIME,
    "result_state": pl.String,
}
Row = dict[str, object]


def row(day: int, start: str, minutes: int, state: str | None, *, run: str, job: str = "7", workspace: str = "1") -> Row:
    """One timeline row, from a time of a day of January 2025, so many minutes long."""
    begun = datetime.fromisoformat(f"2025-01-{day:02}T{start}+00:00")
    return dict(zip(SCHEMA, (workspace, job, run, begun, begun + timedelta(minutes=minutes), state), strict=True))


def ran(day: int, state: str | None = "SUCCEEDED", *, minutes: int = 10, start: str = "08:00", **ids: str) -> Row:
    """A run of one row; each start and result gives a run of its own."""
    return row(day, start, minutes, state, **{"run": f"{day}-{start}-{state}-{minutes}", **ids})


def sources(*rows: Row) -> dict[str, Table]:
    return {"job_run_timeline": Table.of(pl.DataFrame([*rows], schema=SCHEMA), name="the timeline")}


def by_day(name: str, *rows: Row, job: str = "7", workspace: str = "1") -> dict[int, float | None]:
    """One feature of a job by the day that it describes."""
    frame = ReliabilityFeatures().features(sources(*rows)).collect().to_native()
    frame = frame.filter(pl.col("job_id") == job, pl.col("workspace_id") == workspace).sort("run_date")
    return {day.day: value for day, value in frame.select("run_date", name).rows()}


def labels(*rows: Row, job: str = "7", workspace: str = "1", min_runs: int = 1) -> dict[int, tuple[float, int, int]]:
    """Failure rate, whether any failed, and runs, of a job by the day that begins at the label's time."""
    frame = ReliabilityFeatures(min_runs=min_runs).labels(sources(*rows)).collect().to_native()
    frame = frame.filter(pl.col("job_id") == job, pl.col("workspace_id") == workspace).sort("label_time")
    return {time.day: tuple(rest) for time, *rest in frame.select("label_time", "day_failure_rate", "is_failed", "runs").rows()}


# --- one day


def test_rates_are_shares_of_the_runs_that_ended() -> None:
    rows = [ran(1), ran(1, start="09:00"), ran(1, start="10:00"), ran(1, "FAILED")]
    assert by_day("total_runs", *rows) == {1: 4.0}
    assert by_day("success_rate", *rows) == {1: 0.75}
    assert by_day("failure_rate", *rows) == {1: 0.25}
    assert by_day("prev_day_failed", *rows) == {1: 1.0}
    assert labels(*rows) == {1: (0.25, 1, 4)}


@pytest.mark.parametrize(
    ("state", "succeeded", "failed"),
    [
        ("SUCCEEDED", 1.0, 0.0),
        ("FAILED", 0.0, 1.0),
        ("ERROR", 0.0, 1.0),
        ("TIMED_OUT", 0.0, 1.0),
        ("CANCELLED", 0.0, 0.0),
        ("SKIPPED", 0.0, 0.0),
        ("BLOCKED", 0.0, 0.0),
    ],
)
def test_what_counts_as_failed(state: str, succeeded: float, failed: float) -> None:
    assert by_day("success_rate", ran(1, state)) == {1: succeeded}
    assert by_day("failure_rate", ran(1, state)) == {1: failed}
    assert labels(ran(1, state)) == {1: (failed, int(failed), 1)}


def test_run_of_several_rows_counts_once_from_its_first_start_to_its_last_end() -> None:
    rows = [row(1, "08:50", 10, None, run="a"), row(1, "09:00", 60, None, run="a"), row(1, "10:00", 5, "FAILED", run="a")]
    assert labels(*rows) == {1: (1.0, 1, 1)}
    assert by_day("avg_duration_sec", *rows) == {1: 75 * 60.0}


def test_run_that_has_not_ended_counts_nowhere() -> None:
    rows = [ran(1), row(1, "22:00", 60, None, run="a"), row(1, "23:00", 60, None, run="a")]
    assert by_day("total_runs", *rows) == {1: 1.0}
    assert labels(*rows) == {1: (0.0, 0, 1)}


def test_job_of_which_no_run_ended_has_no_row() -> None:
    rows = [ran(1), row(1, "22:00", 60, None, run="a", job="8")]
    assert by_day("total_runs", *rows, job="8") == {}
    assert labels(*rows, job="8") == {}


def test_run_past_midnight_belongs_to_the_day_on_which_it_ended() -> None:
    rows = [row(1, "23:30", 30, None, run="a"), row(2, "00:00", 30, "FAILED", run="a"), ran(1), ran(2)]
    assert labels(*rows) == {1: (0.0, 0, 1), 2: (0.5, 1, 2)}
    assert by_day("failure_rate", *rows) == {1: 0.0, 2: 0.5}
    assert by_day("avg_duration_sec", *rows) == {1: 600.0, 2: (3_600 + 600) / 2}


@pytest.mark.parametrize(("minutes", "day"), [(59, 1), (60, 2), (61, 2)])
def test_run_that_ends_at_midnight_ends_on_the_new_day(minutes: int, day: int) -> None:
    assert [*labels(ran(1, start="23:00", minutes=minutes))] == [day]


def test_duration_over_the_turn_of_a_year() -> None:
    begun = datetime(2024, 12, 31, 23, 59, 30, tzinfo=UTC)
    long = {**ran(1), "period_start_time": begun, "period_end_time": begun + timedelta(seconds=45)}
    assert by_day("avg_duration_sec", long) == {1: 45.0}


def test_duration_drops_fractions_of_seconds_of_both_ends() -> None:
    begun = datetime(2025, 1, 1, 8, 0, 0, 900_000, tzinfo=UTC)
    short = {**ran(1), "period_start_time": begun, "period_end_time": begun + timedelta(milliseconds=200)}
    assert by_day("avg_duration_sec", short) == {1: 1.0}


# --- repairs


def test_run_that_is_repaired_on_the_same_day_has_its_last_result() -> None:
    rows = [row(1, "08:00", 10, "FAILED", run="a"), row(1, "09:00", 10, "SUCCEEDED", run="a")]
    for given in (rows, rows[::-1]):
        assert labels(*given) == {1: (0.0, 0, 1)}
        assert by_day("avg_duration_sec", *given) == {1: 70 * 60.0}


def test_run_that_is_repaired_later_stays_failed_on_the_day_of_its_failure() -> None:
    rows = [row(1, "08:00", 10, "FAILED", run="a"), ran(2), row(3, "09:00", 10, "SUCCEEDED", run="a")]
    assert by_day("failure_rate", *rows) == {1: 1.0, 2: 0.0, 3: 0.0}
    assert labels(*rows) == {1: (1.0, 1, 1), 2: (0.0, 0, 1), 3: (0.0, 0, 1)}


def test_features_of_a_day_do_not_change_when_later_rows_become_known() -> None:
    first = [ran(1), ran(2, "FAILED"), ran(2, job="8"), row(2, "23:00", 60, None, run="a")]
    later = [row(3, "00:00", 60, "FAILED", run="a"), row(3, "09:00", 5, "SUCCEEDED", run="2-08:00-FAILED-10"), ran(4)]
    known, more = (ReliabilityFeatures().features(sources(*rows)).collect().to_native() for rows in (first, [*first, *later]))
    keys = ["workspace_id", "job_id", "known_at"]
    assert more.filter(pl.col("known_at") <= known["known_at"].max()).sort(keys).equals(known.sort(keys))


# --- ids


def test_job_and_run_ids_are_those_of_a_workspace() -> None:
    rows = [ran(1, "FAILED", run="a"), ran(1, minutes=30, run="a", workspace="2"), ran(1, minutes=50, run="a", job="8", workspace="2")]
    assert by_day("failure_rate", *rows) == {1: 1.0}
    assert by_day("failure_rate", *rows, workspace="2") == {1: 0.0}
    assert by_day("avg_duration_sec", *rows) == {1: 600.0}
    assert by_day("avg_duration_sec", *rows, workspace="2") == {1: 1_800.0}
    assert labels(*rows, workspace="2", job="8") == {1: (0.0, 0, 1)}


def test_jobs_do_not_see_each_others_history() -> None:
    rows = [ran(day, state, job=job) for day in (1, 2) for job, state in (("7", "FAILED"), ("8", "SUCCEEDED"))]
    rows += [ran(day, job="7", workspace="2") for day in (1, 2)]
    assert by_day("rolling_failure_rate_30d", *rows) == {1: 1.0, 2: 1.0}
    assert by_day("rolling_failure_rate_30d", *rows, job="8") == {1: 0.0, 2: 0.0}
    assert by_day("rolling_failure_rate_30d", *rows, workspace="2") == {1: 0.0, 2: 0.0}


# --- days and windows


def test_day_without_a_run_has_no_rates_and_stays_in_the_history() -> None:
    rows = [ran(1, "FAILED"), ran(2, job="8"), ran(3)]
    assert by_day("total_runs", *rows) == {1: 1.0, 2: 0.0, 3: 1.0}
    assert by_day("failure_rate", *rows) == {1: 1.0, 2: None, 3: 0.0}
    assert by_day("avg_duration_sec", *rows) == {1: 600.0, 2: None, 3: 600.0}
    assert by_day("prev_day_failed", *rows) == {1: 1.0, 2: 0.0, 3: 0.0}
    assert by_day("rolling_failure_rate_30d", *rows) == {1: 1.0, 2: 1.0, 3: 0.5}
    assert [*labels(*rows)] == [1, 3]


def test_rolling_failure_rate_weighs_runs_and_lets_days_older_than_thirty_go() -> None:
    rows = [ran(1, "FAILED"), *(ran(day) for day in range(2, 32))]
    rates = by_day("rolling_failure_rate_30d", *rows)
    assert (rates[1], rates[2], rates[30], rates[31]) == (1.0, 0.5, pytest.approx(1 / 30), 0.0)


def test_duration_cv_is_over_the_runs_of_thirty_days() -> None:
    rows = [ran(1, minutes=10), ran(2, minutes=20), ran(2, minutes=30, start="12:00")]
    assert by_day("duration_cv", *rows) == {1: 0.0, 2: pytest.approx((200 / 3) ** 0.5 / 20)}


def test_job_has_no_row_before_its_first_run_ended() -> None:
    assert [*by_day("total_runs", ran(1, job="8"), ran(2), ran(3, job="8"))] == [2, 3]


def test_source_that_leaves_a_day_out_is_refused() -> None:
    with pytest.raises(DataError, match="the timeline has runs that ended on 2 of the 3 days from 2025-01-01 to 2025-01-03"):
        ReliabilityFeatures().features(sources(ran(1), ran(3)))


@pytest.mark.parametrize(("min_runs", "days"), [(1, [1, 2]), (2, [2]), (3, [])])
def test_day_with_fewer_runs_than_needed_has_no_label(min_runs: int, days: list[int]) -> None:
    assert [*labels(ran(1), ran(2), ran(2, start="12:00"), min_runs=min_runs)] == days


# --- success


def test_success_and_failure_of_a_day_leave_out_what_was_cancelled() -> None:
    rows = [ran(1), ran(1, start="09:00"), ran(1, "CANCELLED"), ran(1, "FAILED")]
    assert measured_of("day_success_rate", ReliabilityFeatures(), *rows) == {1: 0.5}
    assert measured_of("day_failure_rate", ReliabilityFeatures(), *rows) == {1: 0.25}


# --- SLA


def measured_of(name: str, definition: ReliabilityFeatures, *rows: Row, job: str = "7") -> dict[int, float | None]:
    """One column of the labels of a job by the day that begins at the label's time."""
    frame = definition.labels(sources(*rows)).collect().to_native().filter(pl.col("job_id") == job).sort("label_time")
    return {time.day: value for time, value in frame.select("label_time", name).rows()}


def feature_of(name: str, definition: ReliabilityFeatures, *rows: Row) -> dict[int, float | None]:
    frame = definition.features(sources(*rows)).collect().to_native().filter(pl.col("job_id") == "7").sort("run_date")
    return {day.day: value for day, value in frame.select("run_date", name).rows()}


@pytest.mark.parametrize(("minutes", "rate"), [(59, 0.0), (60, 0.0), (61, 0.5)])
def test_run_that_takes_longer_than_the_sla_breaks_it_however_it_ends(minutes: int, rate: float) -> None:
    for state in ("SUCCEEDED", "FAILED", "CANCELLED"):
        rows = [ran(1, state, minutes=minutes), ran(1, minutes=1)]
        assert measured_of("day_sla_breach_rate", ReliabilityFeatures(sla_seconds=3_600), *rows) == {1: rate}


@pytest.mark.parametrize(("minutes", "rate"), [(29, 0.0), (30, 0.0), (31, 1.0)])
def test_sla_can_be_a_multiple_of_what_runs_took_in_the_days_before(minutes: int, rate: float) -> None:
    """Runs of 10 and 20 minutes before, so 15 on average, and 30 minutes are twice that."""
    rows = [ran(1, minutes=10), ran(2, minutes=20), ran(3, minutes=minutes)]
    assert measured_of("day_sla_breach_rate", ReliabilityFeatures(sla_factor=2), *rows)[3] == rate


def test_first_day_of_a_job_has_no_sla_to_break() -> None:
    rows = [ran(1, minutes=10), ran(2, minutes=40), ran(2, minutes=500, job="8")]
    definition = ReliabilityFeatures(sla_factor=2)
    assert measured_of("day_sla_breach_rate", definition, *rows) == {1: None, 2: 1.0}
    assert measured_of("day_sla_breach_rate", definition, *rows, job="8") == {2: None}
    assert feature_of("sla_breach_rate", definition, *rows) == {1: None, 2: 1.0}


def test_sla_of_a_day_knows_nothing_of_the_day_itself_and_forgets_after_thirty() -> None:
    """On the 31st the 1st still counts, on the 1st of February it does not: (300 + 29 · 10) / 30 = 19.7, then 10."""
    rows = [ran(1, minutes=300), *(ran(day, minutes=10) for day in range(2, 31)), ran(31, minutes=19)]
    rows.append({**ran(1, minutes=19), "run_id": "later", **shifted(31)})
    definition = ReliabilityFeatures(sla_factor=1)
    frame = definition.labels(sources(*rows)).collect().to_native().sort("label_time")
    assert frame["day_sla_breach_rate"].to_list() == [None, *[0.0] * 30, 1.0]


def shifted(days: int) -> Row:
    """Start and end of a run of 19 minutes so many days after the first of January, 08:00."""
    begun = datetime(2025, 1, 1, 8, tzinfo=UTC) + timedelta(days=days)
    return {"period_start_time": begun, "period_end_time": begun + timedelta(minutes=19)}


def test_features_tell_how_close_a_job_is_to_its_sla() -> None:
    rows = [ran(1, minutes=10), ran(2, minutes=10), ran(2, minutes=40, start="12:00"), ran(4, job="8"), ran(3, job="8")]
    definition = ReliabilityFeatures(sla_factor=2)
    assert feature_of("sla_breach_rate", definition, *rows) == {1: None, 2: 0.5, 3: None, 4: None}
    assert feature_of("rolling_sla_breach_rate_30d", definition, *rows) == {1: None, 2: 0.5, 3: 0.5, 4: 0.5}
    assert feature_of("duration_sla_ratio", definition, *rows) == {1: 0.5, 2: 25 / (2 * 20), 3: None, 4: None}
    assert feature_of("duration_sla_ratio", ReliabilityFeatures(sla_seconds=1_000), *rows) == {1: 0.6, 2: 1.5, 3: None, 4: None}


def test_sla_adds_columns_and_leaves_the_others_as_they_are() -> None:
    plain, with_sla = ReliabilityFeatures(), ReliabilityFeatures(sla_factor=2)
    assert with_sla.feature_names == (*plain.feature_names, "duration_sla_ratio", "sla_breach_rate", "rolling_sla_breach_rate_30d")
    assert with_sla.label_columns == (*plain.label_columns, "day_sla_breach_rate")
    given = sources(ran(1, "FAILED"), ran(2, minutes=90), ran(2, start="07:00"))
    for what in ("features", "labels"):
        without, beside = (getattr(definition, what)(given).collect().to_native() for definition in (plain, with_sla))
        order = ["job_id", "run_date"]
        assert beside.select(without.columns).sort(order).equals(without.sort(order))


def test_two_slas_at_once_are_refused() -> None:
    with pytest.raises(ValidationError, match="sla_seconds and sla_factor both say when a run breaks the SLA; keep one"):
        ReliabilityFeatures(sla_seconds=60, sla_factor=2)


def test_sla_made_of_the_days_before_needs_every_day() -> None:
    with pytest.raises(DataError, match="2 of the 3 days"):
        ReliabilityFeatures(sla_factor=2).labels(sources(ran(1), ran(3)))
    assert measured_of("day_sla_breach_rate", ReliabilityFeatures(sla_seconds=60), ran(1), ran(3)) == {1: 1.0, 3: 1.0}


# --- calendar and times


@pytest.mark.parametrize(("day", "weekday", "weekend"), [(2, 5.0, 0.0), (3, 6.0, 1.0), (4, 7.0, 1.0), (5, 1.0, 0.0)])
def test_weekday_is_that_of_the_day_that_follows(day: int, weekday: float, weekend: float) -> None:
    assert by_day("day_of_week", ran(day)) == {day: weekday}
    assert by_day("is_weekend", ran(day)) == {day: weekend}


def test_row_is_known_at_midnight_after_its_day_and_a_label_stands_at_its_beginning() -> None:
    one = sources(ran(31, start="23:00"))
    assert ReliabilityFeatures().features(one).collect()["known_at"].to_list() == [datetime(2025, 2, 1, tzinfo=UTC)]
    assert ReliabilityFeatures().labels(one).collect()["label_time"].to_list() == [datetime(2025, 1, 31, tzinfo=UTC)]


def test_label_of_a_day_is_joined_to_the_features_of_the_day_before() -> None:
    given = sources(ran(1, "FAILED"), ran(2))
    joined = join_as_of(ReliabilityFeatures().labels(given), ReliabilityFeatures().features(given))
    assert joined.table.collect(["day_failure_rate", "failure_rate"]).to_native().rows() == [(0.0, 1.0)]
    assert joined.certificate.latest_feature_minus_label_hours == 0.0


# --- roles and columns


def test_roles_of_features_and_labels() -> None:
    definition, given = ReliabilityFeatures(), sources(ran(1))
    features, measured = definition.features(given), definition.labels(given)
    keys = ("workspace_id", "job_id")
    assert features.roles == Roles(primary_keys=keys, timestamp="known_at", features=definition.feature_names)
    assert features.columns == [*keys, "known_at", *definition.feature_names, "run_date"]
    assert measured.roles == definition.label_roles
    assert measured.columns == [*keys, "label_time", *definition.label_columns, "run_date"]
    frame = features.collect().to_native()
    assert {frame[name].dtype for name in definition.feature_names} == {pl.Float64}
    assert frame["run_date"].to_list() == [date(2025, 1, 1)]
    assert measured.collect().to_native().schema["runs"] == pl.Int64


def test_features_have_the_names_of_the_guide() -> None:
    assert ReliabilityFeatures().feature_names == (
        "total_runs",
        "avg_duration_sec",
        "success_rate",
        "failure_rate",
        "duration_cv",
        "rolling_failure_rate_30d",
        "prev_day_failed",
        "is_weekend",
        "day_of_week",
    )
    assert not {*ReliabilityFeatures().label_columns} & {*ReliabilityFeatures().feature_names}


@pytest.mark.parametrize("column", [*SCHEMA])
def test_input_without_a_column_is_refused(column: str) -> None:
    given = {"job_run_timeline": sources(ran(1))["job_run_timeline"].select([name for name in SCHEMA if name != column])}
    for compute in (ReliabilityFeatures().features, ReliabilityFeatures().labels):
        with pytest.raises(ColumnNotFoundError, match=f"the timeline has no column '{column}'"):
            compute(given)


def test_source_without_the_input_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="reliability_features reads"):
        ReliabilityFeatures().features({})
