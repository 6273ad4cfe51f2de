"""Prints a line for each activity that travels between the instances."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class _TravelPrinter(logging.Handler):
    """Reads the extra fields of the log `fedserver.traffic`."""

    def emit(self, record: logging.LogRecord) -> None:
        line = travel_line(record)
        if line is not None:
            print(line, flush=True)


def travel_line(record: logging.LogRecord) -> str | None:
    """Give "activity  from → to  outcome  ms" for a delivered or received activity."""
    activity = getattr(record, "activity", None)
    if activity is None:
        return None
    source, destination = _place(record, "source"), _place(record, "destination")
    outcome, duration_ms = getattr(record, "outcome", "?"), getattr(record, "duration_ms", 0.0)
    return f"  {activity:<9} {source:<26} → {destination:<32} {outcome:<10} {duration_ms:6.1f} ms"


def _place(record: logging.LogRecord, name: str) -> str:
    return str(getattr(record, name, "?")).removeprefix("http://")


@contextmanager
def print_travel() -> Iterator[None]:
    """Print what travels until the end of the block."""
    traffic = logging.getLogger("fedserver.traffic")
    printer = _TravelPrinter()
    traffic.addHandler(printer)
    propagate, traffic.propagate = traffic.propagate, False
    try:
        yield
    finally:
        traffic.removeHandler(printer)
        traffic.propagate = propagate
