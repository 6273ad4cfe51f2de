"""Fedify and an instance of ours: moving, pinned posts, quotes, and both ways of signing."""

from pathlib import Path

import pytest

from activitypub.signatures import Dialect
from fedserver.effects import moving
from storage.hosts import REMEMBER_DIALECT
from tests.interop.fedify_peer import PUBLIC, Json
from tests.interop.fedify_scene import Scene, start_scene
from tests.waiting import until

pytestmark = pytest.mark.interop

_EVERYBODY = {"canQuote": {"automaticApproval": [PUBLIC]}}


async def following(scene: Scene, account_id: str) -> bool:
    """Ask whether Alice follows somebody whom the other server has accepted."""
    relation = await scene.alice.get("/api/v1/accounts/relationships", id=account_id)
    return bool(relation[0]["following"])


async def test_their_account_moves(scene: Scene) -> None:
    fedify = scene.fedify
    await fedify.command("describe", who="frieda", profile={"aliases": [fedify.fiona]})
    await fedify.command("describe", who="fiona", profile={"successor": fedify.frieda})
    await fedify.send("Move", 90, "followers", object=fedify.fiona, target=fedify.frieda)
    found = await scene.alice.get("/api/v2/search", q=fedify.frieda, resolve="true")
    frieda_id = found["accounts"][0]["id"]
    await until(lambda: following(scene, frieda_id))
    assert not await following(scene, scene.fiona_id)
    fiona = await scene.alice.get(f"/api/v1/accounts/{scene.fiona_id}")
    assert fiona["moved"]["id"] == frieda_id


async def test_our_account_moves(scene: Scene) -> None:
    fedify = scene.fedify
    await fedify.command("describe", who="frieda", profile={"aliases": [scene.alice_uri]})
    await moving.move_out(scene.alice.instance.ctx, "alice", fedify.frieda)
    move = (await fedify.heard("Move"))["document"]
    assert (move["object"], move["target"]) == (scene.alice_uri, fedify.frieda)
    profile = (await fedify.heard("Update"))["document"]["object"]
    assert profile["movedTo"] == fedify.frieda
    # Fiona, who followed Alice, follows Frieda from now on.
    await fedify.heard("Follow", actor=fedify.fiona, object=fedify.frieda)


async def test_pinned_posts(scene: Scene) -> None:
    ours = await scene.alice.post("/api/v1/statuses", status="Pin me")
    await scene.alice.post(f"/api/v1/statuses/{ours['id']}/pin")
    added = await scene.fedify.heard("Add", object=ours["uri"])
    assert added["document"]["target"].startswith(scene.alice_uri)
    await scene.alice.post(f"/api/v1/statuses/{ours['id']}/unpin")
    await scene.fedify.heard("Remove", object=ours["uri"])
    note = await scene.fedify.post(100, "followers")
    await scene.at_home(note["id"])
    pin = {"object": note["id"], "target": f"{scene.fedify.fiona}/featured"}
    await scene.fedify.send("Add", 101, "followers", **pin)
    await pinned_by_fiona(scene, [note["id"]])
    await scene.fedify.send("Remove", 102, "followers", **pin)
    await pinned_by_fiona(scene, [])


async def pinned_by_fiona(scene: Scene, uris: list[str]) -> None:
    """Wait until these, and no others, are shown as Fiona's pinned posts."""

    async def same() -> bool:
        path = f"/api/v1/accounts/{scene.fiona_id}/statuses"
        return [one["uri"] for one in await scene.alice.get(path, pinned="true")] == uris

    await until(same)


async def test_pins_in_the_featured_collection(scene: Scene) -> None:
    note = await scene.fedify.post(105, [])
    await scene.fedify.command("describe", who="fiona", pinned=[note["id"]])
    collection = await scene.fedify.command("lookup", uri=f"{scene.fedify.fiona}/featured")
    assert note["id"] in str(collection)


