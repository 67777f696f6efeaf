"""From two tables to labelled rows: the same columns, clean features, classes that the training rows have."""

from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from stackhouse.algorithms import LightGBM
from stackhouse.errors import ColumnNotFoundError, DataError, DirtyFeaturesError, LabelError
from stackhouse.leaks.acceptance import accept
from stackhouse.leaks.report import LeakFinding, LeakReport
from stackhouse.record import ModelIdentity
from stackhouse.table import Roles, Table
from stackhouse.table_training import Rows, TableTraining, rows_to_learn
from stackhouse.verdict import Gates

ROWS = 100


def training(target: str = "y") -> TableTraining:
    identity = ModelIdentity(
        name="m", registered_name="dev.s.m", project="s", domain="quality", task="binary_classification", use_case="Is y 1?"
    )
    return TableTraining(
        train_table="dev.s.train",
        test_table="dev.s.test",
        target=target,
        identity=identity,
        algorithm=LightGBM(),
        gates=Gates(),
        experiment="/Shared/dev/s/training",
    )


def rows(first: int, **columns: Any) -> Table:
    numbers = range(first, first + ROWS)
    frame = pl.DataFrame({"id": numbers, "x": [number % 7 for number in numbers], "y": [number % 2 for number in numbers]})
    frame = frame.with_columns(**{name: pl.Series(values) for name, values in columns.items()})
    features = tuple(name for name in frame.columns if name not in ("id", "y"))
    return Table.of(frame, Roles(primary_keys=("id",), features=features), f"rows from {first}")


def learn(train: Mapping[str, Any] = {}, test: Mapping[str, Any] = {}) -> Rows:
    return rows_to_learn(rows(0, **train), rows(ROWS, **(test or train)), training())


def test_a_fifth_of_the_training_table_is_held_out_and_all_of_the_test_table_judges() -> None:
    found = learn()
    assert [part.count() for part in (found.parts.train, found.parts.validation, found.parts.test)] == [80, 20, 100]
    assert (found.split.kind, found.split.test_size, found.identity.task) == ("random", 0.5, "binary_classification")
    assert found.labels.counts == {0: 50, 1: 50}


def test_three_classes_are_a_task_of_their_own() -> None:
    classes = [number % 3 for number in range(ROWS)]
    assert learn({"y": classes}).identity.task == "multiclass_classification"


def test_what_is_always_the_same_is_not_read() -> None:
    assert learn({"country": ["US"] * ROWS}).rules.features == ("x",)
    with pytest.raises(DataError, match="has one value in all rows to learn from"):
        learn({"x": [1.0] * ROWS})


@pytest.mark.parametrize("side", ["train", "test"])
@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_features_that_are_not_clean_are_refused_on_either_side(side: str, value: float | None) -> None:
    dirty = {"x": [value, *map(float, range(1, ROWS))]}
    clean = {"x": list(map(float, range(ROWS)))}
    with pytest.raises(DirtyFeaturesError, match="'x' \\(1\\)"):
        learn(dirty if side == "train" else clean, dirty if side == "test" else clean)


@pytest.mark.parametrize(
    ("train", "test", "told"),
    [
        (["a", "b"], ["a", "c"], "holds 'c', and the classes are 'a', 'b'"),
        (["a", "b", "c", "d"], ["a", "e"], "holds 'e', and the classes are 'a', 'b', 'c', 'd'"),
        ([0, 1], [0, 2], "holds '2', and the classes are '0', '1'"),
    ],
    ids=["two texts", "four texts", "numbers"],
)
def test_a_class_that_only_the_test_rows_have_is_refused_by_the_names_of_the_tables(train: list[Any], test: list[Any], told: str) -> None:
    with pytest.raises(LabelError, match=rf"The label 'y' of rows from 100 {told}, those of rows from 0\..* --target-col") as refused:
        learn({"y": train * (ROWS // len(train))}, {"y": test * (ROWS // len(test))})
    assert "model." not in str(refused.value)


def test_classes_that_are_written_as_other_numbers_are_the_same() -> None:
    judged = learn({"y": [0, 1] * (ROWS // 2)}, {"y": [0.0, 1.0] * (ROWS // 2)}).parts.test
    assert judged.collect(["y"])["y"].to_list() == [0, 1] * (ROWS // 2)


def test_a_class_of_two_training_rows_has_one_to_learn_from_and_one_to_validate() -> None:
    parts = learn({"y": ["rare"] * 2 + ["a", "b"] * (ROWS // 2 - 1)}).parts
    assert [part.collect(["y"])["y"].to_list().count(2) for part in (parts.train, parts.validation)] == [1, 1]


def test_a_class_of_one_training_row_is_refused_in_words_of_tables_and_flags() -> None:
    told = "Without the fifth .*, rows from 0 has none of class 'rare' of 'y'; .* --target-col"
    with pytest.raises(LabelError, match=told) as refused:
        learn({"y": ["rare", "a"] + ["a", "b"] * (ROWS // 2 - 1)})
    assert "model." not in str(refused.value)


def test_a_test_table_without_the_columns_of_the_training_table_is_refused() -> None:
    with pytest.raises(ColumnNotFoundError, match=r"has no column 'z'.*Run prepare_data again"):
        learn({"z": list(range(ROWS))}, {"w": list(range(ROWS))})


def test_a_test_table_of_another_tool_takes_the_roles_of_the_training_table() -> None:
    plain = rows(ROWS).collect().to_native()
    judged = rows_to_learn(rows(0), Table.of(plain.select("y", "x", "id", note=pl.lit("late"))), training()).parts.test
    assert (judged.roles.primary_keys, judged.roles.features, judged.columns) == (("id",), ("x",), ["id", "x", "y"])


def test_leaks_are_accepted_by_name_and_a_name_without_a_finding_is_told() -> None:
    finding = LeakFinding(check="single_feature", name="x", value=0.9, limit=0.85, level="reject", message="too good.")
    report = LeakReport(split="random", findings=(finding, finding.model_copy(update={"name": "z"})))
    accepted = accept(report, ["x", "gone"])
    assert [(found.name, found.level) for found in accepted.findings] == [("x", "accepted"), ("z", "reject"), ("gone", "info")]
    assert accept(report, ["x", "z"]).rejection is None


def test_what_is_only_to_be_known_stays_so() -> None:
    note = LeakFinding(check="shared_entities", name="test", value=1.0, limit=None, level="info", message="all of them.")
    assert accept(LeakReport(split="time", findings=(note,)), ["test"]).findings[0] == note
