"""Scoring from keys: every key gets a row, an answer where its features were known by its time, and the same one however it is asked."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import polars as pl
import pytest

from stackhouse.batch_scoring import (
    ScoringRun,
    changed,
    look_up,
    prediction_roles,
    predictions_schema,
    remaining_lookups,
    require_numbers,
    require_spine,
    scorer,
    summarize,
)
from stackhouse.encoding import Encoding
from stackhouse.errors import ColumnNotFoundError, ColumnTypeError, ConfigurationError, DataError, EmptyTableError, PrimaryKeyError
from stackhouse.fitted import FittedModel
from stackhouse.lookups import FeatureLookup
from stackhouse.table import Roles, Table
from tests.unit.conftest import scoring_rules

DAYS = FeatureLookup(table_name="dev.shop.days", lookup_key="shop", feature_names="signal", timestamp_lookup_key="asked_at")
PLACES = FeatureLookup(table_name="dev.shop.places", lookup_key="shop", feature_names="size", rename_outputs={"size": "noise"})
BOTH = (DAYS, PLACES)
FEATURES = ("signal", "noise")
RUN = ScoringRun(
    model="dev.shop.model",
    model_version="3",
    table_versions={"dev.shop.days": 7, "dev.shop.places": 2},
    scored_at=datetime(2024, 3, 1, 12, tzinfo=UTC),
)


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2024, 1, number, hour, tzinfo=UTC)


class Sum(FittedModel):
    """Answers the sum of its clean features, so that what it was given can be read off."""

    def scores_of_matrix(self, X: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        assert np.isfinite(X).all()
        return X.sum(axis=1)


SUM = Sum(None, scoring_rules(), Encoding.of_numbers(FEATURES))
"""An unusable signal becomes 0, an unusable noise 0.5; class 1 from 0.5 on."""


@pytest.fixture
def tables() -> dict[str, Table]:
    days = pl.DataFrame(
        {"shop": ["a", "a", "b"], "known_at": [day(1), day(3), day(2)], "signal": [0.125, 0.25, 0.5]},
        schema_overrides={"known_at": pl.Datetime("us", "UTC")},
    )
    places = pl.DataFrame({"shop": ["a", "b", "c"], "size": [0.0, 0.125, 0.25]})
    return {
        "dev.shop.days": Table.of(days, Roles(primary_keys=("shop",), timestamp="known_at", features=("signal",)), "dev.shop.days"),
        "dev.shop.places": Table.of(places, Roles(primary_keys=("shop",), features=("size",)), "dev.shop.places"),
    }


def asked(**columns: Any) -> pl.DataFrame:
    """Rows to score; the times in the type of the feature tables."""
    times = {name: pl.Datetime("us", "UTC") for name in columns if name.endswith("_at")}
    return pl.DataFrame(columns, schema_overrides=times, strict=False)


def score(
    rows: pl.DataFrame,
    tables: dict[str, Table],
    lookups: tuple[FeatureLookup, ...] = BOTH,
    model: FittedModel = SUM,
    run: ScoringRun = RUN,
) -> pl.DataFrame:
    spine = require_spine(Table.of(rows, name="keys"), lookups, model.rules.features)
    found = look_up(spine, remaining_lookups(spine, lookups), tables).collect(backend="polars").to_native()
    return scorer(model, spine.roles.identity, run)(found)


def answers(scored: pl.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(scored.select("shop", "prediction", "probability").rows())


# --- answers


def test_each_key_is_scored_with_what_was_known_at_its_time(tables: dict[str, Table]) -> None:
    rows = asked(shop=["a", "a", "b"], asked_at=[day(1), day(3, 1), day(9)])
    assert answers(score(rows, tables)) == [("a", 0, 0.125), ("a", 0, 0.25), ("b", 1, 0.625)]


def test_a_row_of_predictions_says_what_scored_it_and_when(tables: dict[str, Table]) -> None:
    scored = score(asked(shop=["b"], asked_at=[day(9)]), tables)
    assert scored.rows(named=True) == [
        {
            "shop": "b",
            "asked_at": day(9),
            "prediction": 1,
            "probability": 0.625,
            "model_version": "3",
            "feature_table_versions": "dev.shop.days@7, dev.shop.places@2",
            "scored_at": datetime(2024, 3, 1, 12, tzinfo=UTC),
        }
    ]
    spine = require_spine(Table.of(asked(shop=["b"], asked_at=[day(9)])), BOTH, FEATURES)
    assert dict(scored.schema) == predictions_schema(spine, SUM.rules)
    assert scored.schema["scored_at"] == pl.Datetime("us", "UTC")
    assert prediction_roles(spine) == Roles(primary_keys=("shop", "model_version"), timestamp="asked_at")


def test_the_threshold_itself_is_class_1(tables: dict[str, Table]) -> None:
    rows = asked(shop=["a", "b"], asked_at=[day(1), day(1)], signal=[0.5, math.nextafter(0.5, 0)], noise=[0.0, 0.0])
    assert answers(score(rows, tables)) == [("a", 1, 0.5), ("b", 0, math.nextafter(0.5, 0))]


@pytest.mark.parametrize(
    ("shop", "time"),
    [("unknown", day(9)), ("b", day(1, 23)), ("c", day(9))],
    ids=["key in no table", "key not yet known", "key in one table of two"],
)
def test_a_key_without_features_stays_with_no_answer(tables: dict[str, Table], shop: str, time: datetime) -> None:
    rows = asked(shop=["a", shop], asked_at=[day(9), time])
    assert answers(score(rows, tables)) == sorted([("a", 0, 0.25), (shop, None, None)])


def test_default_values_answer_for_a_key_without_features(tables: dict[str, Table]) -> None:
    filling = (DAYS.model_copy(update={"default_values": {"signal": 1.0}}), PLACES)
    rows = asked(shop=["b", "c", "unknown"], asked_at=[day(1), day(9), day(9)])
    assert answers(score(rows, tables, filling)) == [("b", 1, 1.125), ("c", 1, 1.25), ("unknown", None, None)]


def test_a_feature_that_is_null_in_the_row_found_is_cleaned_and_not_left_without_an_answer(tables: dict[str, Table]) -> None:
    days = pl.DataFrame({"shop": ["a", "b"], "known_at": [day(1)] * 2, "signal": [None, math.nan]}, strict=False)
    days = days.with_columns(pl.col("known_at").dt.cast_time_unit("us"))
    tables["dev.shop.days"] = Table.of(days, tables["dev.shop.days"].roles, "dev.shop.days")
    assert answers(score(asked(shop=["a", "b"], asked_at=[day(2)] * 2), tables)) == [("a", 0, 0.0), ("b", 0, 0.125)]


def test_an_older_row_than_the_window_gives_no_answer(tables: dict[str, Table]) -> None:
    young = (DAYS.model_copy(update={"lookback_window": timedelta(days=1)}), PLACES)
    rows = asked(shop=["a", "a"], asked_at=[day(4), day(4, 1)])
    assert [row[1:] for row in score(rows, tables, young).sort("asked_at").select("shop", "prediction", "probability").rows()] == [
        (0, 0.25),
        (None, None),
    ]


def test_a_lookup_without_time_alone_needs_no_time(tables: dict[str, Table]) -> None:
    model = Sum(None, scoring_rules(features=("noise",)), Encoding.of_numbers(("noise",)))
    scored = score(asked(shop=["a", "b", "z"]), tables, (PLACES,), model)
    assert answers(scored) == [("a", 0, 0.0), ("b", 0, 0.125), ("z", None, None)]
    assert scored.columns == ["shop", "prediction", "probability", "model_version", "feature_table_versions", "scored_at"]


def test_lookups_at_two_times_each_look_as_of_their_own(tables: dict[str, Table]) -> None:
    """No time is the row's own, so either may be the later one; both name the row."""
    orders = Table(
        tables["dev.shop.days"].frame.rename({"signal": "noise"}),
        Roles(primary_keys=("shop",), timestamp="known_at", features=("noise",)),
        "dev.shop.orders",
    )
    later = FeatureLookup(table_name="dev.shop.orders", lookup_key="shop", feature_names="noise", timestamp_lookup_key="paid_at")
    rows = asked(shop=["a", "a"], asked_at=[day(1), day(4)], paid_at=[day(4), day(1)])
    scored = score(rows, {**tables, "dev.shop.orders": orders}, (DAYS, later))
    assert scored.sort("asked_at").select("asked_at", "paid_at", "probability").rows() == [
        (day(1), day(4), 0.375),
        (day(4), day(1), 0.375),
    ]
    spine = require_spine(Table.of(rows), (DAYS, later), FEATURES)
    assert spine.roles == Roles(primary_keys=("shop", "paid_at"), timestamp="asked_at")


