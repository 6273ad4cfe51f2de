"""When a host that failed is tried again: a pure function, so that it can be reasoned about."""

import random
from datetime import datetime, timedelta

from fedserver.services.retry_after import LONGEST_RETRY_AFTER

# Trouble is mostly over in minutes.
_FIRST_PAUSES = (timedelta(minutes=1), timedelta(minutes=5))
# Later the pause depends on how long the host has been away: up to a day, a week, a month, longer.
_PAUSES = (
    (timedelta(days=1), timedelta(minutes=15)),
    (timedelta(days=7), timedelta(hours=1)),
    # Parked: a try is one delivery, and the places for hosts in trouble do with thousands of them.
    (timedelta(days=30), timedelta(hours=3)),
    (timedelta.max, timedelta(hours=6)),
)


def next_try(
    failures: int,
    failing_for: timedelta,
    now: datetime,
    retry_after: timedelta | None,
    rng: random.Random,
) -> datetime:
    """Give when to try a host again that has failed `failures` times in a row (at least 1), for
    the time `failing_for`.

    The pause grows to six hours and has up to a fifth of jitter, so that the hosts of an outage do
    not come back all at once. What the host asked for (Retry-After) is the least.
    """
    if failures <= len(_FIRST_PAUSES):
        pause = _FIRST_PAUSES[failures - 1]
    else:
        pause = next(pause for until, pause in _PAUSES if failing_for < until)
    jittered = pause * (1 + rng.random() / 5)
    return now + max(jittered, min(retry_after or timedelta(), LONGEST_RETRY_AFTER))
