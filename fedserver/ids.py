"""Local ids: 63-bit integers that grow with time.

The upper 47 bits are milliseconds since 1970, the lower 16 a node and a sequence, as in Mastodon,
so that clients which compare ids as numbers (or as padded text) sort by time.
"""

import random
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from fedserver.clock import Clock

MAX_ID: Final = 2**63 - 1

_LOW_BITS: Final = 16
_NODE_BITS: Final = 6
_SEQUENCE_BITS: Final = _LOW_BITS - _NODE_BITS
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_MS: Final = 1000
_ONE_MS: Final = timedelta(milliseconds=1)
_DIGITS: Final = re.compile(r"[0-9]{1,19}")


class IdMaker:
    """Makes ids; one for each process, used from its event loop only.

    `node` (0..63) tells processes apart. Two that drew the same number still rarely meet, because
    each millisecond starts at a random place in the sequence; a unique key catches the rest.
    """

    def __init__(self, clock: Clock, node: int | None = None) -> None:
        self._clock = clock
        self._node = random.getrandbits(_NODE_BITS) if node is None else node
        if not 0 <= self._node < 1 << _NODE_BITS:
            raise ValueError(f"node must be 0 to {(1 << _NODE_BITS) - 1}")
        self._last_ms = 0
        self._sequence = 0

    def new(self) -> int:
        """The id of something that happens now; always greater than the one before."""
        now_ms = _ms_of(self._clock.now())
        if now_ms > self._last_ms:
            self._begin(now_ms)
        else:
            self._step()
        low = self._node << _SEQUENCE_BITS | self._sequence
        return self._last_ms << _LOW_BITS | low

    def at(self, moment: datetime, *, after: int = 0) -> int:
        """An id for something that a peer dates `moment` (aware); never later than now.

        Most peers date to the second. The id then falls anywhere in that second, so that notes
        from all over the network do not crowd into its first millisecond, but behind `after`, the
        id of what it answers, where that is of the same second.
        """
        if moment.microsecond == 0:
            return self._within(_ms_of(moment), after)
        return self._near(_ms_of(moment))

    def _within(self, second: int, after: int) -> int:
        answered = after >> _LOW_BITS
        if not second <= answered < second + _SECOND_MS:
            return self._near(second + random.randrange(_SECOND_MS))
        return max(after + 1, self._near(random.randrange(answered, second + _SECOND_MS)))

    def _near(self, ms: int) -> int:
        ms = max(1, min(ms, _ms_of(self._clock.now())))
        return ms << _LOW_BITS | random.getrandbits(_LOW_BITS)

    def _begin(self, now_ms: int) -> None:
        self._last_ms = now_ms
        # Only the lower half, so that a burst has room before it borrows the next millisecond.
        self._sequence = random.getrandbits(_SEQUENCE_BITS - 1)

    def _step(self) -> None:
        # Also the way on when the clock was set back: stay at the latest time ever seen.
        self._sequence += 1
        if self._sequence == 1 << _SEQUENCE_BITS:
            self._last_ms += 1
            self._sequence = 0


def time_of(id: int) -> datetime:
    """The time an id was made for, to the millisecond."""
    return _EPOCH + (id >> _LOW_BITS) * _ONE_MS


def first_id_of(moment: datetime) -> int:
    """The smallest id that can be made at `moment`."""
    return max(0, _ms_of(moment)) << _LOW_BITS


def parse_id(text: str) -> int | None:
    """Read an id as clients send it: 1 to 19 ASCII digits, below 2^63; None for anything else."""
    if _DIGITS.fullmatch(text) is None:
        return None
    number = int(text)
    return number if number <= MAX_ID else None


def _ms_of(moment: datetime) -> int:
    return (moment - _EPOCH) // _ONE_MS