def test_the_report_counts_keys_those_without_features_and_those_of_class_1(tables: dict[str, Table]) -> None:
    rows = asked(shop=["a", "b", "c", "z"], asked_at=[day(9)] * 4)
    report = summarize(Table.of(score(rows, tables)), RUN)
    assert (report.rows, report.without_features, report.positives) == (4, 2, 1)


# --- raw features


RAW = [
    pytest.param([1, -2, None, 0, 7], id="integers"),
    pytest.param([Decimal("0.30"), Decimal("-0.55"), None, Decimal("12.50"), Decimal("0.07")], id="DECIMAL"),
    pytest.param([math.nan, math.inf, -math.inf, None, 0.9], id="NaN, ±Inf and null"),
    pytest.param([True, False, None, True, False], id="booleans"),
    pytest.param([None] * 5, id="nothing but null"),
]


@pytest.mark.parametrize("values", RAW)
def test_raw_features_score_bit_for_bit_as_the_model_scores_the_same_rows(train: Table, values: list[Any]) -> None:
    model = FittedModel.fit(train, scoring_rules())
    rows = pl.DataFrame({"shop": list("abcde"), "signal": values, "noise": [0.5, -0.25, math.nan, None, 1.0]}, strict=False)
    lookups = (PLACES.model_copy(update={"feature_names": FEATURES, "rename_outputs": {}}),)
    scored = score(rows, {}, lookups, model).sort("shop")
    expected = model.scores(rows.to_pandas())
    assert scored["probability"].to_list() == expected.tolist()
    assert scored["prediction"].to_list() == (expected >= 0.5).astype(int).tolist()


