"""The sockets of outgoing requests: made only for allowed addresses, and counted."""

import errno
import socket
import weakref
from typing import Any

from fedserver.outgoing.addresses import AddressRule

AddrInfo = tuple[int | socket.AddressFamily, int | socket.SocketKind, int, str, tuple[Any, ...]]


class AddressRefused(OSError):
    """The address that a connection was about to be made to is not allowed."""

    def __init__(self) -> None:
        # One text for all addresses: the connector merges errors that read alike into one,
        # and different ones into a plain OSError that no longer says what happened.
        super().__init__(errno.EACCES, "address is not public")


class GuardedSockets:
    """The connector's socket factory.

    The check stands here because names, literals and redirects all come by with the address
    that is really connected to. A resolver is not asked for IP literals.
    """

    def __init__(self, rule: AddressRule | None, *, max_open: int) -> None:
        """Take the rule for addresses; None for a service that the admin named, wherever it is."""
        self._rule = rule
        self._max_open = max_open
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def __call__(self, info: AddrInfo) -> socket.socket:
        """Return a new socket for `info`. Raises AddressRefused."""
        family, kind, protocol, _, address = info
        if self._rule is not None and not self._rule.allows(str(address[0]), int(address[1])):
            raise AddressRefused
        made = socket.socket(family, kind, protocol)
        self._open.add(made)
        return made

    def crowded(self) -> bool:
        """True if more sockets are open than may be kept for later requests."""
        if len(self._open) <= self._max_open:
            return False
        for closed in [one for one in self._open if one.fileno() < 0]:
            self._open.discard(closed)
        return len(self._open) > self._max_open
