"""FeatureLookup: what it says, and what it refuses before a table is seen."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from stackhouse.lookups import FeatureLookup

NAMED = {"table_name": "dev.shop.users", "lookup_key": ["user"], "feature_names": ["age", "spend"]}


def lookup(**fields: object) -> FeatureLookup:
    return FeatureLookup(**{**NAMED, **fields})


def test_lookup_takes_a_single_name_for_a_list_of_one() -> None:
    short = FeatureLookup(table_name="dev.shop.users", lookup_key="user", feature_names="age")
    assert (short.lookup_key, short.feature_names) == (("user",), ("age",))


def test_lookup_survives_json() -> None:
    full = lookup(
        rename_outputs={"age": "user_age"},
        timestamp_lookup_key="at",
        lookback_window=timedelta(days=7, microseconds=1),
        default_values={"user_age": -1},
    )
    assert FeatureLookup.model_validate_json(full.model_dump_json()) == full


def test_lookup_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        lookup().table_name = "other"


def test_outputs_are_renamed_in_the_order_asked_for() -> None:
    renamed = lookup(feature_names=("spend", "age"), rename_outputs={"age": "user_age"})
    assert list(renamed.outputs(("age", "spend", "visits")).items()) == [("spend", "spend"), ("age", "user_age")]


def test_lookup_without_names_takes_all_features_of_the_table() -> None:
    assert lookup(feature_names=None).outputs(("a", "b")) == {"a": "a", "b": "b"}


def test_names_may_be_exchanged() -> None:
    assert lookup(rename_outputs={"age": "spend", "spend": "age"}).outputs(()) == {"age": "spend", "spend": "age"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"lookback": 3}, "lookback"),
        ({"lookup_key": []}, "at least 1"),
        ({"feature_names": []}, "at least 1"),
        ({"table_name": ""}, "at least 1"),
        ({"lookup_key": ["user", "user"]}, r"\['user'\] is named more than once"),
        ({"timestamp_lookup_key": "user"}, r"\['user'\] is named more than once"),
        ({"feature_names": ["age", "age"]}, r"two outputs would be called \['age'\]"),
        ({"rename_outputs": {"age": "spend"}}, r"two outputs would be called \['spend'\]"),
        ({"feature_names": None, "rename_outputs": {"a": "c", "b": "c"}}, r"two outputs would be called \['c'\]"),
        ({"rename_outputs": {"height": "h"}}, r"rename_outputs names \['height'\]"),
        ({"default_values": {"height": 1}}, r"default_values names \['height'\]"),
        ({"rename_outputs": {"age": "user_age"}, "default_values": {"age": 1}}, r"\['age'\], no output of the lookup \(after renaming\)"),
        ({"default_values": {"age": float("nan")}}, "finite"),
        ({"lookback_window": timedelta(days=1)}, "timestamp_lookup_key, which is not given"),
        ({"timestamp_lookup_key": "at", "lookback_window": timedelta(0)}, "greater than 0"),
        ({"timestamp_lookup_key": "at", "lookback_window": timedelta(days=-1)}, "greater than 0"),
    ],
)
def test_lookup_that_contradicts_itself_is_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        lookup(**fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"rename_outputs": {"height": "h"}}, r"rename_outputs names \['height'\], which the lookup does not take; it takes \['age'\]"),
        ({"default_values": {"height": 1}}, r"default_values names \['height'\]"),
    ],
)
def test_names_of_a_lookup_of_all_features_are_checked_against_the_table(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        lookup(feature_names=None, **fields).outputs(("age",))
