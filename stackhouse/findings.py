"""Findings: what an examination saw, check by check, what to do about it, and the exit code that follows.

What belongs here: the record and its rules. What does not: any check; those ask a machine or a service.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self


class State(StrEnum):
    """How a check ended."""

    OK = "OK"
    WARNING = "WARNING"
    """Something to know; a run may still work."""
    FAILED = "FAILED"
    """A run would fail, or do something else than meant."""
    NO_ANSWER = "NO ANSWER"
    """What was asked could not be reached."""
    NOT_CHECKED = "NOT CHECKED"
    """It was not asked, and `found` says why."""


@dataclass(frozen=True)
class Finding:
    """What one check saw. Whatever is not in order says what to do.

    >>> Finding.ok("3 tables").named("tables")
    Finding(state=<State.OK: 'OK'>, found='3 tables', remedy='', check='tables')

    Raises:
        ValueError: where a finding that is not in order has no remedy.
    """

    state: State
    found: str
    remedy: str = ""
    check: str = ""

    def __post_init__(self) -> None:
        """Hold every finding to saying what to do."""
        if self.state in {State.WARNING, State.FAILED, State.NO_ANSWER} and not self.remedy:
            raise ValueError(f"'{self.found}' is {self.state} and does not say what to do")

    @classmethod
    def ok(cls, found: str) -> Self:
        """Everything is in order."""
        return cls(State.OK, found)

    @classmethod
    def warning(cls, found: str, remedy: str) -> Self:
        """Something to know."""
        return cls(State.WARNING, found, remedy)

    @classmethod
    def failed(cls, found: str, remedy: str) -> Self:
        """Something is wrong."""
        return cls(State.FAILED, found, remedy)

    @classmethod
    def no_answer(cls, found: str, remedy: str) -> Self:
        """Nobody answered."""
        return cls(State.NO_ANSWER, found, remedy)

    @classmethod
    def not_checked(cls, reason: str) -> Self:
        """It was not asked."""
        return cls(State.NOT_CHECKED, reason)

    def named(self, check: str) -> Self:
        """Return the finding under the name of its check."""
        return replace(self, check=check)


@dataclass(frozen=True)
class Diagnosis:
    """All findings of an examination, in order."""

    findings: Sequence[Finding]

    @property
    def exit_code(self) -> int:
        """2 where a check failed, else 5 where something did not answer, else 0; warnings are allowed.

        >>> Diagnosis([Finding.warning("an old library", "update it")]).exit_code
        0
        """
        states = {finding.state for finding in self.findings}
        if State.FAILED in states:
            return 2
        return 5 if State.NO_ANSWER in states else 0

    def count(self, state: State) -> int:
        """Return how many findings have a state."""
        return sum(finding.state is state for finding in self.findings)

    @property
    def summary(self) -> str:
        """One line: how many checks ended how.

        >>> Diagnosis([Finding.ok("a"), Finding.ok("b"), Finding.failed("c", "repair it")]).summary
        '2 OK, 1 FAILED'
        """
        return ", ".join(f"{count} {state}" for state in State if (count := self.count(state)))
