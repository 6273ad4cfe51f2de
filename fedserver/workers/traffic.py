"""One log line for each activity that travels, with the same facts as fields for programs."""

import logging

log = logging.getLogger("fedserver.traffic")


def travelled(
    *, activity: str, source: str, destination: str, outcome: str, duration_ms: float
) -> None:
    """Tell that an activity was delivered or received, and how it ended."""
    log.debug(
        "%s %s -> %s: %s (%.1f ms)",
        activity,
        source,
        destination,
        outcome,
        duration_ms,
        extra={
            "activity": activity,
            "source": source,
            "destination": destination,
            "outcome": outcome,
            "duration_ms": duration_ms,
        },
    )