def test_raw_features_are_not_looked_up(tables: dict[str, Table]) -> None:
    """`signal` is given, so a key that its table does not know gets an answer; `noise` comes from the other table."""
    rows = asked(shop=["a", "c"], asked_at=[day(1), day(1)], signal=[4.0, math.nan])
    assert answers(score(rows, tables)) == [("a", 1, 4.0), ("c", 0, 0.25)]
    assert remaining_lookups(Table.of(rows), BOTH) == (PLACES,)


def test_rows_that_bring_all_features_look_nothing_up() -> None:
    rows = asked(shop=["z"], asked_at=[day(1)], signal=[0.25], noise=[None])
    assert answers(score(rows, {})) == [("z", 1, 0.75)]


def test_a_lookup_of_several_features_gives_those_that_are_not_there(tables: dict[str, Table]) -> None:
    wide = tables["dev.shop.places"].frame.collect(backend="polars").to_native().with_columns(height=pl.lit(2.0))
    tables = {"dev.shop.places": Table.of(wide, Roles(primary_keys=("shop",), features=("size", "height")), "dev.shop.places")}
    lookup = FeatureLookup(
        table_name="dev.shop.places",
        lookup_key="shop",
        feature_names=("size", "height"),
        rename_outputs={"size": "noise", "height": "signal"},
        default_values={"signal": 1.0},
    )
    half_filled = asked(shop=["b", "z"], noise=[0.5, 0.25])
    assert answers(score(half_filled, tables, (lookup,))) == [("b", 1, 2.5), ("z", 1, 1.25)]
    other_half = asked(shop=["b", "z"], signal=[0.5, 0.25])
    assert answers(score(other_half, tables, (lookup,))) == [("b", 1, 0.625), ("z", None, None)]


# --- the cut does not matter


def test_answers_do_not_depend_on_how_rows_are_cut_or_ordered(train: Table, tables: dict[str, Table]) -> None:
    model = FittedModel.fit(train, scoring_rules())
    generator = np.random.default_rng(5)
    rows = asked(
        shop=[f"s{number:03d}" for number in range(200)],
        asked_at=[day(1) + timedelta(hours=number) for number in range(200)],
        signal=generator.normal(size=200),
        noise=np.where(generator.random(200) < 0.1, np.nan, generator.normal(size=200)),
    )
    whole = score(rows, tables, model=model).sort("shop")
    for cut in (1, 7, 199):
        parts = [score(rows.slice(start, cut), tables, model=model) for start in range(0, 200, cut)]
        assert pl.concat(parts).sort("shop").equals(whole)
    assert score(rows.sample(fraction=1, shuffle=True, seed=3), tables, model=model).sort("shop").equals(whole)


def test_no_rows_in_a_batch_give_no_rows_of_the_same_schema(tables: dict[str, Table]) -> None:
    spine = require_spine(Table.of(asked(shop=["b"], asked_at=[day(9)])), BOTH, FEATURES)
    found = look_up(spine, BOTH, tables).collect(backend="polars").to_native()
    empty = scorer(SUM, spine.roles.identity, RUN)(found.head(0))
    assert (len(empty), dict(empty.schema)) == (0, predictions_schema(spine, SUM.rules))


