"""A name is data: what could be a path, a statement or another table is refused before anything is touched."""

import pytest

from stackhouse.errors import ConfigurationError
from stackhouse.names import LONGEST, require_level, require_three_levels

REFUSED = [
    "",
    ".",
    "..",
    "a.b",
    "a b",
    "a/b",
    "../a",
    "a\\b",
    "a\n",
    "a\x7f",
    "a;drop",
    "a'b",
    'a"b',
    "a`b",
    "a-b",
    "é",
    "a" * (LONGEST + 1),
]


@pytest.mark.parametrize("name", ["a", "A", "_", "1", "mlops_dev", "a" * LONGEST])
def test_letters_digits_and_underscores_are_taken(name: str) -> None:
    assert require_level("--catalog", name) == name


@pytest.mark.parametrize("name", REFUSED)
def test_any_other_name_is_refused_with_the_flag_and_what_is_allowed(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^--schema (is|has) .* nothing was read or written\.$"):
        require_level("--schema", name)


@pytest.mark.parametrize("name", ["a", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", "a.b.c/d", "a.b c.d", f"{'a' * 256}.b.c"])
def test_a_table_has_three_levels_each_of_which_could_be_a_name(name: str) -> None:
    with pytest.raises(ConfigurationError, match="--label-table"):
        require_three_levels("--label-table", name)
    assert require_three_levels("--label-table", "dev.labels.fraud") == "dev.labels.fraud"
