"""RSA keys made ahead for new accounts, and parsed keys kept at hand.

Making an RSA-2048 key takes about 70 ms, reading a private one back up to 50 signatures' time.
"""

import asyncio
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from activitypub.keys import (
    PrivateKey,
    PublicKey,
    generate_rsa_key,
    load_private_key,
    load_public_key,
)

T = TypeVar("T")

_LOW_PRIORITY: Final = 15


class KeyPool:
    """RSA keys ready to be taken. Makes none before the first one is taken, to start fast."""

    def __init__(
        self, size: int = 4, *, make: Callable[[], RSAPrivateKey] = generate_rsa_key
    ) -> None:
        self._size = size
        self._make = make
        self._ready: deque[RSAPrivateKey] = deque()
        self._closed = False
        self._refilling: Future[None] | None = None
        self._refiller = ThreadPoolExecutor(
            max_workers=1, thread_name_prefix="rsa-keys", initializer=_lower_own_priority
        )

    @property
    def ready(self) -> int:
        """How many keys can be taken without waiting."""
        return len(self._ready)

    async def take(self) -> RSAPrivateKey:
        """Give a key that nobody else gets: from the pool, or else made now in a thread."""
        key = self._ready.popleft() if self._ready else None
        self._start_refilling()
        return await asyncio.to_thread(self._make) if key is None else key

    async def refilled(self) -> None:
        """Wait for the refill under way, if there is one."""
        if self._refilling is not None:
            await asyncio.wrap_future(self._refilling)

    def close(self) -> None:
        """Stop making keys. One that is being made is finished, but not waited for."""
        self._closed = True
        self._refiller.shutdown(wait=False)

    def _start_refilling(self) -> None:
        if not self._closed and (self._refilling is None or self._refilling.done()):
            self._refilling = self._refiller.submit(self._refill)

    def _refill(self) -> None:
        while len(self._ready) < self._size and not self._closed:
            self._ready.append(self._make())


class KeyCache:
    """Parsed keys, bounded in number, the least recently used first out. For one event loop."""

    def __init__(self, *, max_public: int = 2_000, max_private: int = 500) -> None:
        self._public: _RecentlyUsed[PublicKey] = _RecentlyUsed(max_public)
        self._private: _RecentlyUsed[PrivateKey] = _RecentlyUsed(max_private)

    def public(self, pem: str) -> PublicKey:
        """Parse a peer's `publicKeyPem`, once. Raises activitypub.errors.KeyFormatError."""
        return self._public.get(pem, lambda: load_public_key(pem))

    def private(self, key_id: str, loader: Callable[[], str]) -> PrivateKey:
        """Give the private key `key_id`; `loader` gives its PEM when it is not at hand.

        Raises activitypub.errors.KeyFormatError and what `loader` raises.
        """
        return self._private.get(key_id, lambda: load_private_key(loader()))


class _RecentlyUsed(Generic[T]):
    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        value = self._entries.get(key)
        if value is None:
            value = self._entries[key] = make()
            if len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        else:
            self._entries.move_to_end(key)
        return value


def _lower_own_priority() -> None:
    # On Linux a thread has a nice value of its own; elsewhere this would slow the whole process.
    if os.uname().sysname == "Linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOW_PRIORITY)