# --- refused


def refused(rows: pl.DataFrame, error: type[Exception], message: str, lookups: tuple[FeatureLookup, ...] = BOTH) -> None:
    with pytest.raises(error) as raised:
        require_spine(Table.of(rows, name="keys.csv"), lookups, FEATURES)
    assert str(raised.value) == message


def test_unknown_columns_are_refused() -> None:
    refused(
        asked(shop=["a"], asked_at=[day(1)], singal=[0.5]),
        DataError,
        "keys.csv has the columns ['singal'], which are neither keys (shop), nor the time, nor features of the model. "
        "Leave them out; a misspelt feature would be looked up without a word.",
    )


@pytest.mark.parametrize(
    ("rows", "missing", "existing"),
    [
        (asked(asked_at=[day(1)]), "'shop'", "'asked_at'"),
        (asked(shop=["a"]), "'asked_at'", "'shop'"),
        (asked(signal=[0.5]), "'shop', 'asked_at'", "'signal'"),
    ],
    ids=["key", "time", "both"],
)
def test_missing_keys_and_times_are_refused(rows: pl.DataFrame, missing: str, existing: str) -> None:
    message = f"keys.csv has no column {missing}; it has {existing}. The model looks its features up by these columns."
    refused(rows, ColumnNotFoundError, message)


def test_no_rows_are_refused() -> None:
    refused(
        asked(shop=["a"], asked_at=[day(1)]).head(0),
        EmptyTableError,
        "keys.csv has no rows; there is nothing to score. Nothing was written.",
    )


def test_null_keys_are_refused() -> None:
    refused(
        asked(shop=["a", None], asked_at=[None, day(1)]),
        PrimaryKeyError,
        "keys.csv: a primary key is null ('shop' in 1 rows, 'asked_at' in 1 rows). "
        "Fill or drop these rows at the source; nothing was written.",
    )


def test_repeated_keys_are_refused() -> None:
    refused(
        asked(shop=["a", "b", "a"], asked_at=[day(1), day(1), day(1)]),
        PrimaryKeyError,
        "keys.csv: 1 primary keys (shop, asked_at) stand more than once, e.g. shop=a, asked_at=2024-01-01 00:00:00+00:00. "
        "Keep one row a key, or add the column that tells the rows apart to the keys; nothing was written.",
    )


def test_a_time_of_text_is_refused() -> None:
    refused(
        pl.DataFrame({"shop": ["a"], "asked_at": ["yesterday"]}),
        ColumnTypeError,
        "keys.csv: the timestamp column 'asked_at' is String, which has no order in time. Give a date or a datetime. "
        "In a CSV file, name a form other than ISO 8601 under source.times.",
    )


def test_a_raw_feature_of_text_is_refused() -> None:
    refused(
        asked(shop=["a"], asked_at=[day(1)], signal=["high"]),
        ColumnTypeError,
        "keys.csv: 'signal' (String) must be numeric. Convert these columns at the source, or leave them out of the features. "
        "In a CSV file, name its words for no value under source.null_values.",
    )


def test_a_key_with_the_name_of_an_answer_is_refused() -> None:
    refused(
        pl.DataFrame({"model_version": ["a"]}),
        ConfigurationError,
        "The model looks its features up by ['model_version'], and its predictions have columns of that name. Rename the key.",
        (FeatureLookup(table_name="dev.shop.places", lookup_key="model_version", feature_names="noise"),),
    )


def test_a_feature_that_has_become_text_is_refused_by_its_type_before_a_row_is_read(tables: dict[str, Table]) -> None:
    frame = tables["dev.shop.days"].frame.collect(backend="polars").to_native().with_columns(pl.col("signal").cast(pl.String))
    tables["dev.shop.days"] = Table.of(frame, tables["dev.shop.days"].roles, "dev.shop.days")
    spine = require_spine(Table.of(asked(shop=["a"], asked_at=[day(1)])), BOTH, FEATURES)
    with pytest.raises(ColumnTypeError, match="The features of m: 'signal' \\(String\\) must be numeric"):
        require_numbers(look_up(spine, BOTH, tables), FEATURES, "The features of m")


