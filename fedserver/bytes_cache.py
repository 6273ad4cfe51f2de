"""A cache of ready bytes, bounded in bytes, least recently used first out."""

from collections import OrderedDict
from collections.abc import Hashable

_ENTRY_OVERHEAD_BYTES = 200


class BytesCache:
    """Keys carry the version of what they name, so entries never need to be invalidated."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._used_bytes = 0
        self._entries: OrderedDict[Hashable, bytes] = OrderedDict()

    def get(self, key: Hashable) -> bytes | None:
        """Give the bytes under `key`, or None."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: Hashable, value: bytes) -> None:
        """Keep `value` and drop the entries that were not used for longest."""
        self._forget(key)
        self._entries[key] = value
        self._used_bytes += len(value) + _ENTRY_OVERHEAD_BYTES
        while self._used_bytes > self._max_bytes:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: Hashable) -> None:
        old = self._entries.pop(key, None)
        if old is not None:
            self._used_bytes -= len(old) + _ENTRY_OVERHEAD_BYTES
