"""Fedify and an instance of ours whose domain is lost: the Move with the old actor inside."""

from pathlib import Path

import pytest

from storage.evacuations import PROGRESS
from storage.hosts import LEARN_SOFTWARE
from tests.conftest import unused_port
from tests.interop.fedify_peer import start_fedify
from tests.resilience.evacuees import Site, actor_uri, evacuate, people
from tests.resilience.model_peer import Names
from tests.waiting import until

pytestmark = pytest.mark.interop


async def test_fedify_follows_where_a_dead_actor_went(database_dsn: str, tmp_path: Path) -> None:
    old_port, new_port, there = unused_port(), unused_port(), unused_port()
    old, new = f"localhost:{old_port}", f"localhost:{new_port}"
    names = Names({f"localhost:{there}": there})
    async with start_fedify(there) as fedify:
        before = Site(database_dsn, tmp_path / "data", old_port, names)
        async with before.running_at(old) as lost:
            (alice,) = await people(lost, ["alice"])
            uri = actor_uri(lost, "alice")
            await fedify.send("Follow", 1, [uri], object=uri)
            accept = await fedify.heard("Accept")
            assert accept["actor"] == uri
            now = lost.ctx.clock.now()
            await lost.ctx.db.execute(LEARN_SOFTWARE, f"localhost:{there}", "hollo", "1.0", now)
        row = await evacuate(before, old, new)
        after = Site(database_dsn, tmp_path / "data", new_port, names)
        async with after.running_at(new) as saved:
            move = await fedify.heard("Move")
            assert (move["actor"], move["object"]) == (uri, uri)

            async def came() -> bool:
                (peer,) = await saved.ctx.db.fetch(PROGRESS, row.id)
                return peer.came == 1

            await until(came, within_s=30)
            follow = await fedify.heard("Accept", actor=actor_uri(saved, "alice"))
            assert follow["actor"] == actor_uri(saved, "alice")
            assert alice.account_id
