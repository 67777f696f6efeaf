"""Texts that stand for a text: what a person has to write in a model file, and has not written yet."""

import re

_NOT_YET = re.compile(r"(todo|tbd|fixme|xxx+)\b", re.IGNORECASE)


def require_no_placeholder(value: str) -> str:
    """Return a text that says something.

    Raises:
        ValueError: where it is blank, or still a placeholder such as `a|b|c` or `<name>`.
    """
    if not value.strip() or "|" in value or re.fullmatch(r"[<{].*[>}]", value.strip()):
        raise ValueError(f"'{value}' is a placeholder; give the one value that holds for this run")
    return value


def require_reason(value: str) -> str:
    """Return a text that gives a reason, without the space around it.

    Raises:
        ValueError: where it is blank, a placeholder, or shorter than three words.

    >>> require_reason("  airlines announce it an hour before ")
    'airlines announce it an hour before'
    """
    words = require_no_placeholder(value).split()
    if len(words) < 3 or _NOT_YET.match(value.strip()):
        raise ValueError(f"'{value}' gives no reason; say in a few words why this is no leak")
    return " ".join(words)
