"""The point-in-time join against a brute-force oracle, its certificate, and what it refuses."""

from datetime import UTC, date, datetime, timedelta

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stackhouse.certificate import Certificate, LookupMatch
from stackhouse.errors import (
    ColumnNotFoundError,
    ColumnTypeError,
    ConfigurationError,
    DataError,
    EmptyTableError,
    PointInTimeError,
    PrimaryKeyError,
)
from stackhouse.point_in_time import Match, attach_outputs, certify, join_as_of
from stackhouse.table import Roles, Table

SPINE = Roles(primary_keys=("k",), timestamp="at", label="y")
FEATURES = Roles(primary_keys=("k",), timestamp="known_at", features=("x",))
Row = tuple[str | None, int, float]


def hour(number: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=number)


def frame(rows: list[Row], time: str, value: str) -> pl.DataFrame:
    columns = {"k": [row[0] for row in rows], time: [hour(row[1]) for row in rows], value: [float(row[2]) for row in rows]}
    return pl.DataFrame(columns, schema={"k": pl.String, time: pl.Datetime("us", "UTC"), value: pl.Float64})


def spine(*rows: Row) -> Table:
    return Table.of(frame(list(rows), "at", "y"), SPINE, "the labels")


def features(*rows: Row) -> Table:
    return Table.of(frame(list(rows), "known_at", "x"), FEATURES, "the features")


