"""Moves of aliases: the record of each, which a version carries as a tag.

The record is written before the alias moves, and completed after it. One that was never completed was interrupted, and the next move to
the same version finishes it. Who moved an alias is told by the commit, the run and the step or command; no person is named.
"""

from collections.abc import Mapping
from datetime import datetime

from pydantic import ValidationError

from stackhouse.report import Report

_PREFIX = "alias_move"


class AliasMove(Report):
    """One move of an alias to a version."""

    alias: str
    from_version: str | None
    """Where the alias pointed when the move was asked for; None where there was no such alias."""
    to_version: str
    by: str
    """Command or step that asked, e.g. `register_model`."""
    run_id: str | None = None
    """Training run of the version."""
    git_sha: str = "unknown"
    """Commit of the version."""
    asked_at: datetime
    moved_at: datetime | None = None
    """None until the alias pointed at the version."""

    @property
    def words(self) -> str:
        """What moved, in words.

        >>> at = datetime(2026, 11, 21)
        >>> AliasMove(alias="champion", from_version="1", to_version="2", by="promote_model", asked_at=at).words
        'champion: 1 → 2'
        """
        return f"{self.alias}: {self.from_version or 'none'} → {self.to_version}"


def is_move(tag: str) -> bool:
    """Whether a tag of a version is the record of a move.

    >>> is_move("alias_move_champion_1"), is_move("git_sha")
    (True, False)
    """
    return tag.startswith(f"{_PREFIX}_")


def moves(tags: Mapping[str, str]) -> dict[str, AliasMove]:
    """Return the records among the tags of a version, by tag, the first move first. What is no record any more is left out."""
    found = {}
    for tag, text in tags.items():
        if is_move(tag):
            try:
                found[tag] = AliasMove.model_validate_json(text)
            except ValidationError:
                continue
    return dict(sorted(found.items(), key=lambda item: (item[1].asked_at, item[0])))


def moves_of(tags: Mapping[str, str], alias: str) -> dict[str, AliasMove]:
    """Return the records of one alias among the tags of a version."""
    return {tag: move for tag, move in moves(tags).items() if move.alias == alias}


def unfinished(tags: Mapping[str, str], alias: str) -> tuple[str, AliasMove] | None:
    """Return the newest record of an alias that was not completed, with its tag; None where there is none."""
    open_moves = [(tag, move) for tag, move in moves_of(tags, alias).items() if move.moved_at is None]
    return open_moves[-1] if open_moves else None


def next_tag(tags: Mapping[str, str], alias: str) -> str:
    """Return the tag of the next record: numbered, since a version may get an alias several times.

    Unity Catalog takes no `-` in the key of a tag, so that of an alias becomes `_`.

    >>> next_tag({"alias_move_latest_model_1": "{}"}, "latest-model")
    'alias_move_latest_model_2'
    """
    stem = f"{_PREFIX}_{alias.replace('-', '_')}"
    number = 1
    while f"{stem}_{number}" in tags:
        number += 1
    return f"{stem}_{number}"
