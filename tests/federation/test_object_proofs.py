"""What is public counts by itself, wherever it comes from: objects and actors bear proofs of their
own, in activities and at their own addresses."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from activitypub.jsonld import compact
from activitypub.keys import multikey_decode
from activitypub.proofs import read_proof, verify_proof
from storage.query import Value
from tests.conftest import unused_port
from tests.instances import Person, start_instance

Json = dict[str, Any]

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
ACTIVITY = {"Accept": "application/activity+json"}
DOCUMENTS = Value("SELECT document FROM outbox_activities ORDER BY id", bytes)


@pytest.fixture
async def alice(database_dsn: str, tmp_path: Path) -> AsyncIterator[Person]:
    async with start_instance(database_dsn, tmp_path / "whole", unused_port()) as instance:
        yield await instance.person("alice")


async def read(alice: Person, uri: str) -> Json:
    answer = await alice.instance.request("GET", uri, headers=ACTIVITY)
    assert answer.status == 200, answer
    found: Json = answer.body
    return found


async def sent(alice: Person) -> list[Json]:
    return [orjson.loads(one) for one in await alice.instance.ctx.db.values(DOCUMENTS)]


async def verify(alice: Person, document: Json) -> None:
    """Check the proof of a document with the key that alice's actor shows, and with no more."""
    actor = await read(alice, f"{alice.instance.base_url}/users/alice")
    (multikey,) = actor["assertionMethod"]
    claim = read_proof(document, now=datetime.now(UTC))
    assert claim.verification_method == multikey["id"]
    verify_proof(claim, multikey_decode(multikey["publicKeyMultibase"]))


async def test_embedded_note_and_note_at_its_address_are_each_proven(alice: Person) -> None:
    posted = await alice.post("/api/v1/statuses", status="Hello ☺ #tag", visibility="public")
    (created,) = await sent(alice)
    await verify(alice, created)
    await verify(alice, created["object"])
    shown = await read(alice, posted["uri"])
    await verify(alice, shown)
    assert await read(alice, posted["uri"]) == shown
    assert {key: created["object"][key] for key in ("id", "content", "published")} == {
        key: shown[key] for key in ("id", "content", "published")
    }


async def test_edit_is_proven_anew(alice: Person) -> None:
    posted = await alice.post("/api/v1/statuses", status="Hello", visibility="public")
    before = await read(alice, posted["uri"])
    await alice.put(f"/api/v1/statuses/{posted['id']}", status="Hello again")
    after = await read(alice, posted["uri"])
    await verify(alice, after)
    assert after["proof"]["created"] >= before["proof"]["created"]
    with pytest.raises(Exception, match="does not verify"):
        await verify(alice, after | {"content": before["content"]})


@pytest.mark.parametrize("visibility", ["private", "direct"])
async def test_private_note_has_no_proof_anywhere(alice: Person, visibility: str) -> None:
    await alice.post("/api/v1/statuses", status="psst", visibility=visibility)
    (created,) = await sent(alice)
    assert "proof" not in created
    assert "proof" not in created["object"]
    assert "@context" not in created["object"]


async def test_actors_are_proven(alice: Person) -> None:
    base = alice.instance.base_url
    await verify(alice, await read(alice, f"{base}/users/alice"))
    instance = await read(alice, f"{base}/actor")
    (multikey,) = instance["assertionMethod"]
    claim = read_proof(instance, now=datetime.now(UTC))
    verify_proof(claim, multikey_decode(multikey["publicKeyMultibase"]))


async def test_everything_public_that_is_sent_has_a_proof(alice: Person) -> None:
    """A life's worth of kinds; whatever is for Public is proven, and so is what it embeds."""
    bob = await alice.instance.person("bob")
    post = await alice.post("/api/v1/statuses", status="One", visibility="public")
    of_bob = await bob.post("/api/v1/statuses", status="Two", visibility="public")
    await alice.put(f"/api/v1/statuses/{post['id']}", status="One and a half")
    await alice.post(f"/api/v1/statuses/{of_bob['id']}/reblog")
    await alice.post(f"/api/v1/statuses/{of_bob['id']}/unreblog")
    await alice.post(f"/api/v1/statuses/{post['id']}/pin")
    await alice.do("PATCH", "/api/v1/accounts/update_credentials", display_name="Alice")
    await alice.post("/api/v1/featured_tags", name="cats")
    poll = {"options": ["a", "b"], "expires_in": 3600}
    await alice.post("/api/v1/statuses", status="Which?", poll=poll)
    await alice.delete(f"/api/v1/statuses/{post['id']}")
    kinds = set()
    for activity in await sent(alice):
        if "alice" not in activity["actor"]:
            continue
        kinds.add(activity["type"])
        assert PUBLIC in (*activity.get("to", ()), *activity.get("cc", ())), activity
        await verify(alice, activity)
        inner = activity.get("object")
        if isinstance(inner, dict) and activity["type"] in ("Create", "Update"):
            await verify(alice, inner)
    assert kinds >= {"Create", "Update", "Announce", "Undo", "Add", "Delete"}


async def test_context_within_a_context_says_nothing_else_to_a_json_ld_reader(
    alice: Person,
) -> None:
    await alice.post("/api/v1/statuses", status="Hello #tag", visibility="public")
    (created,) = await sent(alice)
    flat = created | {
        "object": {
            key: v for key, v in created["object"].items() if key not in ("@context", "proof")
        }
    }
    nested = compact(created)
    del nested["object"]["sec:proof"]
    assert nested["object"] == compact(flat)["object"]
