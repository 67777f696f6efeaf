"""Schedules of jobs: when each fires next, and the firing, by the workspace's clock."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rehearsal.emulator import quartz
from rehearsal.emulator.clock import Clock

log = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 60.0
MOST_FIRINGS = 1000
"""How many missed firings of one job a single move of the clock makes up for; the earliest are kept."""

BY_HAND = timedelta(seconds=0.5)
"""A change of the clock against real time by more than this was made by hand."""


@dataclass(frozen=True)
class Firing:
    """A schedule that has come due."""

    job_id: int
    due: datetime
    jumped: bool
    """Whether the clock was moved to it by hand. Then real time did not pass for earlier runs to end."""


@dataclass
class _Plan:
    expression: quartz.Quartz
    zone: ZoneInfo
    next: datetime | None


class Schedules:
    """The schedules of all jobs that are not paused."""

    def __init__(self, clock: Clock, changed: threading.Condition, fire: Callable[[Firing], object]) -> None:
        """Take the clock, the lock around state, and what starts a run; it is called with the lock held."""
        self._clock, self._changed, self._fire = clock, changed, fire
        self._plans: dict[int, _Plan] = {}
        self._offset = self._by_hand()
        self._thread: threading.Thread | None = None
        self._stopped = False
        clock.on_move(self.fire_due)

    def set(self, job_id: int, schedule: Mapping[str, Any] | None) -> None:
        """Follow a job's schedule from now on, or no longer where it has none or is paused."""
        with self._changed:
            self._plans.pop(job_id, None)
            if schedule and schedule.get("pause_status", "UNPAUSED") == "UNPAUSED":
                expression, zone = quartz.parse(schedule["quartz_cron_expression"]), ZoneInfo(schedule["timezone_id"])
                self._plans[job_id] = _Plan(expression, zone, expression.after(self._clock.now(), zone))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._wait, daemon=True, name="schedules")
                    self._thread.start()
            self._changed.notify_all()

    def next(self, job_id: int) -> datetime | None:
        """Return when a job fires next."""
        plan = self._plans.get(job_id)
        return plan.next if plan else None

    def fire_due(self) -> None:
        """Fire what has come due, in the order of time; each missed firing counts."""
        with self._changed:
            if self._stopped:
                return
            offset = self._by_hand()
            jumped = abs(offset - self._offset) > BY_HAND
            self._offset = offset
            now = self._clock.now()
            due = [Firing(job_id, at, jumped) for job_id, plan in self._plans.items() for at in _due(plan, now)]
            for firing in sorted(due, key=lambda firing: firing.due):
                self._fire(firing)

    def stop(self) -> None:
        """Fire no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()

    def _by_hand(self) -> timedelta:
        return self._clock.now() - datetime.now(UTC)

    def _wait(self) -> None:
        with self._changed:
            while not self._stopped:
                coming = [plan.next for plan in self._plans.values() if plan.next]
                left = (min(coming) - self._clock.now()).total_seconds() if coming else LONGEST_WAIT_SECONDS
                if left <= 0:
                    self.fire_due()
                else:
                    self._changed.wait(min(left, LONGEST_WAIT_SECONDS))


def _due(plan: _Plan, now: datetime) -> list[datetime]:
    found: list[datetime] = []
    while plan.next and plan.next <= now:
        if len(found) == MOST_FIRINGS:
            log.warning("More than %s firings were missed; the later ones are left out.", MOST_FIRINGS)
            plan.next = plan.expression.after(now, plan.zone)
            break
        found.append(plan.next)
        plan.next = plan.expression.after(plan.next, plan.zone)
    return found
