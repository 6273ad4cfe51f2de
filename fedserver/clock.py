"""Time. Nothing else asks the machine what time it is, so that tests can move it."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """Return the current time, in UTC and aware of it. May jump when the clock is set."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go back; only differences mean something."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """As Clock.now."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """As Clock.monotonic."""
        return time.monotonic()


class FixedClock:
    """A clock that stands still until it is moved, for tests."""

    def __init__(self, now: datetime) -> None:
        """Start at `now`. Raises ValueError when it has no time zone."""
        if now.tzinfo is None:
            raise ValueError("a clock needs a time with a zone")
        self._now = now.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        """As Clock.now."""
        return self._now

    def monotonic(self) -> float:
        """As Clock.monotonic."""
        return self._monotonic

    def move(self, by: timedelta) -> None:
        """Let time pass. Raises ValueError for a step back: see `set`."""
        if by < timedelta():
            raise ValueError("time does not run backwards; use set() for a clock that was wrong")
        self._now += by
        self._monotonic += by.total_seconds()

    def set(self, now: datetime) -> None:
        """Jump to `now` as a machine's clock does when it is corrected."""
        self._now = now.astimezone(UTC)
