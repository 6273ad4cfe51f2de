"""What leads to a host whose own door is shut: remembered for some minutes, so that not every
request waits at the shut one first."""

from dataclasses import dataclass

from fedserver.clock import Clock

KEEP_S = 300.0
_MAX_KEPT = 4_096


@dataclass(frozen=True, slots=True)
class Detour:
    """Through the proxy to the very host (no door), or to another door of the same server."""

    door: str = ""


class Detours:
    """The detours that worked lately, by host ("name" or "name:port")."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[Detour, float]] = {}

    def get(self, host: str) -> Detour | None:
        """Give the detour to begin with; None: the host's own door."""
        kept = self._kept.get(host)
        if kept is None:
            return None
        if kept[1] <= self._clock.monotonic():
            self.forget(host)
            return None
        return kept[0]

    def remember(self, host: str, detour: Detour) -> None:
        """Begin with `detour` for the next minutes."""
        self._kept.pop(host, None)
        self._kept[host] = (detour, self._clock.monotonic() + KEEP_S)
        if len(self._kept) > _MAX_KEPT:
            del self._kept[next(iter(self._kept))]

    def forget(self, host: str) -> None:
        """Begin with the host's own door again."""
        self._kept.pop(host, None)