def joined(labels: Table, known: Table) -> dict[tuple[str, int], tuple[float, float]]:
    rows = join_as_of(labels, known).table.collect(["k", "at", "y", "x"]).rows()
    return {(k, int((at - hour(0)).total_seconds() // 3600)): (y, x) for k, at, y, x in rows}


def unique_rows(max_size: int) -> st.SearchStrategy[list[Row]]:
    identity = st.tuples(st.sampled_from("abc"), st.integers(0, 6))
    keys = st.lists(identity, unique=True, min_size=1, max_size=max_size)
    return keys.map(lambda found: [(k, time, float(number)) for number, (k, time) in enumerate(found)])


@given(labels=unique_rows(8), known=unique_rows(12))
def test_join_equals_the_brute_force_oracle(labels: list[Row], known: list[Row]) -> None:
    expected = {}
    for key, at, y in labels:
        if candidates := [(time, x) for other, time, x in known if other == key and time <= at]:
            expected[key, at] = (y, max(candidates)[1])
    if not expected:
        with pytest.raises(PointInTimeError):
            joined(spine(*labels), features(*known))
        return
    result = join_as_of(spine(*labels), features(*known))
    assert joined(spine(*labels), features(*known)) == expected
    assert result.table.count() == len(expected) == result.certificate.matched_rows
    assert result.certificate.rows_lost == len(labels) - len(expected)
    assert result.certificate.latest_feature_minus_label_hours <= 0


def test_feature_of_exactly_the_label_time_counts_as_known() -> None:
    assert joined(spine(("a", 5, 1)), features(("a", 4, 40), ("a", 5, 50))) == {("a", 5): (1.0, 50.0)}


def test_feature_of_a_moment_after_the_label_time_is_not_known() -> None:
    late = (
        features(("a", 4, 40))
        .collect()
        .to_native()
        .vstack(
            pl.DataFrame(
                {"k": ["a"], "known_at": [hour(5) + timedelta(microseconds=1)], "x": [50.0]},
                schema_overrides={"known_at": pl.Datetime("us", "UTC")},
            )
        )
    )
    assert joined(spine(("a", 5, 1)), Table.of(late, FEATURES)) == {("a", 5): (1.0, 40.0)}


def test_rows_without_a_match_are_left_out_and_counted() -> None:
    result = join_as_of(spine(("a", 5, 1), ("a", 1, 0), ("z", 5, 1)), features(("a", 3, 30)))
    assert result.table.collect(["k", "y", "x"]).rows() == [("a", 1.0, 30.0)]
    assert (result.certificate.spine_rows, result.certificate.matched_rows, result.certificate.rows_lost) == (3, 1, 2)


def test_certificate_holds_the_ages_in_hours() -> None:
    certificate = join_as_of(spine(("a", 10, 1), ("b", 10, 0), ("c", 10, 1)), features(("a", 8, 1), ("b", 7, 1), ("c", 0, 1))).certificate
    assert certificate == Certificate(
        spine="the labels",
        features="the features",
        spine_rows=3,
        matched_rows=3,
        latest_feature_minus_label_hours=-2.0,
        median_age_hours=3.0,
        oldest_age_hours=10.0,
        rows_measured=3,
        lookups=(
            LookupMatch(
                table="the features",
                lookup_key=("k",),
                rows_matched=3,
                rows_filled=0,
                rows_lost=0,
                spine_keys=3,
                table_keys=3,
                absent_keys=0,
            ),
        ),
    )


def test_certificate_of_an_exactly_equal_time_is_zero() -> None:
    assert join_as_of(spine(("a", 3, 1)), features(("a", 3, 1))).certificate.latest_feature_minus_label_hours == 0.0


def test_certificate_with_more_rows_than_the_spine_is_refused() -> None:
    with pytest.raises(ValidationError, match="not unique by key and time"):
        Certificate(
            spine="s",
            features="f",
            spine_rows=1,
            matched_rows=2,
            latest_feature_minus_label_hours=0,
            median_age_hours=0,
            oldest_age_hours=0,
        )


def test_joined_row_from_the_future_is_refused_however_it_was_joined() -> None:
    wrong = pl.DataFrame({"at": [hour(5), hour(5)], "__feature_time": [hour(4), hour(8)]}).lazy()
    with pytest.raises(PointInTimeError, match=r"1 training rows see a feature from after their own time \(up to 3\.0 h after\)"):
        certify(nw.from_native(wrong), [Match(features(("a", 4, 1)), {"k": "k"}, {"x": "x"}, "at")], spine(("a", 5, 1)), 2)


def test_joined_table_has_keys_time_features_and_label_and_no_feature_time() -> None:
    table = join_as_of(spine(("a", 5, 1)), features(("a", 5, 1))).table
    assert table.roles == Roles(primary_keys=("k",), timestamp="at", label="y", features=("x",))
    assert sorted(table.columns) == ["at", "k", "x", "y"]


def test_join_takes_only_the_named_features() -> None:
    known = Table.of(
        frame([("a", 1, 7)], "known_at", "x").with_columns(pl.lit(9.0).alias("z")),
        FEATURES.model_copy(update={"features": ("x", "z")}),
        "the features",
    )
    table = join_as_of(spine(("a", 5, 1)), known, ("z",)).table
    assert sorted(table.columns) == ["at", "k", "y", "z"]
    assert table.roles.features == ("z",)


def test_keys_in_another_order_still_agree() -> None:
    left = pl.DataFrame({"k": ["a"], "l": ["b"], "at": [hour(2)], "y": [1]})
    right = pl.DataFrame({"l": ["b", "a"], "k": ["a", "b"], "known_at": [hour(1), hour(2)], "x": [5.0, 6.0]})
    table = join_as_of(
        Table.of(left, SPINE.model_copy(update={"primary_keys": ("k", "l")})),
        Table.of(right, FEATURES.model_copy(update={"primary_keys": ("l", "k")})),
    ).table
    assert table.collect(["k", "l", "x"]).rows() == [("a", "b", 5.0)]


def test_join_takes_dates_on_both_sides() -> None:
    left = pl.DataFrame({"k": ["a"], "at": [date(2024, 1, 3)], "y": [1]})
    right = pl.DataFrame({"k": ["a", "a"], "known_at": [date(2024, 1, 2), date(2024, 1, 4)], "x": [5.0, 6.0]})
    result = join_as_of(Table.of(left, SPINE), Table.of(right, FEATURES))
    assert result.table.collect(["x"]).rows() == [(5.0,)]
    assert result.certificate.oldest_age_hours == 24.0


@pytest.mark.parametrize("time", [date(2024, 1, 1), hour(1).replace(tzinfo=None)], ids=["date", "datetime without a zone"])
def test_times_of_different_types_are_refused_with_what_to_do(time: object) -> None:
    known = Table.of(pl.DataFrame({"k": ["a"], "known_at": [time], "x": [1.0]}), FEATURES, "the features")
    with pytest.raises(DataError, match="known_at"):
        join_as_of(spine(("a", 5, 1)), known)


def test_keys_of_different_types_are_refused_with_what_to_do() -> None:
    known = Table.of(pl.DataFrame({"k": [1], "known_at": [hour(1)], "x": [1.0]}), FEATURES, "the features")
    with pytest.raises(DataError, match="'k'"):
        join_as_of(spine(("a", 5, 1)), known)


def test_feature_that_the_spine_carries_already_is_refused() -> None:
    labels = Table.of(frame([("a", 5, 1)], "at", "y").with_columns(pl.lit(99.0).alias("x")), SPINE, "the labels")
    with pytest.raises(DataError, match="'x'"):
        join_as_of(labels, features(("a", 1, 7)))


def test_duplicate_feature_rows_are_refused() -> None:
    with pytest.raises(PrimaryKeyError, match=r"the features: 1 primary keys \(k, known_at\) stand more than once, e\.g\. k=a"):
        join_as_of(spine(("a", 5, 1)), features(("a", 1, 7), ("a", 1, 8)))


def test_duplicate_spine_rows_are_refused() -> None:
    with pytest.raises(PrimaryKeyError, match="the labels: 1 primary keys"):
        join_as_of(spine(("a", 5, 1), ("a", 5, 0)), features(("a", 1, 7)))


def test_null_keys_are_refused_on_either_side() -> None:
    with pytest.raises(PrimaryKeyError, match=r"the labels: a primary key is null \('k' in 1 rows\)"):
        join_as_of(spine((None, 5, 1)), features(("a", 1, 7)))
    with pytest.raises(PrimaryKeyError, match=r"the features: a primary key is null \('k' in 1 rows\)"):
        join_as_of(spine(("a", 5, 1)), features((None, 1, 7)))


def test_null_times_are_refused_on_either_side() -> None:
    labels, known = (table.with_frame(table.frame.with_columns(nw.lit(None).cast(nw.Datetime("us", "UTC")).alias(table.roles.timestamp)))
                     for table in (spine(("a", 5, 1)), features(("a", 1, 7))))  # fmt: skip
    with pytest.raises(PrimaryKeyError, match="'at' in 1 rows"):
        join_as_of(labels, features(("a", 1, 7)))
    with pytest.raises(PrimaryKeyError, match="'known_at' in 1 rows"):
        join_as_of(spine(("a", 5, 1)), known)


def test_spine_without_rows_is_refused() -> None:
    with pytest.raises(EmptyTableError, match="the labels has no rows"):
        join_as_of(spine(), features(("a", 1, 7)))


@pytest.mark.parametrize("known", [features(), features(("a", 6, 7)), features(("z", 1, 7))], ids=["no rows", "all later", "other keys"])
def test_nothing_that_matches_is_refused(known: Table) -> None:
    with pytest.raises(PointInTimeError, match="None of the 1 rows of the labels finds a row of the features that was known by then"):
        join_as_of(spine(("a", 5, 1)), known)


def test_unknown_feature_is_refused() -> None:
    with pytest.raises(
        ColumnNotFoundError, match=r"the features has no column 'q'; it has 'x'\. Name one of these under model.features.names"
    ):
        join_as_of(spine(("a", 5, 1)), features(("a", 1, 7)), ("q",))


def test_other_keys_are_refused() -> None:
    known = Table.of(
        frame([("a", 1, 7)], "known_at", "x").rename({"k": "route"}), Roles(primary_keys=("route",), timestamp="known_at", features=("x",))
    )
    with pytest.raises(ConfigurationError, match=r"\['k'\].*\['route'\].*they must agree"):
        join_as_of(spine(("a", 5, 1)), known)


def test_table_without_a_timestamp_is_refused() -> None:
    known = Table.of(frame([("a", 1, 7)], "known_at", "x"), Roles(primary_keys=("k",), features=("x",)))
    with pytest.raises(ConfigurationError, match="need a timestamp for a point-in-time join"):
        join_as_of(spine(("a", 5, 1)), known)


def test_text_timestamp_is_refused() -> None:
    known = Table.of(pl.DataFrame({"k": ["a"], "known_at": ["2024-01-01"], "x": [1.0]}), FEATURES, "the features")
    with pytest.raises(ColumnTypeError, match="the features: the timestamp column 'known_at' is String"):
        join_as_of(spine(("a", 5, 1)), known)


def test_attached_outputs_are_null_where_nothing_matches_in_the_window() -> None:
    labels, known = spine(("a", 5, 1), ("b", 5, 1), ("c", 5, 1)), features(("a", 4, 40), ("b", 3, 30))
    match = Match(known, {"k": "k"}, {"x": "late"}, "at", window=timedelta(hours=1))
    frame = attach_outputs(labels.frame, labels.frame, match)
    assert sorted(frame.select("k", "late", "__feature_time").collect().rows()) == [
        ("a", 40.0, hour(4)),
        ("b", None, None),
        ("c", None, None),
    ]
