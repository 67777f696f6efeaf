"""Names that are made of the label's name: a ground for suspicion, never a proof.

`late_rate_7d` is what the past of `late_rate` is called, and `late_rate` may well be yesterday's. So a name alone is no finding; it
lowers the limit of what a feature may tell of the label. A name that says that it looks back is not suspected at all.
"""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+[a-zA-Z]*")
_WINDOW = re.compile(r"\d+(s|sec|m|min|h|hours?|d|days?|w|weeks?|mo|months?|q|y|years?)")
_LOOKING_BACK = {
    *("lag", "lagged", "prev", "previous", "prior", "last", "past", "before", "yesterday", "history", "historic", "historical"),
    *("rolling", "trailing", "window", "windowed", "moving", "ewm", "ewma", "ema", "expanding", "cumulative"),
}
_SAYING_LITTLE = {"is", "has", "was", "will", "be", "high", "low", "flag", "label", "target", "y", "class", "outcome", "indicator"}


def named_after(feature: str, columns: Iterable[str]) -> str | None:
    """Return the column whose words all stand in the feature's name, one after another; the longest of several, None where there is none.

    Case and punctuation do not matter, and neither do words of a column that say little of it (`is_`, `high_`, `label`).

    >>> named_after("LateRate", ["arrivals", "late_rate"]), named_after("max-late-rate", ["high_late_rate"])
    ('late_rate', 'high_late_rate')
    >>> [named_after(name, ["late_rate"]) for name in ("late_rate_7d", "late_rate_lag_1d", "translate_rate", "rate")]
    [None, None, None, None]
    """
    words = _words(feature)
    if any(word in _LOOKING_BACK or _WINDOW.fullmatch(word) for word in words):
        return None
    found = [column for column in columns if _stands_in(_telling(_words(column)), words)]
    return max(found, key=lambda column: len(_telling(_words(column))), default=None)


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(name)]


def _telling(words: list[str]) -> list[str]:
    return [word for word in words if word not in _SAYING_LITTLE] or words


def _stands_in(part: list[str], whole: list[str]) -> bool:
    return bool(part) and any(whole[start : start + len(part)] == part for start in range(len(whole) - len(part) + 1))