def test_keys_of_another_type_than_the_tables_are_refused(tables: dict[str, Table]) -> None:
    with pytest.raises(ColumnTypeError) as raised:
        score(asked(shop=[1], asked_at=[day(1)]), tables)
    assert str(raised.value) == (
        "'shop' of keys is Int64, 'shop' of dev.shop.days is String; they cannot be joined. "
        "Give both the same type (and time zone) at the source."
    )


@pytest.mark.parametrize("at", [datetime(2024, 1, 1), date(2024, 1, 1)], ids=["no zone", "date"])  # noqa: DTZ001 - that is the point
def test_a_time_without_zone_and_a_date_are_taken_as_utc(tables: dict[str, Table], at: date) -> None:
    spine = require_spine(Table.of(pl.DataFrame({"shop": ["a"], "asked_at": [at]})), BOTH, FEATURES)
    assert spine.collect()["asked_at"].to_list() == [datetime(2024, 1, 1, tzinfo=UTC)]
    look_up(spine, BOTH, tables)


def test_integer_keys_of_any_width_are_of_64_bits() -> None:
    lookup = FeatureLookup(table_name="dev.shop.places", lookup_key="place", feature_names="size")
    spine = require_spine(Table.of(pl.DataFrame({"place": pl.Series([1, 2], dtype=pl.Int32)})), (lookup,), ("size",))
    assert spine.frame.collect_schema()["place"] == nw.Int64


# --- what is new


def predictions(*rows: tuple[str, int | None, float | None, str]) -> Table:
    columns = {"shop": pl.String, "prediction": pl.Int64, "probability": pl.Float64, "model_version": pl.String}
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(asked_at=pl.lit(day(1)), scored_at=pl.lit(day(2)))
    return Table.of(frame, Roles(primary_keys=("shop", "model_version"), timestamp="asked_at"), "predictions")


STORED = (("a", 1, 0.75, "1"), ("b", None, None, "1"), ("c", 0, 0.25, "1"))


@pytest.mark.parametrize(
    ("rows", "kept"),
    [
        (STORED, []),
        (STORED[:2], []),
        ([("a", 1, 0.75, "1"), ("d", 0, 0.25, "1")], [("d", 0, 0.25, "1")]),
        ([("a", 1, 0.75, "2")], [("a", 1, 0.75, "2")]),
        ([("a", 1, math.nextafter(0.75, 1), "1")], [("a", 1, math.nextafter(0.75, 1), "1")]),
        ([("a", 0, 0.75, "1")], [("a", 0, 0.75, "1")]),
        ([("b", 0, 0.25, "1")], [("b", 0, 0.25, "1")]),
        ([("a", None, None, "1")], [("a", None, None, "1")]),
        ([("e", None, None, "1")], [("e", None, None, "1")]),
    ],
    ids=[
        "the same",
        "a part of the same",
        "a new key",
        "a new version",
        "another probability by one bit",
        "another class",
        "an answer where there was none",
        "no answer where there was one",
        "a new key without answer",
    ],
)
def test_what_is_new_is_kept_and_what_is_stored_already_is_not(rows: list[tuple[Any, ...]], kept: list[tuple[Any, ...]]) -> None:
    new = changed(predictions(*rows), predictions(*STORED)).collect().to_native()
    assert new.select("shop", "prediction", "probability", "model_version").rows() == kept
    assert new.columns == predictions().columns


def test_another_time_of_scoring_alone_changes_nothing() -> None:
    again = predictions(*STORED)
    later = Table.of(again.collect().to_native().with_columns(scored_at=pl.lit(day(9))), again.roles)
    assert changed(later, predictions(*STORED)).count() == 0


def test_another_time_of_the_key_is_a_new_row() -> None:
    stored = predictions(*STORED)
    later = Table.of(stored.collect().to_native().with_columns(asked_at=pl.lit(day(9))), stored.roles)
    assert changed(later, stored).count() == 3


def test_keys_that_stand_far_apart_are_found_where_they_repeat() -> None:
    """More rows than any batch of them, one of which stands twice: the first and the last."""
    numbers = [*range(150_000), 0]
    rows = pl.DataFrame({"shop": [f"s{number}" for number in numbers], "noise": [0.5] * len(numbers)})
    with pytest.raises(PrimaryKeyError, match=r"keys: 1 primary keys \(shop\) stand more than once, e.g. shop=s0\."):
        require_spine(Table.of(rows, name="keys"), (PLACES,), FEATURES)
    assert require_spine(Table.of(rows.head(-1)), (PLACES,), FEATURES).roles == Roles(primary_keys=("shop",))
