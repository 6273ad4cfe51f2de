"""Writes what the interop run saw to docs/interop.md, where `make interop` asks for it."""

import json
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fedserver import __version__
from tests.interop.fedify_peer import FOLDER, NODE
from tests.interop.fedify_scene import Scene, start_scene
from tests.interop.small_peer import PYTHON, SOFTWARE

_PAGE = Path(__file__).parents[2] / "docs" / "interop.md"
_BEGIN = "<!-- Written by make interop from here on. -->\n"
_WORDS = {"passed": "works", "failed": "**fails**", "skipped": "not run"}
# Flow, peer, what came of it.
_seen: dict[str, dict[str, str]] = {}


@pytest.fixture
async def scene(database_dsn: str, tmp_path: Path) -> AsyncIterator[Scene]:
    """Alice and Fiona, who follow each other."""
    async with start_scene(database_dsn, tmp_path) as scene:
        yield scene


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Keep how each flow with each peer ended."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's result, untyped here
    if item.get_closest_marker("interop") and (report.when == "call" or not report.passed):
        flow, peer = _flow_and_peer(item)
        _seen.setdefault(flow, {})[peer] = _WORDS[report.outcome]


def _flow_and_peer(item: pytest.Item) -> tuple[str, str]:
    name, _, variant = item.name.removeprefix("test_").replace("_", " ").rstrip("]").partition("[")
    if variant in SOFTWARE:
        return name, variant
    return (f"{name}: {variant}" if variant else name), "Fedify"


def pytest_sessionfinish() -> None:
    """Replace the table in the page."""
    if _seen and os.environ.get("INTEROP_TABLE"):
        kept = _PAGE.read_text("utf-8").partition(_BEGIN)[0]
        _PAGE.write_text(kept + _BEGIN + "\n" + _versions() + "\n\n" + _table(), "utf-8")


def _versions() -> str:
    day = datetime.now(UTC).date().isoformat()
    manifest = FOLDER / "node_modules" / "@fedify" / "fedify" / "package.json"
    fedify = json.loads(manifest.read_text("utf-8"))["version"] if manifest.exists() else "absent"
    node = _said_by(NODE, "--version").removeprefix("v")
    ask = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
    libraries = [f"{name} {_said_by(PYTHON, '-c', ask, name)}" for name in SOFTWARE]
    python = _said_by(PYTHON, "--version")
    return (
        f"{day}: fedserver {__version__}; Fedify {fedify} with Node {node}; "
        f"{', '.join(libraries)} with {python}."
    )


def _said_by(*command: str | Path) -> str:
    """Give what a program prints, or that it is not there."""
    if not Path(command[0]).exists():
        return "(absent)"
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _table() -> str:
    peers = ["Fedify", *SOFTWARE]
    lines = [f"| flow, both ways | {' | '.join(peers)} |", "| --- " * (len(peers) + 1) + "|"]
    lines += [
        f"| {flow} | {' | '.join(seen.get(peer, '-') for peer in peers)} |"
        for flow, seen in _seen.items()
    ]
    return "\n".join(lines) + "\n"
