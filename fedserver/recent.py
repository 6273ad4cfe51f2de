"""What this process did lately, so that it is not done again too soon. Bounded; may forget."""

from collections import OrderedDict
from collections.abc import Hashable

from fedserver.clock import Clock

_MAX_REMEMBERED = 20_000


class Recent:
    """Remembers when something was last claimed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._claimed_at: OrderedDict[Hashable, float] = OrderedDict()

    def claim(self, what: Hashable, *, every_s: float) -> bool:
        """Say whether `what` is due: True at most once in `every_s`."""
        now_s = self._clock.monotonic()
        last_s = self._claimed_at.get(what)
        if last_s is not None and now_s - last_s < every_s:
            return False
        self._claimed_at[what] = now_s
        self._claimed_at.move_to_end(what)
        while len(self._claimed_at) > _MAX_REMEMBERED:
            self._claimed_at.popitem(last=False)
        return True
