"""Values that may be a little old: kept for some seconds, bounded in number."""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from fedserver.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class TimedCache(Generic[K, V]):
    """Keeps each value for `keep_s`, and at most `max_entries` of them."""

    def __init__(self, clock: Clock, *, keep_s: float, max_entries: int) -> None:
        self._clock = clock
        self._keep_s = keep_s
        self._max_entries = max_entries
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def get(self, key: K) -> V | None:
        """Give the value under `key` while it is young enough."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if self._clock.monotonic() < entry[0]:
            return entry[1]
        del self._entries[key]
        return None

    def put(self, key: K, value: V) -> None:
        """Keep `value`; the oldest entry makes room."""
        self._entries[key] = (self._clock.monotonic() + self._keep_s, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._max_entries:
            self._entries.popitem(last=False)

    def forget(self, key: K) -> None:
        """Drop what is kept under `key`."""
        self._entries.pop(key, None)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
