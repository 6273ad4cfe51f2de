"""Writes what the interop run saw to docs/interop.md, where `make interop` asks for it."""

import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fedserver import __version__
from tests.interop.fedify_scene import Scene, start_scene

_PAGE = Path(__file__).parents[2] / "docs" / "interop.md"
_BEGIN = "<!-- Written by make interop from here on. -->\n"
_WORDS = {"passed": "works", "failed": "**fails**", "skipped": "not run"}
_seen: dict[str, str] = {}


@pytest.fixture
async def scene(database_dsn: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """Alice and Fiona, who follow each other."""
    async with start_scene(database_dsn, tmp_path) as scene:
        yield scene


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep how each flow ended."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result, untyped here
    if item.get_closest_marker("interop") and (report.when == "call" or not report.passed):
        _seen[item.name.removeprefix("test_").replace("_", " ")] = report.outcome


def pytest_sessionfinish() -> None:
    """Replace the table in the page."""
    if _seen and os.environ.get("INTEROP_TABLE"):
        kept = _PAGE.read_text("utf-8").partition(_BEGIN)[0]
        _PAGE.write_text(kept + _BEGIN + "\n" + _table(), "utf-8")


def _table() -> str:
    day = datetime.now(UTC).date().isoformat()
    rows = [f"| {flow} | {_WORDS[outcome]} |" for flow, outcome in _seen.items()]
    head = f"fedserver {__version__}, Fedify {version}, {day}.\n\n| flow, both ways | Fedify |\n"
    return head + "| --- | --- |\n" + "\n".join(rows) + "\n"
