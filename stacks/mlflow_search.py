"""What a search of MLflow needs: pages one after the other, names that may stand in a filter, times, and what there is instead."""

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from mlflow.store.entities import PagedList

from stackhouse.errors import ConfigurationError

_PLAIN = re.compile(r"[\w.\- ]+")
_NAMED = 20

Found = TypeVar("Found")


def pages(search: Callable[[str | None], PagedList[Found]]) -> Iterator[Found]:
    """Give what a search finds, asking for a page when it is needed.

    Args:
        search: takes the token of a page, None for the first.
    """
    page = search(None)
    yield from page
    while page.token:
        page = search(page.token)
        yield from page


def require_plain(name: str, example: str) -> str:
    """Return a name that may stand in a filter as it is: letters, digits, `_`, `.`, `-` and blanks.

    Raises:
        ConfigurationError: where it has other characters.
    """
    if not _PLAIN.fullmatch(name):
        raise ConfigurationError(f"'{name}' is no name of a model. Give one such as {example}.")
    return name


def there_are(names: Sequence[str]) -> str:
    """Say what there is where something else was asked for.

    >>> there_are(["flight_delay", "success_rate"])
    'There are flight_delay, success_rate. Name one of these.'
    """
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"There are {', '.join(names[:_NAMED])}{more}. Name one of these." if names else "There is none yet: train a model first."


def time_of(milliseconds: int) -> datetime:
    """Return a time as MLflow keeps it, milliseconds since 1970, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
