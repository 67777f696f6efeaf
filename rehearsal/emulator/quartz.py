"""Quartz cron expressions: what they mean, and when one fires next. Pure; the clock is the caller's.

All of what Quartz documents is read: six or seven fields, names, lists, ranges (also across the end, `FRI-MON`), steps, `?`, and in the
two day fields `L`, `L-3`, `LW`, `15W`, `6L`, `6#3`. A local time that daylight saving leaves out does not fire; one that comes twice
fires once, the first time.

Source: Quartz, CronExpression.
"""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
FIELDS = (
    ("seconds", 0, 59, ()),
    ("minutes", 0, 59, ()),
    ("hours", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of week", 1, 7, DAYS),
    ("year", 1970, 2099, ()),
)

Day = Callable[[date], bool]


@dataclass(frozen=True)
class Quartz:
    """A parsed expression."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    day: Day

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the first firing later than `moment`, in UTC; None where there is none within the years that it names."""
        local = moment.astimezone(zone)
        day, last = local.date(), date(max(self.years), 12, 31)
        while day <= last:
            if day.year not in self.years:
                day = date(day.year + 1, 1, 1) if day.year < last.year else last + timedelta(1)
                continue
            if day.month in self.months and self.day(day):
                # A margin, since daylight saving may turn the clock back
                hours = [hour for hour in sorted(self.hours) if day > local.date() or hour >= local.hour - 3]
                if fires := next((fires for hour in hours for fires in self._within(day, hour, zone) if fires > moment), None):
                    return fires
            day += timedelta(1)
        return None

    def _within(self, day: date, hour: int, zone: ZoneInfo) -> Iterator[datetime]:
        """Yield the firings of an hour; local times that do not exist are left out."""
        for minute in sorted(self.minutes):
            for second in sorted(self.seconds):
                at = time(hour, minute, second)
                fires = datetime.combine(day, at, zone).astimezone(UTC)
                if fires.astimezone(zone).time() == at:
                    yield fires


def parse(expression: str) -> Quartz:
    """Read an expression.

    >>> parse("0 30 2 ? * MON-FRI").after(datetime(2026, 11, 20, 12, tzinfo=UTC), ZoneInfo("UTC")).isoformat()
    '2026-11-23T02:30:00+00:00'

    Raises:
        ValueError: saying what of it is wrong.
    """
    fields = expression.upper().split()
    if len(fields) not in {6, 7}:
        raise ValueError(f"it has {len(fields)} fields; Quartz has six, or seven with a year")
    if (fields[3] == "?") == (fields[5] == "?"):
        raise ValueError("exactly one of day of month (the fourth field) and day of week (the sixth) must be '?'")
    seconds, minutes, hours = (_values(text, *field) for text, field in zip(fields[:3], FIELDS[:3], strict=True))
    months = _values(fields[4], *FIELDS[4])
    years = _values(fields[6] if len(fields) == 7 else "*", *FIELDS[6])
    day = _day_of_week(fields[5]) if fields[3] == "?" else _day_of_month(fields[3])
    return Quartz(seconds, minutes, hours, months, years, day)


def _values(text: str, name: str, low: int, high: int, words: tuple[str, ...]) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _part(part, name, low, high, words))


def _part(part: str, name: str, low: int, high: int, words: tuple[str, ...]) -> list[int]:
    found = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part, re.ASCII)
    if not found or (found[1] == "*" and found[2]):
        raise ValueError(f"'{part}' is no {name}")
    first = low if found[1] == "*" else _number(found[1], name, low, high, words)
    open_end = found[1] == "*" or found[3]
    last = _number(found[2], name, low, high, words) if found[2] else high if open_end else first
    step = int(found[3] or 1)
    if not 1 <= step <= high:
        raise ValueError(f"the step of '{part}' is not between 1 and {high}")
    if last < first:
        if name == "year":
            raise ValueError(f"the years '{part}' run backwards")
        last += high - low + 1
    return [(value - low) % (high - low + 1) + low for value in range(first, last + 1, step)]


def _number(text: str, name: str, low: int, high: int, words: tuple[str, ...]) -> int:
    if text in words:
        return words.index(text) + low
    if not text.isdecimal() or not low <= int(text) <= high:
        raise ValueError(f"'{text}' is no {name} ({low} to {high})")
    return int(text)


def _day_of_month(text: str) -> Day:
    if found := re.fullmatch(r"L(?:-(\d{1,2}))?(W)?", text):
        before, weekday = int(found[1] or 0), bool(found[2])
        if before > 30:
            raise ValueError(f"'{text}' is no day of month")
        return lambda day: day == _nearest(day, _last(day) - before, weekday=weekday)
    if found := re.fullmatch(r"(\d{1,2})W", text):
        wanted = _number(found[1], *FIELDS[3])
        return lambda day: day == _nearest(day, wanted, weekday=True)
    days = _values(text, *FIELDS[3])
    return lambda day: day.day in days


def _day_of_week(text: str) -> Day:
    if text == "L":
        text = "SAT"
    if found := re.fullmatch(r"(\w+)L", text, re.ASCII):
        last = _number(found[1], *FIELDS[5])
        return lambda day: _weekday(day) == last and day.day > _last(day) - 7
    if found := re.fullmatch(r"(\w+)#(\d)", text, re.ASCII):
        wanted, nth = _number(found[1], *FIELDS[5]), int(found[2])
        if not 1 <= nth <= 5:
            raise ValueError(f"'{text}': a month has at most five of a day")
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == nth
    days = _values(text, *FIELDS[5])
    return lambda day: _weekday(day) in days


def _weekday(day: date) -> int:
    """Return the day of the week as Quartz counts, from 1 for Sunday."""
    return day.isoweekday() % 7 + 1


def _last(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest(day: date, wanted: int, *, weekday: bool) -> date | None:
    """Return that day of the month, or the nearest Monday to Friday within the same month."""
    if not 1 <= wanted <= _last(day):
        return None
    exact = day.replace(day=wanted)
    if not weekday or exact.isoweekday() <= 5:
        return exact
    if exact.isoweekday() == 6:
        return exact - timedelta(1) if wanted > 1 else exact + timedelta(2)
    return exact + timedelta(1) if wanted < _last(day) else exact - timedelta(2)