async def test_quotes_of_theirs(scene: Scene) -> None:
    fedify = scene.fedify
    note = await fedify.post(110, "followers", interactionPolicy=_EVERYBODY)
    shown = await scene.at_home(note["id"])
    quote = await scene.alice.post(
        "/api/v1/statuses", status="Look at this", quoted_status_id=shown["id"]
    )
    asked = (await fedify.heard("QuoteRequest", object=note["id"]))["document"]
    stamp = await authorize(scene, quote["uri"], note["id"])
    request = {"id": asked["id"], "type": "QuoteRequest", "actor": scene.alice_uri}
    request |= {"object": note["id"], "instrument": quote["uri"]}
    await fedify.send("Accept", 111, [scene.alice_uri], object=request, result=stamp["id"])
    await quote_is_accepted(scene, quote["id"])
    told = (await fedify.heard("Update", object=quote["uri"]))["document"]["object"]
    assert stamp["id"] in str(told)


async def authorize(scene: Scene, quoting: str, quoted: str) -> Json:
    """Let Fiona serve her consent."""
    stamp = {
        "@context": [
            "https://www.w3.org/ns/activitystreams",
            {
                "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
                "gts": "https://gotosocial.org/ns#",
                "interactingObject": {"@id": "gts:interactingObject", "@type": "@id"},
                "interactionTarget": {"@id": "gts:interactionTarget", "@type": "@id"},
            },
        ],
        "id": f"{scene.fedify.fiona}/authorizations/1",
        "type": "QuoteAuthorization",
        "attributedTo": scene.fedify.fiona,
        "interactingObject": quoting,
        "interactionTarget": quoted,
    }
    await scene.fedify.command("put", document=stamp)
    return stamp


async def quote_is_accepted(scene: Scene, status_id: str) -> Json:
    """Wait until a quote shows what it quotes, and give the status."""

    async def accepted() -> Json | None:
        shown: Json = await scene.alice.get(f"/api/v1/statuses/{status_id}")
        return shown if shown["quote"] and shown["quote"]["state"] == "accepted" else None

    found = await until(accepted)
    assert found is not None
    return found


async def test_quotes_of_ours(scene: Scene) -> None:
    fedify = scene.fedify
    ours = await scene.alice.post("/api/v1/statuses", status="Quote me")
    note = {"type": "Note", "id": f"{fedify.fiona}/notes/120", "attributedTo": fedify.fiona}
    note |= {"content": "<p>Look</p>", "to": PUBLIC, "quote": ours["uri"]}
    await fedify.send("QuoteRequest", 121, [scene.alice_uri], object=ours["uri"], instrument=note)
    accept = (await fedify.heard("Accept", actor=scene.alice_uri, about="QuoteRequest"))["document"]
    read = await fedify.command("lookup", uri=accept["result"])
    assert (read["type"], read["interactionTarget"]) == ("QuoteAuthorization", ours["uri"])
    sent = await fedify.post(
        120, "followers", quote=ours["uri"], quoteAuthorization=accept["result"]
    )
    shown = await quote_is_accepted(scene, (await scene.at_home(sent["id"]))["id"])
    assert shown["quote"]["quoted_status"]["uri"] == ours["uri"]


@pytest.mark.parametrize(
    ("first_knock", "dialect"),
    [("draft-cavage-http-signatures-12", "cavage"), ("rfc9421", "rfc9421")],
)
async def test_signatures_of_theirs(
    database_dsn: str, tmp_path: Path, first_knock: str, dialect: str
) -> None:
    async with start_scene(database_dsn, tmp_path, first_knock) as scene:
        note = await scene.fedify.post(130, "followers")
        await scene.at_home(note["id"])
        assert await scene.fedify.signed("fedify") == {(dialect, 202)}


@pytest.mark.parametrize("dialect", list(Dialect))
async def test_signatures_of_ours(scene: Scene, dialect: Dialect) -> None:
    ctx = scene.alice.instance.ctx
    host = f"localhost:{scene.fedify.port}"
    await scene.fedify.command("forget_requests")
    await ctx.db.execute(REMEMBER_DIALECT, host, str(dialect), ctx.clock.now())
    posted = await scene.alice.post("/api/v1/statuses", status="Signed")
    await scene.fedify.heard("Create", object=posted["uri"])

    async def answered() -> bool:
        return await scene.fedify.signed("us") == {(str(dialect), 202)}

    await until(answered)
