"""docs/commands.md names every flag of a command with its default, and no other."""

import re
from importlib import import_module

import pytest

from tests.conftest import PROJECT

PAGE = (PROJECT / "docs" / "commands.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def flags(command: str) -> dict[str, str]:
    """Each flag, with its default as text."""
    app = import_module(f"commands.{command}").app
    arguments = app.assemble_argument_collection()
    return {argument.name: str(argument.field_info.default) for argument in arguments if argument.show}


def test_the_commands_are_on_the_page() -> None:
    assert {"prepare_data", "train_model"} <= set(SECTIONS)


@pytest.mark.parametrize("command", sorted(SECTIONS))
def test_every_flag_is_documented_and_no_other(command: str) -> None:
    rows = re.findall(r"^\| (`--[^|]+) \|", SECTIONS[command], re.MULTILINE)
    assert {flag for row in rows for flag in re.findall(r"`(--[a-z0-9-]+)`", row)} == set(flags(command))


@pytest.mark.parametrize("command", sorted(SECTIONS))
def test_the_defaults_are_those_of_the_command(command: str) -> None:
    rows = re.findall(r"^\| `(--[a-z0-9-]+)` \| `?([\w.-]+)`? \|", SECTIONS[command], re.MULTILINE)
    told = {flag: default for flag, default in rows if default not in {"required", "all"}}
    assert {flag: default for flag, default in flags(command).items() if flag in told} == told
    assert len(told) >= 2
