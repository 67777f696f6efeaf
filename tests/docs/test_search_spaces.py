"""docs/model-file.md says what each algorithm searches of itself; the classes say the same."""

import re
from typing import Any, get_args

import pytest

from stackhouse.algorithms import Algorithm, Range
from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "model-file.md").read_text(encoding="utf-8")
SEARCHED = [kind for kind in get_args(get_args(Algorithm)[0]) if kind.space]


def written(field: str, space: Any) -> str:
    if isinstance(space, Range):
        return f"`{field}` {space.low:g}–{space.high:g}{' (log)' if space.log else ''}"
    return f"`{field}` {', '.join(str(value) for value in space.choices)}"


@pytest.mark.parametrize("kind", SEARCHED, ids=lambda kind: kind.__name__)
def test_the_page_shows_the_space_of_each_algorithm(kind: Any) -> None:
    name = kind.model_fields["kind"].default
    (row,) = re.findall(rf"^\| `{name}` \| (`n_estimators`.*) \|$", PAGE, re.MULTILINE)
    assert row.partition("; ")[0] == ", ".join(written(field, space) for field, space in kind.space.items())
