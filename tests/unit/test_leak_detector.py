"""The leak detector: each plant is found and named, and nothing is found in honest rows."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import narwhals as nw
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackhouse.errors import ColumnNotFoundError
from stackhouse.leaks.detector import detect_leaks
from stackhouse.leaks.report import LeakFinding, LeakReport
from stackhouse.leaks.rule import LeakRule
from stackhouse.splits import RandomSplit, Split, TimeSplit, split
from stackhouse.table import Roles, Table

DAYS, SHOPS = 100, 20
ROWS = DAYS * SHOPS
START = datetime(2024, 1, 1, tzinfo=UTC)
HONEST = ("sales_7d", "late_rate_7d", "weekday", "city")
LABELS: dict[str, Callable[[np.random.Generator, np.ndarray], np.ndarray]] = {
    "late": lambda _, rate: (rate > 0.5).astype(np.int64),
    "delay_class": lambda _, rate: np.digitize(rate, [0.3, 0.6]),
    "delay": lambda generator, rate: rate * 100 + generator.normal(size=len(rate)),
}
"""A label of two classes, one of three, and a number; all follow one hidden rate."""


def honest_rows(seed: int = 1) -> pl.DataFrame:
    """20 shops on 100 days: the label follows a hidden rate, of which the features tell a little."""
    generator = np.random.default_rng(seed)
    shop, day = np.tile(np.arange(SHOPS), DAYS), np.repeat(np.arange(DAYS), SHOPS)
    rate = generator.uniform(size=ROWS)
    return pl.DataFrame(
        {
            "shop": [f"shop {number}" for number in shop],
            "day": [START + timedelta(days=int(number)) for number in day],
            "sales_7d": generator.normal(size=ROWS),
            "late_rate_7d": rate + generator.normal(size=ROWS),
            "weekday": day % 7,
            "city": [f"city {number % 5}" for number in shop],
            "arrivals": generator.integers(5, 50, ROWS),
            **{name: label(generator, rate) for name, label in LABELS.items()},
        }
    )


def parts_of(rows: pl.DataFrame, label: str = "late", more: tuple[str, ...] = (), rule: Any = None, **roles: Any) -> Split:
    """Rows as the parts of a split by time, with further features; the labels that are not asked for are not there."""
    rows = rows.drop(name for name in LABELS if name != label)
    columns = {"primary_keys": ("shop",), "timestamp": "day", "label": label, "features": (*HONEST, *more), **roles}
    return split(Table.of(rows, Roles(**columns), "training set"), rule or TimeSplit())


def look(parts: Split, label: str = "late", kind: str = "time", sources: tuple[str, ...] = ("late_rate",), **rule: Any) -> LeakReport:
    return detect_leaks(parts, [label], sources, kind, LeakRule(**rule))


def rejected(report: LeakReport) -> list[tuple[str, str]]:
    return [(finding.check, finding.name) for finding in report.rejected]


def the(report: LeakReport, level: str) -> LeakFinding:
    (finding,) = [finding for finding in report.findings if finding.level == level]
    return finding


# --- honest rows


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_honest_rows_have_no_leak(label: str, seed: int) -> None:
    report = look(parts_of(honest_rows(seed), label), label)
    assert report.rejection is None
    assert [(finding.check, finding.level) for finding in report.findings] == [("shared_entities", "info")]


@given(st.integers(0, 10_000), st.integers(2, 400))
def test_noise_has_no_leak_in_any_number_of_rows(seed: int, times: int) -> None:
    generator = np.random.default_rng(seed)
    count = 5 * times
    rows = pl.DataFrame(
        {
            "k": [f"{number % 5}" for number in range(count)],
            "t": [START + timedelta(hours=number // 5) for number in range(count)],
            "number": generator.normal(size=count),
            "text": [f"{value}" for value in generator.integers(0, count, count)],
            "flag": generator.random(count) < 0.1,
            "y": generator.integers(0, 2, count),
        }
    )
    cut = 5 * (times // 2)
    table = [
        Table.of(part, Roles(primary_keys=("k",), timestamp="t", label="y", features=("number", "text", "flag")))
        for part in (rows[:cut], rows[cut : cut + 5], rows[cut + 5 :])
    ]
    assert detect_leaks(Split(*table), ["y"], [], "time", LeakRule()).rejected == ()


def test_every_feature_has_a_score_best_first() -> None:
    report = look(parts_of(honest_rows()))
    assert {score.feature for score in report.scores} == set(HONEST)
    assert [score.value for score in report.scores] == sorted((score.value for score in report.scores), reverse=True)
    assert report.scores[0].feature == "late_rate_7d"
    assert {(score.measure, score.label, score.limit) for score in report.scores} == {("AUC", "late", 0.85)}


# --- a feature that tells the label


@pytest.mark.parametrize("label", LABELS)
def test_feature_that_tells_the_label_is_rejected(label: str) -> None:
    rows = honest_rows()
    generator = np.random.default_rng(9)
    rows = rows.with_columns(hint=rows[label].cast(pl.Float64) + pl.Series(generator.normal(size=ROWS) * rows[label].std() * 0.2))
    assert rejected(look(parts_of(rows, label, ("hint",)), label)) == [("single_feature", "hint")]


@pytest.mark.parametrize(("noise", "found"), [(0.6, True), (0.75, False)])
def test_limit_has_two_sides(noise: float, found: bool) -> None:
    rows = honest_rows()
    rows = rows.with_columns(hint=rows["late"] + pl.Series(np.random.default_rng(9).normal(size=ROWS) * noise))
    report = look(parts_of(rows, more=("hint",)))
    assert (report.scores[0].feature, report.scores[0].value > 0.85) == ("hint", found)
    assert rejected(report) == ([("single_feature", "hint")] if found else [])


@pytest.mark.parametrize("label", ["late", "delay_class"])
def test_group_that_tells_the_label_is_rejected(label: str) -> None:
    rows = honest_rows()
    rows = rows.with_columns(status=pl.format("status {} {}", label, pl.int_range(ROWS) % 50))
    assert rejected(look(parts_of(rows, label, ("status",)), label)) == [("single_feature", "status")]


@pytest.mark.parametrize("values", [range(ROWS), [number // 3 for number in range(ROWS)]])
def test_group_of_few_rows_is_not_flagged_for_being_small(values: Any) -> None:
    rows = honest_rows().with_columns(ticket=pl.Series([f"ticket {value}" for value in values]))
    assert rejected(look(parts_of(rows, more=("ticket",)))) == []


def test_feature_that_is_null_until_the_outcome_is_rejected() -> None:
    rows = honest_rows().with_columns(closed_at=pl.when(late=1).then("day"), note=pl.when(late=0).then(pl.lit("fine")))
    assert rejected(look(parts_of(rows, more=("closed_at", "note")))) == [("single_feature", "closed_at"), ("single_feature", "note")]


def test_message_says_what_was_measured_and_what_to_do() -> None:
    rows = honest_rows().with_columns(pl.col("late").alias("hint"))
    finding = the(look(parts_of(rows, more=("hint",))), "reject")
    assert (finding.value, finding.limit) == (1.0, 0.85)
    assert finding.message == (
        "'hint' alone tells 'late' with AUC 1.0000 (limit 0.85). Remove it from the features if it is not known when the model scores, "
        "or accept it: model.leaks.accepted (check: single_feature, name: hint) with the reason, or train_model --accept-leak hint."
    )


def test_class_that_is_told_is_named() -> None:
    rows = honest_rows().with_columns(hint=(pl.col("delay_class") == 2).cast(pl.Float64))
    finding = the(look(parts_of(rows, "delay_class", ("hint",)), "delay_class"), "reject")
    assert finding.message.startswith("'hint' alone tells 'delay_class 2' with AUC 1.0000")


def test_each_of_several_labels_is_looked_at_and_the_worst_is_told() -> None:
    rows = honest_rows().with_columns(cancelled=pl.Series(np.random.default_rng(5).integers(0, 2, ROWS)))
    rows = rows.with_columns(hint=pl.col("cancelled") * 3.0 + pl.col("late") + pl.Series(np.random.default_rng(6).normal(size=ROWS)))
    parts = parts_of(rows, more=("hint",))
    report = detect_leaks(parts, ["late", "cancelled"], [], "time", LeakRule(max_auc=0.6, max_auc_of_named=0.6))
    assert [score.value > score.limit for score in report.scores if score.feature == "hint"] == [True, True]
    assert [finding.message[:32] for finding in report.rejected if finding.name == "hint"] == ["'hint' alone tells 'cancelled' w"]
    assert len(report.scores) == 2 * 5


def test_rows_without_a_label_are_left_out() -> None:
    rows = honest_rows()
    rows = rows.with_columns(late=pl.when(pl.int_range(ROWS) % 2 == 0).then("late"), hint=pl.when(pl.int_range(ROWS) % 2 == 0).then("late"))
    assert the(look(parts_of(rows, more=("hint",))), "reject").value == 1.0


def test_float_label_of_zero_and_one_is_of_classes() -> None:
    report = look(parts_of(honest_rows().with_columns(pl.col("late").cast(pl.Float64))))
    assert {score.measure for score in report.scores} == {"AUC"}


@pytest.mark.parametrize("value", [0, 1, None])
def test_label_of_one_class_is_not_judged(value: int | None) -> None:
    rows = honest_rows().with_columns(late=pl.lit(value, dtype=pl.Int64))
    report = look(parts_of(rows))
    assert report.scores == ()
    assert report.rejection is None
    assert report.findings[0].message.startswith("'late' has a single value, or none, in the 1,280 training rows looked at")


def test_rows_too_few_to_tell_from_chance_never_reject() -> None:
    rows = honest_rows().with_columns(late=pl.when(pl.int_range(ROWS) < 3).then(1).otherwise(0))
    report = look(parts_of(rows.with_columns(hint=pl.col("late")), more=("hint",)))
    assert report.rejection is None
    assert the(report.model_copy(update={"findings": report.findings[:1]}), "info").message.endswith("too few to tell this from chance.")


def test_without_labels_nothing_is_scored() -> None:
    parts = parts_of(honest_rows())
    assert detect_leaks(parts, [], [], "time", LeakRule()).scores == ()


# --- names


@pytest.mark.parametrize(
    ("name", "check"), [("late_rate", "derived_name"), ("LateRate", "derived_name"), ("late_rate_7d_mean", None), ("hint", None)]
)
def test_name_of_the_label_lowers_the_limit(name: str, check: str | None) -> None:
    rows = honest_rows()
    rows = rows.with_columns((rows["late"] + pl.Series(np.random.default_rng(9).normal(size=ROWS) * 0.75)).alias(name))
    report = look(parts_of(rows, more=(name,)))
    assert 0.8 < report.scores[0].value < 0.85
    assert rejected(report) == ([(check, name)] if check else [])


def test_name_alone_is_no_finding() -> None:
    rows = honest_rows().with_columns(pl.col("sales_7d").alias("late_rate"))
    report = look(parts_of(rows, more=("late_rate",)))
    assert report.rejection is None
    assert [(score.named_after, score.limit) for score in report.scores if score.feature == "late_rate"] == [("late_rate", 0.8)]


def test_name_and_score_are_one_finding() -> None:
    rows = honest_rows().with_columns(pl.col("late").alias("late_rate"))
    finding = the(look(parts_of(rows, more=("late_rate",))), "reject")
    assert finding.check == "single_feature"
    assert "and is called like 'late_rate' (limit 0.8)" in finding.message


# --- what an entity's own past tells


def persistent_rows(flips: float) -> pl.DataFrame:
    """Each shop is late on all days or on none, but for a share of the days; the feature is what it was on the day before."""
    always = np.tile(np.arange(SHOPS) % 2, DAYS)
    late = np.where(np.random.default_rng(4).random(ROWS) < flips, 1 - always, always)
    rows = honest_rows().with_columns(late=pl.Series(late))
    return rows.with_columns(yesterday=pl.col("late").shift(1).over("shop"), today=pl.col("late") * 1.0)


def test_what_the_own_past_tells_is_no_leak() -> None:
    report = look(parts_of(persistent_rows(flips=0.05), more=("yesterday",)))
    (score,) = [score for score in report.scores if score.feature == "yesterday"]
    assert score.value > 0.88
    assert score.past == pytest.approx(0.95, abs=0.01)
    assert score.limit == pytest.approx(score.past + 0.25 * (1 - score.past))
    assert report.rejection is None


def test_what_tells_more_than_the_own_past_is_a_leak() -> None:
    assert rejected(look(parts_of(persistent_rows(flips=0.05), more=("today",)))) == [("single_feature", "today")]


@pytest.mark.parametrize("label", LABELS)
def test_past_that_tells_little_raises_no_limit(label: str) -> None:
    scores = look(parts_of(honest_rows(), label), label).scores
    assert all(score.past < 0.6 for score in scores)
    assert {score.limit for score in scores} == {0.8 if label == "delay" else 0.85}


def test_rows_without_a_time_have_no_past() -> None:
    rows = persistent_rows(flips=0.05).drop("yesterday", "today")
    report = look(customers(rows.with_columns(sales_7d=pl.col("late") + 0.0)), kind="random")
    assert rejected(report) == [("single_feature", "sales_7d")]
    assert {score.past for score in report.scores} == {None}


# --- what is only known with the label


def test_feature_that_holds_a_column_of_the_label_table_is_rejected() -> None:
    rows = honest_rows().with_columns(pl.col("arrivals").cast(pl.Float64).alias("flights"))
    finding = the(look(parts_of(rows, more=("flights",))), "reject")
    assert (finding.check, finding.name, finding.value) == ("outcome_column", "flights", 1.0)
    assert finding.message.startswith(
        "'flights' holds the values of 'arrivals', which is only known with the label (kappa 1.0000, limit 0.95)"
    )


def test_text_of_the_label_table_is_found_as_well() -> None:
    rows = honest_rows().with_columns(reason=pl.format("reason {}", pl.col("arrivals") % 9))
    assert rejected(look(parts_of(rows.with_columns(pl.col("reason").alias("note")), more=("note",)))) == [("outcome_column", "note")]


def test_time_of_the_label_table_is_known_beforehand() -> None:
    rows = honest_rows().with_columns(as_of=pl.col("day").dt.date(), run_date=pl.col("day").dt.date())
    assert rejected(look(parts_of(rows, more=("as_of",)))) == []


def test_yesterdays_column_of_the_label_table_is_honest() -> None:
    rows = honest_rows().with_columns(before=pl.col("arrivals").shift(1).over("shop"), always=1, once=1)
    assert rejected(look(parts_of(rows, more=("before", "always")))) == []


# --- rows on both sides


def copied(rows: pl.DataFrame, count: int, **changes: Any) -> Split:
    """The parts of a split by time, where so many training rows are test rows as well, as they are but for what is changed."""
    parts = parts_of(rows)
    test = parts.test.collect().to_native()
    copies = parts.train.collect().to_native()[:count].with_columns(**changes)
    return Split(parts.train, parts.validation, parts.test.with_frame(Table.of(pl.concat([test[count:], copies])).frame))


@pytest.mark.parametrize(("count", "found"), [(4, False), (5, True), (100, True)])
def test_training_rows_that_reappear_in_test_are_rejected(count: int, found: bool) -> None:
    rows = honest_rows()
    new_keys = {"day": START + timedelta(days=DAYS), "shop": pl.format("new {}", pl.int_range(count))}
    report = look(copied(rows, count, **new_keys))
    assert rejected(report) == ([("repeated_rows", "test")] if found else [])
    if found:
        assert the(report, "reject").value == count / 400


def test_rows_of_validation_are_learned_from_as_well() -> None:
    parts = parts_of(honest_rows())
    report = look(Split(parts.train, parts.validation, parts.validation))
    assert rejected(report) == [("repeated_keys", "test"), ("repeated_rows", "test")]
    assert [finding.value for finding in report.rejected] == [1.0, 1.0]


def test_equal_features_with_another_label_are_no_repetition() -> None:
    keys = {"day": START + timedelta(days=DAYS), "shop": pl.format("new {}", pl.int_range(100)), "late": 1 - pl.col("late")}
    assert rejected(look(copied(honest_rows(), 100, **keys))) == []


def test_key_on_both_sides_is_rejected() -> None:
    report = look(copied(honest_rows(), 1, sales_7d=99.0))
    finding = the(report, "reject")
    assert (finding.check, finding.value, finding.limit) == ("repeated_keys", 1 / 400, 0.0)
    assert "1 of 400 test rows have the key (shop, day) of a row that the model learns from (0.2%, limit 0.0%)" in finding.message


def test_rows_of_coarse_values_that_are_equal_by_chance_are_honest() -> None:
    parts = parts_of(honest_rows(), features=("weekday", "city"))
    assert rejected(look(parts)) == []


def test_rows_that_stay_as_they_are_are_honest_behind_a_split_by_time() -> None:
    shops, days, generator = 200, 10, np.random.default_rng(3)
    rows = pl.DataFrame(
        {
            "shop": np.tile(np.arange(shops), days),
            "day": [START + timedelta(days=int(day)) for day in np.repeat(np.arange(days), shops)],
            **{f"f{number}": np.tile(generator.normal(size=shops), days) for number in range(4)},
            "late": np.tile(generator.integers(0, 2, shops), days),
        }
    )
    roles = Roles(primary_keys=("shop",), timestamp="day", label="late", features=("f0", "f1", "f2", "f3"))
    table = Table.of(rows, roles, "shops that stay as they are")
    assert rejected(look(split(table, TimeSplit()))) == []
    again = table.with_frame(Table.of(rows.with_row_index("id").with_columns(shop=pl.col("id"))).frame.select(*table.columns))
    assert rejected(look(split(again, RandomSplit()), kind="random")) == [("repeated_rows", "test")]


CUSTOMERS = Roles(primary_keys=("id",), label="late", features=("sales_7d", "late_rate_7d"))
AT_RANDOM = RandomSplit()


def customers(rows: pl.DataFrame) -> Split:
    return split(Table.of(rows.with_row_index("id").drop("delay", "delay_class", "arrivals"), CUSTOMERS, "customers"), AT_RANDOM)


def test_rows_doubled_under_new_keys_before_a_random_split_are_rejected() -> None:
    rows = honest_rows()
    assert rejected(look(customers(rows), kind="random")) == []
    doubled = look(customers(pl.concat([rows, rows[: ROWS // 20]])), kind="random")
    assert rejected(doubled) == [("repeated_rows", "test")]


def test_minority_that_was_multiplied_before_a_random_split_is_rejected() -> None:
    rows = honest_rows()
    minority = rows.filter(late=1)[:30]
    assert rejected(look(customers(pl.concat([rows, *[minority] * 10])), kind="random")) == [("repeated_rows", "test")]


# --- entities on both sides


def visits(rows_an_entity: int) -> Split:
    rows = honest_rows().with_row_index("id").with_columns(customer=pl.int_range(ROWS) // rows_an_entity)
    return split(Table.of(rows.drop("delay", "delay_class", "day"), CUSTOMERS, "visits"), AT_RANDOM)


def test_entities_on_both_sides_of_a_random_split_are_rejected() -> None:
    report = look(visits(10), kind="random", entity=["customer"])
    finding = the(report, "reject")
    assert (finding.check, finding.limit) == ("shared_entities", 0.05)
    assert finding.value > 0.9
    assert "entities (customer) of the test rows stand in rows that the model learns from as well" in finding.message


def test_entities_of_one_row_each_are_on_one_side() -> None:
    assert rejected(look(visits(1), kind="random", entity=["customer"])) == []
    assert rejected(look(visits(10), kind="random")) == []


def test_entity_that_is_the_whole_key_is_one_finding() -> None:
    parts = visits(1)
    doubled = Split(parts.train, parts.validation, parts.train.with_frame(parts.train.frame.with_columns(sales_7d=nw.lit(0.0))))
    assert rejected(look(doubled, kind="random")) == [("repeated_keys", "test")]


def test_share_of_entities_has_a_limit_with_two_sides() -> None:
    share = the(look(visits(2), kind="random", entity=["customer"]), "reject").value
    assert rejected(look(visits(2), kind="random", entity=["customer"], max_shared_entities=share)) == []
    assert rejected(look(visits(2), kind="random", entity=["customer"], max_shared_entities=share - 1e-9)) != []


def test_entities_on_both_sides_of_a_split_by_time_are_told_and_never_reject() -> None:
    finding = the(look(parts_of(honest_rows())), "info")
    assert (finding.check, finding.value, finding.limit) == ("shared_entities", 1.0, None)
    assert "20 of 20 entities (shop)" in finding.message


def test_entity_of_columns_that_are_not_there_is_refused() -> None:
    with pytest.raises(ColumnNotFoundError, match=r"no column 'customer'; .* Name columns of the training set under model.leaks.entity"):
        look(parts_of(honest_rows()), entity=["customer"])


def test_label_that_is_not_there_is_refused() -> None:
    with pytest.raises(ColumnNotFoundError, match="no column 'early'"):
        look(parts_of(honest_rows()), label="early")


# --- acceptance


def accepting(*found: tuple[str, str]) -> dict[str, Any]:
    return {"accepted": [{"check": check, "name": name, "reason": "announced an hour before"} for check, name in found]}


def with_hint() -> Split:
    return parts_of(honest_rows().with_columns(pl.col("late").alias("hint"), pl.col("arrivals").alias("flights")), more=("hint", "flights"))


def test_accepted_finding_lets_the_model_be_trained_and_stays_on_record() -> None:
    report = look(with_hint(), **accepting(("single_feature", "hint"), ("outcome_column", "flights")))
    assert report.rejection is None
    found = {finding.name: finding for finding in report.findings if finding.level == "accepted"}
    assert set(found) == {"hint", "flights"}
    assert found["hint"].message.endswith("Accepted: announced an hour before")


def test_acceptance_is_of_one_check_of_one_feature() -> None:
    assert rejected(look(with_hint(), **accepting(("single_feature", "hint")))) == [("outcome_column", "flights")]
    assert rejected(look(with_hint(), **accepting(("derived_name", "hint"), ("outcome_column", "flights")))) == [("single_feature", "hint")]
    assert rejected(look(with_hint(), **accepting(("single_feature", "Hint"), ("outcome_column", "flights")))) == [
        ("single_feature", "hint")
    ]


def test_acceptance_of_what_is_not_found_is_told() -> None:
    report = look(parts_of(honest_rows()), **accepting(("single_feature", "dep_delay")))
    assert report.rejection is None
    told = next(finding for finding in report.findings if finding.name == "dep_delay")
    assert told.level == "info"
    assert told.message.startswith("'dep_delay' is accepted under model.leaks.accepted (check: single_feature), but was not found")


def test_what_is_only_told_needs_no_acceptance() -> None:
    report = look(parts_of(honest_rows()), **accepting(("shared_entities", "test")))
    assert [finding.level for finding in report.findings] == ["info", "info"]
    assert "but was not found" in report.findings[1].message


def test_finding_about_rows_is_accepted_by_the_name_test() -> None:
    parts = parts_of(honest_rows())
    report = look(Split(parts.train, parts.validation, parts.validation), **accepting(("repeated_keys", "test"), ("repeated_rows", "test")))
    assert report.rejection is None


# --- the report


def test_rejection_names_every_finding() -> None:
    rejection = look(with_hint()).rejection
    assert rejection is not None
    assert rejection.startswith("single_feature: 'hint' alone tells 'late'")
    assert " outcome_column: 'flights' holds the values of 'arrivals'" in rejection


def test_findings_that_reject_stand_first() -> None:
    report = look(with_hint(), **accepting(("single_feature", "hint"), ("single_feature", "nothing")))
    assert [finding.level for finding in report.findings] == ["reject", "accepted", "info", "info"]


def test_report_survives_json() -> None:
    report = look(with_hint())
    assert LeakReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.parametrize("seed", [1, 2])
def test_report_does_not_depend_on_the_order_of_rows(seed: int) -> None:
    parts = with_hint()
    shuffled = Split(
        *(
            part.with_frame(Table.of(part.collect().to_native().sample(fraction=1, shuffle=True, seed=seed)).frame)
            for part in (parts.train, parts.validation, parts.test)
        )
    )
    assert look(shuffled, sample_rows=300) == look(parts, sample_rows=300)


def test_large_parts_are_looked_at_in_a_sample_that_the_report_tells() -> None:
    parts = with_hint()
    report = look(parts, sample_rows=100)
    told = {part.part: (part.rows, part.looked_at) for part in report.parts}
    assert {part: rows for part, (rows, _) in told.items()} == {"train": 1280, "validation": 320, "test": 400}
    assert told["train"][1] == pytest.approx(100, abs=3)
    assert told["validation"][1] == 0
    assert told["test"][1] == pytest.approx(100, abs=3)
    assert ("single_feature", "hint") in rejected(report)


def test_sample_finds_repetitions_among_all_rows() -> None:
    parts = parts_of(honest_rows())
    report = look(Split(parts.train, parts.validation, parts.train), sample_rows=300)
    assert [(finding.check, finding.value) for finding in report.rejected] == [("repeated_keys", 1.0), ("repeated_rows", 1.0)]


def test_sample_follows_the_seed() -> None:
    parts = parts_of(honest_rows())
    assert look(parts, sample_rows=300).scores != look(parts, sample_rows=300, seed=7).scores


def test_tables_are_not_changed() -> None:
    parts = with_hint()
    before = parts.train.collect().to_native()
    look(parts)
    assert parts.train.collect().to_native().equals(before)


def test_empty_features_and_tables_without_keys_are_looked_at() -> None:
    rows = honest_rows().select("sales_7d", "late")
    keyless = split(Table.of(rows, Roles(label="late", features=("sales_7d",))), AT_RANDOM)
    assert look(keyless, kind="random").rejection is None
    bare = split(Table.of(rows, Roles(label="late")), AT_RANDOM)
    assert look(bare, kind="random").findings == ()
