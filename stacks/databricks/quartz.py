"""Cron with five fields, as ZenML and cron know it, in the six fields of Quartz, which Databricks takes.

Quartz counts the days of the week from 1 for Sunday, wants a `?` in one of the two day fields, and cannot say "this day of the
month or that day of the week", which cron can: what has no translation is refused.
Source: Quartz, CronTrigger tutorial; crontab(5).
"""

import re

from stackhouse.errors import ConfigurationError

_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))


def to_quartz(cron: str) -> str:
    """Return the Quartz form of a schedule; one that is in Quartz already (six or seven fields) is returned as it is.

    >>> to_quartz("0 2 * * 0")
    '0 0 2 ? * SUN'

    Raises:
        ConfigurationError: where it is neither, is out of range, or cannot be said in Quartz.
    """
    fields = cron.split()
    if len(fields) in {6, 7}:
        return " ".join(_quartz(cron, fields))
    if len(fields) != len(_FIELDS):
        raise _wrong(cron, f"it has {len(fields)} fields; cron has five, Quartz six or seven")
    minute, hour, day, month, weekday = (_values(cron, text, *field) for text, field in zip(fields, _FIELDS, strict=True))
    if day != "*" and weekday != "*":
        raise _wrong(cron, "cron fires on that day of the month or that day of the week; Quartz cannot say so. Write two schedules")
    days = ("?", _weekdays(weekday)) if weekday != "*" else (day, "?")
    return f"0 {minute} {hour} {days[0]} {month} {days[1]}"


def _values(cron: str, text: str, name: str, low: int, high: int) -> str:
    return ",".join(_value(cron, part, name, low, high) for part in text.split(","))


def _value(cron: str, part: str, name: str, low: int, high: int) -> str:
    found = re.fullmatch(r"(\*|\w+)(?:-(\w+))?(?:/(\d+))?", part)
    if not found or (found[1] == "*" and found[2]):
        raise _wrong(cron, f"'{part}' is no {name}")
    first, last, step = found[1], found[2], found[3]
    numbers = [_number(cron, value, name, low, high) for value in (first, last) if value not in {None, "*"}]
    if len(numbers) == 2 and numbers[0] > numbers[1]:
        raise _wrong(cron, f"the {name} '{part}' runs backwards")
    if step and not 0 < int(step) <= high:
        raise _wrong(cron, f"the step of '{part}' is no {name}")
    if first == "*":
        return f"{low}/{step}" if step and name != "day of the week" else (f"0-6/{step}" if step else "*")
    reach = f"{numbers[0]}-{numbers[1]}" if len(numbers) == 2 else str(numbers[0])
    if step and len(numbers) == 1:
        reach = f"{numbers[0]}-{6 if name == 'day of the week' else high}"
    return f"{reach}/{step}" if step else reach


def _number(cron: str, value: str, name: str, low: int, high: int) -> int:
    names = {"month": _MONTHS, "day of the week": _DAYS}.get(name, ())
    if value.upper() in names:
        return names.index(value.upper()) + low
    if not value.isascii() or not value.isdecimal() or not low <= int(value) <= high:
        raise _wrong(cron, f"'{value}' is no {name} ({low} to {high})")
    return int(value)


def _weekdays(text: str) -> str:
    """Name each day: numbers of cron (0 and 7 are Sunday) are not those of Quartz."""
    days: set[int] = set()
    for part in text.split(","):
        reach, _, step = part.partition("/")
        first, _, last = reach.partition("-")
        days |= {day % 7 for day in range(int(first), int(last or first) + 1, int(step or 1))}
    return ",".join(_DAYS[day] for day in sorted(days))


def _quartz(cron: str, fields: list[str]) -> list[str]:
    if (fields[3] == "?") == (fields[5] == "?"):
        raise _wrong(cron, "Quartz wants a '?' in one of its two day fields, the fourth or the sixth")
    for field in fields:
        if not re.fullmatch(r"[A-Za-z0-9*?,/#LW-]+", field):
            raise _wrong(cron, f"'{field}' is no field of Quartz")
    return fields


def _wrong(cron: str, reason: str) -> ConfigurationError:
    return ConfigurationError(f"The schedule '{cron}' cannot be used: {reason}.")
