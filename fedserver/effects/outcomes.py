"""How a received activity ended. The name and the reason are kept with it."""

from dataclasses import dataclass
from enum import StrEnum


class OutcomeName(StrEnum):
    """The ends an inbox item can have; `retry` is not one: the item waits for its next try."""

    DONE = "done"
    IGNORED = "ignored"  # nothing here is concerned by it, or its type is unknown
    DUPLICATE = "duplicate"  # it was already so
    REFUSED = "refused"  # it may not be done
    RETRY = "retry"  # a peer could not be reached
    FAILED = "failed"  # given up


@dataclass(frozen=True, slots=True)
class Outcome:
    """A named end and, for people, why."""

    name: OutcomeName
    reason: str | None = None


DONE = Outcome(OutcomeName.DONE)
DUPLICATE = Outcome(OutcomeName.DUPLICATE)


class Ignored(Exception):
    """A peer's activity that concerns nobody and nothing here."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
