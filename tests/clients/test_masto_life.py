"""Two people on two instances, and a neighbour, call every method of masto.js that means one of
our endpoints (tests/clients/masto)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from fedserver.services.announcements import NewAnnouncement, announce
from tests.clients.masto_excuses import EXCUSED, EXCUSED_PREFIX
from tests.conftest import unused_port
from tests.instances import Person, start_instance

pytestmark = pytest.mark.clients

_FOLDER = Path(__file__).parent / "masto"
_NODE = _FOLDER / "node_modules" / ".bin" / "node"
_PATIENCE_S = 120


async def test_a_life(database_dsn: str, second_database_dsn: str, tmp_path: Path) -> None:
    if not _NODE.exists():
        pytest.skip("masto.js is not installed: make clients does it")
    here, there = unused_port(), unused_port()
    async with (
        start_instance(database_dsn, tmp_path / "here", here, peers=(there,)) as one,
        start_instance(second_database_dsn, tmp_path / "there", there, peers=(here,)) as other,
    ):
        await announce(one.ctx, NewAnnouncement("The picnic is on Sunday"))
        people = await one.person("ann"), await one.person("bob"), await other.person("zoe")
        seen = await live({person.name: given(person) for person in people})
    called = set(seen["called"])
    library = {name for name in seen["library"] if not name.startswith(EXCUSED_PREFIX)}
    assert len(library) > 150, "the list of the library was not read"
    assert called <= library, sorted(called - library)
    unseen = library - called - set(EXCUSED)
    assert not unseen, sorted(unseen)
    assert not called & set(EXCUSED), "excused, but called"
    assert set(EXCUSED) <= library, "excused, but not in the library"


def given(person: Person) -> dict[str, str]:
    """Give what the script must know of somebody."""
    return {"url": person.instance.base_url, "token": person.token, "acct": person.acct}


async def live(people: dict[str, dict[str, str]]) -> Any:
    """Run the script, and give what it says at its end. Fails with what went wrong there."""
    process = await asyncio.create_subprocess_exec(
        _NODE,
        _FOLDER / "life.mjs",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_PATIENCE_S):
            said, complaint = await process.communicate(json.dumps(people).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaint.decode()
    return json.loads(said)
