"""Dynamic value references, conditions, and redaction: tables of text in and text out."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.emulator.conditions import decide, holds
from rehearsal.emulator.redaction import Redaction
from rehearsal.emulator.references import resolve, spelt, unknown

VALUES = {"job.run_id": "7", "task.name": "train", "tasks.a.values.v": "true", "job.parameters.a b": "x", "run_id": "8"}


@pytest.mark.parametrize(
    ("text", "resolved"),
    [
        ("{{job.run_id}}", "7"),
        ("run-{{ job.run_id }}-{{task.name}}", "run-7-train"),
        ("{{tasks.a.values.v}}", "true"),
        ("{{tasks.`a`.values.v}}", "true"),
        ("{{job.parameters.`a b`}}", "x"),
        ("{{run_id}}", "8"),
        ("{{mine}}", "{{mine}}"),
        ("{{job.run_id", "{{job.run_id"),
        ("{{secrets/a/b}}", "{{secrets/a/b}}"),
        ("{job.run_id}", "{job.run_id}"),
        ("", ""),
    ],
)
def test_reference_becomes_its_value(text: str, resolved: str) -> None:
    assert resolve(text, VALUES) == resolved


@pytest.mark.parametrize("text", ["{{job.naem}}", "{{tasks.a.values.w}}", "{{tasks.b.values.v}}"])
def test_reference_without_a_value_is_an_error(text: str) -> None:
    with pytest.raises(KeyError):
        resolve(text, VALUES)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("{{job.id}} {{job.start_time.iso_date}} {{task.execution_count}} {{job.trigger.time.hour}}", []),
        ("{{job.parameters.p}} {{tasks.a.values.x}} {{tasks.a.result_state}} {{tasks.a.run_id}} {{tasks.`b-c`.values.x}}", []),
        ("{{anything.else}} {{run_id}} {{nothing}}", []),
        ("{{job.naem}}", ["{{job.naem}}"]),
        ("{{job.parameters.q}}", ["{{job.parameters.q}}"]),
        ("{{tasks.z.values.x}}", ["{{tasks.z.values.x}}"]),
        ("{{tasks.b-c.values.x}}", ["{{tasks.b-c.values.x}}"]),
        ("{{tasks.a.error}} {{task.naem}}", ["{{tasks.a.error}}", "{{task.naem}}"]),
    ],
)
def test_reference_that_can_never_have_a_value_is_told(text: str, wrong: list[str]) -> None:
    assert list(unknown(text, {"p"}, {"a", "b-c"})) == wrong


@pytest.mark.parametrize(("value", "text"), [(True, "true"), ("a", "a"), (1.5, "1.5"), (None, "null"), ({"a": [1]}, '{"a": [1]}')])
def test_task_value_is_spelt_as_json_but_for_text(value: object, text: str) -> None:
    assert spelt(value) == text


@pytest.mark.parametrize(
    ("ends", "outcomes"),
    [
        # ALL_SUCCESS, AT_LEAST_ONE_SUCCESS, NONE_FAILED, ALL_DONE, AT_LEAST_ONE_FAILED, ALL_FAILED
        ("", "run run run run run run"),
        ("success", "run run run run EXCLUDED EXCLUDED"),
        ("failed", "UPSTREAM_FAILED UPSTREAM_FAILED UPSTREAM_FAILED run run run"),
        ("success failed", "UPSTREAM_FAILED run UPSTREAM_FAILED run run EXCLUDED"),
        ("success excluded", "run run run run EXCLUDED EXCLUDED"),
        ("failed excluded", "UPSTREAM_FAILED UPSTREAM_FAILED UPSTREAM_FAILED run run EXCLUDED"),
        ("excluded excluded", "EXCLUDED EXCLUDED EXCLUDED EXCLUDED EXCLUDED EXCLUDED"),
        ("canceled", "UPSTREAM_CANCELED UPSTREAM_CANCELED run run EXCLUDED EXCLUDED"),
        ("success canceled", "UPSTREAM_CANCELED run run run EXCLUDED EXCLUDED"),
    ],
)
def test_task_runs_by_its_rule_and_the_ends_before_it(ends: str, outcomes: str) -> None:
    rules = ("ALL_SUCCESS", "AT_LEAST_ONE_SUCCESS", "NONE_FAILED", "ALL_DONE", "AT_LEAST_ONE_FAILED", "ALL_FAILED")
    for order in itertools.permutations(ends.split()):
        assert [decide(rule, order) for rule in rules] == outcomes.split()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("left", "comparison", "right", "outcome"),
    [
        ("true", "EQUAL_TO", "true", True),
        ("12.0", "EQUAL_TO", "12", False),
        ("a", "NOT_EQUAL", "b", True),
        ("10", "GREATER_THAN", "9", True),
        ("9", "GREATER_THAN", "9", False),
        ("12.0", "GREATER_THAN_OR_EQUAL", "12", True),
        ("-1", "LESS_THAN", "0.5", True),
        ("2", "LESS_THAN_OR_EQUAL", "1", False),
    ],
)
def test_condition_compares_text_or_numbers(left: str, comparison: str, right: str, outcome: bool) -> None:
    assert holds(left, comparison, right) is outcome


def test_order_of_what_is_no_number_is_an_error() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        holds("high", "GREATER_THAN", "1")


def redacted(secrets: list[str], stream: bytes, sizes: list[int]) -> bytes:
    redaction, found, position = Redaction(secrets), b"", 0
    for size in [*sizes, len(stream)]:
        found += redaction.feed(stream[position : position + size])
        position += size
    return found + redaction.rest()


@given(st.lists(st.integers(0, 7), max_size=20))
def test_secret_is_taken_out_wherever_the_stream_is_cut(sizes: list[int]) -> None:
    stream = b"a hush-hush b hush-hus c key\nof two d hushhush-hush"
    assert redacted(["hush-hush", "key\nof two"], stream, sizes) == b"a [REDACTED] b hush-hus c [REDACTED] d hush[REDACTED]"


def test_longer_secret_goes_before_one_that_is_its_beginning() -> None:
    assert Redaction(["abc", "abcdef"]).text("abcdef abc") == "[REDACTED] [REDACTED]"


def test_empty_secret_takes_nothing_out() -> None:
    assert Redaction(["", "  "]).text("a  b") == "a  b"


def test_multi_line_secret_is_taken_out_as_it_looks_within_quotes() -> None:
    key = "-----BEGIN\nxyz\n-----END"
    assert Redaction([key]).text(f"{key!r}") == "'[REDACTED]'"


def test_nothing_is_held_back_that_is_no_beginning_of_a_secret() -> None:
    redaction = Redaction(["hush"])
    assert redaction.feed(b"all of this") == b"all of this"
    assert redaction.feed(b" hu") == b" "
    assert redaction.feed(b"ge") == b"huge"
