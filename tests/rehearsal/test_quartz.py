"""When a Quartz expression fires, and which ones are none."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.emulator.quartz import parse

SATURDAY = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


def following(expression: str, after: datetime = SATURDAY, zone: str = "UTC", times: int = 1) -> list[str]:
    found = []
    for _ in range(times):
        fires = parse(expression).after(after, ZoneInfo(zone))
        if fires is None:
            return [*found, "never"]
        found.append(f"{fires:%Y-%m-%d %H:%M:%S}")
        after = fires
    return found


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 12 * * ?", ["2026-11-21 12:00:00", "2026-11-22 12:00:00"]),
        ("0 0 10 * * ?", ["2026-11-22 10:00:00", "2026-11-23 10:00:00"]),
        ("0/20 0 10 * * ?", ["2026-11-21 10:00:20", "2026-11-21 10:00:40"]),
        ("0 0 2 ? * SUN", ["2026-11-22 02:00:00", "2026-11-29 02:00:00"]),
        ("0 0 2 ? * 1", ["2026-11-22 02:00:00", "2026-11-29 02:00:00"]),
        ("0 0 2 ? * 7", ["2026-11-28 02:00:00", "2026-12-05 02:00:00"]),
        ("0 0 2 ? * mon-fri", ["2026-11-23 02:00:00", "2026-11-24 02:00:00"]),
        ("0 0 2 ? * FRI-MON", ["2026-11-22 02:00:00", "2026-11-23 02:00:00", "2026-11-27 02:00:00"]),
        ("0 0/30 9-10 ? * 2,4", ["2026-11-23 09:00:00", "2026-11-23 09:30:00", "2026-11-23 10:00:00", "2026-11-23 10:30:00"]),
        ("0 0 23-1 * * ?", ["2026-11-21 23:00:00", "2026-11-22 00:00:00", "2026-11-22 01:00:00"]),
        ("0 0 0 31 * ?", ["2026-12-31 00:00:00", "2027-01-31 00:00:00", "2027-03-31 00:00:00"]),
        ("0 0 0 29 FEB ?", ["2028-02-29 00:00:00", "2032-02-29 00:00:00"]),
        ("0 0 0 L * ?", ["2026-11-30 00:00:00", "2026-12-31 00:00:00"]),
        ("0 0 0 L-2 * ?", ["2026-11-28 00:00:00", "2026-12-29 00:00:00"]),
        ("0 0 0 LW 1 ?", ["2027-01-29 00:00:00"]),
        ("0 0 0 15W 11,8 ?", ["2027-08-16 00:00:00", "2027-11-15 00:00:00"]),
        ("0 0 0 1W 5 ?", ["2027-05-03 00:00:00"]),
        ("0 0 0 ? * 6L", ["2026-11-27 00:00:00", "2026-12-25 00:00:00"]),
        ("0 0 0 ? * L", ["2026-11-28 00:00:00", "2026-12-05 00:00:00"]),
        ("0 0 0 ? * MON#1", ["2026-12-07 00:00:00", "2027-01-04 00:00:00"]),
        ("0 0 0 ? * FRI#5", ["2027-01-29 00:00:00"]),
        ("0 0 0 1 1 ? 2027-2028", ["2027-01-01 00:00:00", "2028-01-01 00:00:00", "never"]),
        ("0 0 0 1 1 ? 2020", ["never"]),
        ("0 0 0 31 2 ?", ["never"]),
    ],
)
def test_expression_fires_at_these_times(expression: str, expected: list[str]) -> None:
    assert following(expression, times=len(expected)) == expected


def test_fires_by_the_time_of_its_zone() -> None:
    assert following("0 0 2 * * ?", zone="Asia/Kolkata") == ["2026-11-21 20:30:00"]


def test_a_local_time_that_daylight_saving_leaves_out_does_not_fire() -> None:
    eve = datetime(2027, 3, 27, 12, tzinfo=UTC)
    assert following("0 30 2 * * ?", eve, "Europe/Berlin", 2) == ["2027-03-29 00:30:00", "2027-03-30 00:30:00"]


def test_a_local_time_that_comes_twice_fires_once() -> None:
    eve = datetime(2027, 10, 30, 12, tzinfo=UTC)
    assert following("0 30 2 * * ?", eve, "Europe/Berlin", 2) == ["2027-10-31 00:30:00", "2027-11-01 01:30:00"]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 2 * * 0", "5 fields"),
        ("", "0 fields"),
        ("0 0 2 * * ? 2027 1", "8 fields"),
        ("0 0 2 * * *", r"exactly one of day of month .* must be '\?'"),
        ("0 0 2 ? * ?", "exactly one"),
        ("60 0 2 * * ?", r"'60' is no seconds \(0 to 59\)"),
        ("0 60 2 * * ?", "'60' is no minutes"),
        ("0 0 24 * * ?", "'24' is no hours"),
        ("0 0 0 0 * ?", "'0' is no day of month"),
        ("0 0 0 32 * ?", "'32' is no day of month"),
        ("0 0 0 1 13 ?", "'13' is no month"),
        ("0 0 0 ? * 0", "'0' is no day of week"),
        ("0 0 0 ? * 8", "'8' is no day of week"),
        ("0 0 0 ? * FRY", "'FRY' is no day of week"),
        ("0 0 0 ? * MON#6", "at most five"),
        ("0 0 0 L-31 * ?", "'L-31' is no day of month"),
        ("0 0 0 1 1 ? 2101", "'2101' is no year"),
        ("0 0 0 1 1 ? 2030-2027", "run backwards"),
        ("0/0 0 0 * * ?", "the step of '0/0'"),
        ("0/60 0 0 * * ?", "the step of '0/60'"),
        ("? 0 0 * * ?", r"'\?' is no seconds"),
        ("*-5 0 0 * * ?", "is no seconds"),
        ("0 0 0 1,,2 * ?", "'' is no day of month"),
        ("0 0 -1 * * ?", "'-1' is no hours"),
        ("0 0 ٣ * * ?", "is no hours"),
    ],
)
def test_expression_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(expression)


@st.composite
def plain_expressions(draw: st.DrawFn) -> tuple[str, str]:
    """Expressions that both Quartz and cron can say, in both spellings."""

    def field(low: int, high: int) -> str:
        first, last = sorted(draw(st.tuples(st.integers(low, high), st.integers(low, high))))
        if first == last:  # croniter takes 3-3 for the whole reach
            return str(first)
        step = draw(st.integers(1, last - first))
        return draw(st.sampled_from(["*", str(first), f"{first}-{last}", f"{first}-{last}/{step}", f"{low},{last}"]))

    second, minute, hour, month = field(0, 59), field(0, 59), field(0, 23), field(1, 12)
    if draw(st.booleans()):
        day = field(1, 28)
        return f"{second} {minute} {hour} {day} {month} ?", f"{second} {minute} {hour} {day} {month} *"
    weekday = draw(st.integers(1, 7))
    return f"{second} {minute} {hour} ? {month} {weekday}", f"{second} {minute} {hour} * {month} {weekday - 1}"


@settings(deadline=None, max_examples=150)
@given(plain_expressions(), st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)))  # noqa: DTZ001 - the zone is added below
def test_agrees_with_another_evaluator_on_what_both_can_say(spellings: tuple[str, str], moment: datetime) -> None:
    after = moment.replace(microsecond=0, tzinfo=UTC)
    quartz, cron = spellings
    assert parse(quartz).after(after, ZoneInfo("UTC")) == croniter(cron, after, second_at_beginning=True).get_next(datetime)
