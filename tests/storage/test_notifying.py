"""Notifications are written in one place, so that one policy holds for all of them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_WRITES = re.compile(r"INSERT\s+INTO\s+notifications\b", re.IGNORECASE)


def test_notifications_are_written_by_one_statement() -> None:
    files = [file for room in ("storage", "fedserver") for file in (ROOT / room).rglob("*.py")]
    writing = [file.name for file in files if _WRITES.search(file.read_text("utf-8"))]
    assert writing == ["notifying.py"]
