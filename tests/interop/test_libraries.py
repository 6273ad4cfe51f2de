"""Servers on top of other libraries, and an instance of ours: the same flows with each, both
ways."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import unused_port
from tests.instances import start_instance
from tests.interop.neighbours import Neighbours
from tests.interop.small_peer import SOFTWARE, Json, SmallPeer, start_peer
from tests.waiting import until

pytestmark = pytest.mark.interop


@dataclass(frozen=True, kw_only=True)
class Scene(Neighbours):
    """Alice here, Fiona there; each follows the other."""

    peer: SmallPeer

    async def posted_there(self, text: str) -> Json:
        """Let Fiona post, and give it as it is here."""
        return await self.at_home((await self.peer.tell("post", text=text))["id"])


@pytest.fixture(params=list(SOFTWARE))
async def scene(
    request: pytest.FixtureRequest, database_dsn: str, second_database_dsn: str, tmp_path: Path
) -> AsyncIterator[Scene]:
    software = SOFTWARE[request.param]
    flow = request.function.__name__.removeprefix("test_").replace("_", " ")
    if flow in software.lacks:
        pytest.skip(f"no: {software.lacks[flow]}")
    async with start_peer(software, tmp_path, second_database_dsn) as peer:
        here = unused_port()
        folder = tmp_path / "here"
        async with start_instance(database_dsn, folder, here, peers=(peer.port,)) as instance:
            alice = await instance.person("alice")
            found = await alice.get("/api/v2/search", q=peer.fiona, resolve="true")
            scene = Scene(alice=alice, peer=peer, fiona_id=found["accounts"][0]["id"])
            await _follow_each_other(scene)
            yield scene


async def _follow_each_other(scene: Scene) -> None:
    await scene.alice.post(f"/api/v1/accounts/{scene.fiona_id}/follow")
    await scene.peer.tell("follow", uri=scene.alice_uri)
    await scene.relation(following=True, followed_by=True)


async def test_find_each_other(scene: Scene) -> None:
    fiona = await scene.alice.get(f"/api/v1/accounts/{scene.fiona_id}")
    assert fiona["acct"] == f"fiona@localhost:{scene.peer.port}"
    assert fiona["display_name"].startswith("Fiona")
    assert (await scene.peer.tell("lookup", uri=scene.alice_uri))["name"] == "alice"


async def test_follow_and_accept(scene: Scene) -> None:
    follow = await scene.peer.heard("Follow")
    assert (follow["actor"], follow["object"]) == (scene.alice_uri, scene.peer.fiona)
    assert (await scene.peer.heard("Accept"))["actor"] == scene.alice_uri


async def test_unfollow(scene: Scene) -> None:
    await scene.alice.post(f"/api/v1/accounts/{scene.fiona_id}/unfollow")
    assert (await scene.peer.heard("Undo"))["actor"] == scene.alice_uri
    await scene.peer.tell("unfollow", uri=scene.alice_uri)
    await scene.relation(followed_by=False)


async def test_post_edit_delete_of_ours(scene: Scene) -> None:
    posted = await scene.alice.post("/api/v1/statuses", status="Hello there")
    create = await scene.peer.heard("Create", object=posted["uri"])
    assert "Hello there" in str(create["document"])
    await scene.alice.put(f"/api/v1/statuses/{posted['id']}", status="Hello again")
    update = await scene.peer.heard("Update", object=posted["uri"])
    assert "Hello again" in str(update["document"])
    await scene.alice.delete(f"/api/v1/statuses/{posted['id']}")
    await scene.peer.heard("Delete", object=posted["uri"])


async def test_post_edit_delete_of_theirs(scene: Scene) -> None:
    shown = await scene.posted_there("From afar")
    assert "From afar" in shown["content"]
    await scene.peer.tell("edit", uri=shown["uri"], text="Edited")

    async def edited() -> bool:
        return "Edited" in (await scene.alice.get(f"/api/v1/statuses/{shown['id']}"))["content"]

    await until(edited)
    await scene.peer.tell("delete", uri=shown["uri"])

    async def gone() -> bool:
        path = f"/api/v1/statuses/{shown['id']}"
        answer = await scene.alice.instance.request("GET", path, token=scene.alice.token)
        return answer.status == 404

    await until(gone)


async def test_replies(scene: Scene) -> None:
    shown = await scene.posted_there("Answer me")
    reply = await scene.alice.post(
        "/api/v1/statuses", status="An answer", in_reply_to_id=shown["id"]
    )
    heard = await scene.peer.heard("Create", object=reply["uri"])
    assert shown["uri"] in str(heard["document"])
    back = await scene.peer.tell("reply", text="And back", uri=reply["uri"])
    told = await scene.at_home(back["id"])
    assert told["in_reply_to_id"] == reply["id"]


async def test_likes(scene: Scene) -> None:
    shown = await scene.posted_there("Like me")
    await scene.alice.post(f"/api/v1/statuses/{shown['id']}/favourite")
    await scene.peer.heard("Like", object=shown["uri"])
    await scene.alice.post(f"/api/v1/statuses/{shown['id']}/unfavourite")
    await scene.peer.heard("Undo")
    ours = await scene.alice.post("/api/v1/statuses", status="Like me, too")
    await scene.peer.tell("like", uri=ours["uri"])
    await scene.becomes(ours["id"], favourites_count=1)
    await scene.peer.tell("unlike", uri=ours["uri"])
    await scene.becomes(ours["id"], favourites_count=0)


async def test_boosts(scene: Scene) -> None:
    shown = await scene.posted_there("Boost me")
    await scene.alice.post(f"/api/v1/statuses/{shown['id']}/reblog")
    await scene.peer.heard("Announce", object=shown["uri"])
    ours = await scene.alice.post("/api/v1/statuses", status="Boost me, too")
    await scene.peer.tell("announce", uri=ours["uri"])
    await scene.becomes(ours["id"], reblogs_count=1)
    await scene.peer.tell("unannounce", uri=ours["uri"])
    await scene.becomes(ours["id"], reblogs_count=0)


async def test_direct_messages(scene: Scene) -> None:
    acct = f"@fiona@localhost:{scene.peer.port}"
    ours = await scene.alice.post("/api/v1/statuses", status=f"{acct} psst", visibility="direct")
    heard = await scene.peer.heard("Create", object=ours["uri"])
    assert "Public" not in str(heard["document"].get("to"))
    sent = await scene.peer.tell("post", text="psst", to=[scene.alice_uri])
    shown = await scene.at_home(sent["id"])
    assert shown["visibility"] == "direct"
