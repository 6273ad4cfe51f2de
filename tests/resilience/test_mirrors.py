"""Three instances, one is lost: what was public there is read through the two others."""

import hashlib
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from PIL import Image

from activitypub.keys import generate_ed25519_key, multikey_encode
from activitypub.proofs import add_proof
from fedserver.recovery.sealing import CannotOpen, open_sealed, seal
from fedserver.services import proving
from fedserver.services.discover import learn_software
from fedserver.survival.mirrors import bringing, negotiating, takedowns
from fedserver.survival.mirrors.bringing import bring_due
from fedserver.survival.mirrors.partners import PATH
from fedserver.survival.mirrors.target import AsInstance
from fedserver.survival.mirrors.worker import remove_old
from fedserver.workers.acquaintance import learn_host
from storage.query import Command, Value
from tests.instances import Instance, Person
from tests.survival.partners import Fleet, agree, fleet, target, with_recovery_key

Json = dict[str, Any]

KEPT = Value("SELECT uri FROM mirror_objects WHERE body IS NOT NULL ORDER BY uri", str)
BODY = Value("SELECT body FROM mirror_objects WHERE uri = $1", bytes)
SET_BODY = Command("UPDATE mirror_objects SET body = $2 WHERE uri = $1")
EDITED_LATER = Command(
    "UPDATE mirror_objects SET signed_at = signed_at + interval '1 s' WHERE uri = $1"
)
LONG_AGO = Command("UPDATE mirror_chunks SET stored_at = stored_at - interval '2 hours'")
LEAVING = Value("SELECT name FROM mirror_chunks WHERE remove_after IS NOT NULL", str)
BRING_NOW = Command("UPDATE mirror_contracts SET next_try_at = now() - interval '1 second'")
SUSPEND = Command("UPDATE accounts SET suspended_at = now() WHERE uri = $1")


@pytest.fixture
async def ships(
    postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Fleet]:
    monkeypatch.setattr(bringing, "_SETTLED_AFTER", timedelta(0))
    async with fleet(postgres, tmp_path, 3) as found:
        yield found


async def bring(origin: Instance) -> None:
    """Bring all that is new to the mirrors."""
    await origin.ctx.db.execute(BRING_NOW)
    while await bring_due(origin.ctx):
        await origin.ctx.db.execute(BRING_NOW)


async def knows(reader: Person, who: Person) -> None:
    """Somebody elsewhere has heard of a person, and of their server's mirrors."""
    found = await reader.get("/api/v2/search", q=f"@{who.acct}", resolve="true")
    assert [one["acct"] for one in found["accounts"]] == [who.acct]
    await learn_software(reader.instance.ctx, who.instance.domain)


async def search(reader: Person, uri: str) -> list[Any]:
    found = await reader.get("/api/v2/search", q=uri, resolve="true")
    statuses: list[Any] = found["statuses"]
    return statuses


async def ask(reader: Instance, mirror: Instance, path: str) -> tuple[int, bytes]:
    """Ask a mirror as another server of the network does; give status and body."""
    url = f"{mirror.base_url}{PATH}{path}"
    headers = await AsInstance(reader.ctx).headers("GET", url)
    async with reader.session.get(url, headers=headers) as answer:
        return answer.status, await answer.read()


async def status_of(reader: Instance, mirror: Instance, path: str) -> int:
    return (await ask(reader, mirror, path))[0]


async def picture(person: Person, colour: str) -> str:
    """Upload one and give its id."""
    data = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(data, "PNG")
    form = aiohttp.FormData()
    form.add_field("file", data.getvalue(), filename="a.png", content_type="image/png")
    url = f"{person.instance.base_url}/api/v2/media"
    headers = {"Authorization": f"Bearer {person.token}"}
    async with person.instance.session.post(url, data=form, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return str((await answer.json())["id"])


async def test_posts_and_pictures_of_a_lost_instance_are_read_through_the_others(
    ships: Fleet,
) -> None:
    origin, mirror, _ = ships.running
    ada, ben, cleo = [
        await one.person(name)
        for one, name in zip(ships.running, ("ada", "ben", "cleo"), strict=True)
    ]
    shown = await picture(ada, "red")
    posted = await ada.post("/api/v1/statuses", status="I was here", media_ids=[shown])
    later = await ada.post("/api/v1/statuses", status="and here", visibility="unlisted")
    await agree(origin, mirror)
    await bring(origin)
    await knows(cleo, ada)
    await knows(ben, ada)
    await ships.kill(origin)
    for reader in (cleo, ben):
        (status,) = await search(reader, posted["uri"])
        assert (status["uri"], status["account"]["acct"]) == (posted["uri"], ada.acct)
        assert status["content"] == "<p>I was here</p>"
        (status,) = await search(reader, later["uri"])
        assert status["visibility"] == "unlisted"
    for reader in (cleo, ben):
        (status,) = await search(reader, posted["uri"])
        url = status["media_attachments"][0]["url"]
        assert url.startswith(reader.instance.base_url)
        async with reader.instance.session.get(url) as answer:
            assert (answer.status, answer.content_type) == (200, "image/png")
            assert Image.open(io.BytesIO(await answer.read())).size == (40, 30)


async def test_what_is_not_public_never_gets_to_the_mirror(ships: Fleet) -> None:
    origin, mirror, _ = ships.running
    ada, bob = await origin.person("ada"), await origin.person("bob")
    await agree(origin, mirror)
    public = await ada.post("/api/v1/statuses", status="for all")
    await bob.post("/api/v1/statuses", status="canary-bob", visibility="private")
    await ada.post("/api/v1/statuses", status="canary-private", visibility="private")
    await ada.post("/api/v1/statuses", status="@bob canary-direct", visibility="direct")
    secret = await ada.post("/api/v1/statuses", status="canary-gone", visibility="private")
    await ada.delete(f"/api/v1/statuses/{secret['id']}")
    await bring(origin)
    actors = [f"{origin.base_url}/users/{name}" for name in ("ada", "bob")]
    kept = await mirror.ctx.db.values(KEPT)
    assert kept == sorted([*actors, public["uri"]])
    for uri in kept:
        assert b"canary" not in (await mirror.ctx.db.value(BODY, uri) or b"")


async def test_edits_and_deletions_arrive_and_late_ones_change_nothing(ships: Fleet) -> None:
    origin, mirror, other = ships.running
    ada = await origin.person("ada")
    posted = await ada.post("/api/v1/statuses", status="first")
    await agree(origin, mirror)
    await bring(origin)
    first = await mirror.ctx.db.value(BODY, posted["uri"])
    assert first is not None
    await ada.put(f"/api/v1/statuses/{posted['id']}", status="second")
    await bring(origin)
    path = f"/objects?uri={posted['uri']}"
    assert b"<p>second</p>" in (await ask(other, mirror, path))[1]
    await mirror.ctx.db.execute(EDITED_LATER, posted["uri"])  # proofs have whole seconds
    await _bring_by_hand(origin, mirror, orjson.loads(first))
    assert b"<p>second</p>" in (await ask(other, mirror, path))[1]
    await ada.delete(f"/api/v1/statuses/{posted['id']}")
    await bring(origin)
    assert await status_of(other, mirror, path) == 410
    await _bring_by_hand(origin, mirror, orjson.loads(first))
    assert await status_of(other, mirror, path) == 410
    (contract,) = await negotiating.contracts(mirror.ctx)
    actor = await mirror.ctx.db.value(BODY, f"{origin.base_url}/users/ada")
    assert contract.kept_bytes == len(actor or b"")


async def test_file_stays_as_long_as_something_shows_it(ships: Fleet) -> None:
    origin, mirror, other = ships.running
    ada = await origin.person("ada")
    posted = await ada.post(
        "/api/v1/statuses", status="a", media_ids=[await picture(ada, "yellow")]
    )
    await agree(origin, mirror)
    await bring(origin)
    path = f"/media?name={posted['media_attachments'][0]['url'].rpartition('/')[2]}"
    await mirror.ctx.db.execute(LONG_AGO)
    await remove_old(mirror.ctx)
    assert await mirror.ctx.db.values(LEAVING) == []
    await ada.delete(f"/api/v1/statuses/{posted['id']}")
    await bring(origin)
    assert await status_of(other, mirror, path) == 404
    await remove_old(mirror.ctx)
    assert len(await mirror.ctx.db.values(LEAVING)) == 1
    await ada.post("/api/v1/statuses", status="b", media_ids=[await picture(ada, "yellow")])
    await bring(origin)
    assert await mirror.ctx.db.values(LEAVING) == []
    assert await status_of(other, mirror, path) == 200


async def _bring_by_hand(origin: Instance, mirror: Instance, *documents: Any) -> None:
    (contract,) = await origin.ctx.db.fetch(
        bringing.DUE_PARTNERS, origin.ctx.clock.now() + timedelta(days=1), 1
    )
    await bringing._send(origin.ctx, contract, documents)


async def test_mirror_that_tampers_is_not_believed(ships: Fleet) -> None:
    origin, mirror, other = ships.running
    ada, cleo = await origin.person("ada"), await other.person("cleo")
    posted = await ada.post("/api/v1/statuses", status="the truth")
    await agree(origin, mirror)
    await bring(origin)
    await knows(cleo, ada)
    body = await mirror.ctx.db.value(BODY, posted["uri"])
    assert body is not None
    await mirror.ctx.db.execute(SET_BODY, posted["uri"], body.replace(b"truth", b"bluff"))
    await ships.kill(origin)
    assert await status_of(other, mirror, f"/objects?uri={posted['uri']}") == 200
    assert await search(cleo, posted["uri"]) == []


async def test_reader_who_knew_the_instance_learns_an_author_from_it(ships: Fleet) -> None:
    origin, mirror, other = ships.running
    ada, cleo = await origin.person("ada"), await other.person("cleo")
    posted = await ada.post("/api/v1/statuses", status="we never met")
    await agree(origin, mirror)
    await bring(origin)
    await learn_host(other.ctx, origin.domain)
    await ships.kill(origin)
    (status,) = await search(cleo, posted["uri"])
    assert (status["content"], status["account"]["acct"]) == ("<p>we never met</p>", ada.acct)


async def test_reader_who_knew_neither_author_nor_instance_believes_nobody(ships: Fleet) -> None:
    origin, mirror, other = ships.running
    ada, cleo = await origin.person("ada"), await other.person("cleo")
    posted = await ada.post("/api/v1/statuses", status="who am I")
    await agree(origin, mirror)
    await bring(origin)
    await learn_software(other.ctx, origin.domain)
    await ships.kill(origin)
    assert await search(cleo, posted["uri"]) == []


async def test_mirror_cannot_make_up_authors_of_an_instance_that_was_known(ships: Fleet) -> None:
    origin, mirror, other = ships.running
    cleo = await other.person("cleo")
    posted = {}
    for name in ("ada", "bob", "eve"):
        person = await origin.person(name)
        posted[name] = (await person.post("/api/v1/statuses", status="who am I"))["uri"]
    await agree(origin, mirror)
    await bring(origin)
    await learn_host(other.ctx, origin.domain)
    people = f"{origin.base_url}/users"
    await change(mirror, posted["ada"], lambda note: note | {"content": "<p>I am eve</p>"})
    # The mirror makes a key of its own for bob, and signs with that.
    await change(mirror, f"{people}/bob", forged)
    await change(mirror, posted["bob"], forged)
    await change(mirror, f"{people}/eve", lambda one: one | {"proof": one["proof"][:1]})
    await ships.kill(origin)
    assert [await search(cleo, uri) for uri in posted.values()] == [[], [], []]


FORGER = generate_ed25519_key()


def forged(document: Json) -> Json:
    author = document.get("attributedTo") or document["id"]
    bare = {key: value for key, value in document.items() if key != "proof"}
    if "assertionMethod" in bare:
        multikey = multikey_encode(FORGER.public_key())
        bare["assertionMethod"] = [bare["assertionMethod"][0] | {"publicKeyMultibase": multikey}]
    made = datetime.now(UTC)
    signed = add_proof(bare, key_id=f"{author}#ed25519-key", private_key=FORGER, now=made)
    if "assertionMethod" not in bare:
        return signed
    instance = author.partition("/users/")[0] + "/actor#ed25519-key"
    more = add_proof(bare, key_id=instance, private_key=FORGER, now=made)
    return signed | {"proof": [signed["proof"], more["proof"]]}


async def change(mirror: Instance, uri: str, how: Callable[[Json], Json]) -> None:
    """Let a mirror tamper with what it keeps."""
    body = await mirror.ctx.db.value(BODY, uri)
    assert body is not None
    await mirror.ctx.db.execute(SET_BODY, uri, orjson.dumps(how(orjson.loads(body))))


async def test_partner_brings_its_own_only(ships: Fleet) -> None:
    origin, mirror, other = ships.running
    cleo = await other.person("cleo")
    posted = await cleo.post("/api/v1/statuses", status="mine")
    await agree(origin, mirror)
    foreign = (
        await other.request("GET", posted["uri"], headers={"Accept": "application/activity+json"})
    ).body
    await _bring_by_hand(origin, mirror, foreign)
    assert posted["uri"] not in await mirror.ctx.db.values(KEPT)


async def test_only_what_is_public_and_proven_is_kept(ships: Fleet) -> None:
    origin, mirror, _ = ships.running
    ada = await origin.person("ada")
    posted = await ada.post("/api/v1/statuses", status="hello")
    await agree(origin, mirror)
    fetched = {"Accept": "application/activity+json"}
    note = (await origin.request("GET", posted["uri"], headers=fetched)).body
    actor, base = note["attributedTo"], {key: note[key] for key in note if key != "proof"}
    unproven = base | {"id": f"{posted['uri']}1"}
    private = base | {"id": f"{posted['uri']}2", "to": [f"{actor}/followers"], "cc": []}
    now = origin.ctx.clock.now()
    private = await proving.prove_object(origin.ctx, origin.ctx.db, ada.account_id, private, now)
    assert private["proof"]
    await _bring_by_hand(origin, mirror, unproven, private, note)
    assert await mirror.ctx.db.values(KEPT) == [posted["uri"]]


async def test_class_that_was_not_agreed_on_is_refused(ships: Fleet) -> None:
    origin, mirror, _ = ships.running
    ada = await origin.person("ada")
    await ada.post("/api/v1/statuses", status="hello")
    await agree(origin, mirror, classes=["chunks"])
    await bring(origin)
    assert await mirror.ctx.db.values(KEPT) == []
    url = f"{mirror.base_url}{PATH}/media?name={'0' * 64}.png&sha256={'0' * 64}"
    headers = await AsInstance(origin.ctx).headers("PUT", url)
    async with origin.session.put(url, data=b"x", headers=headers) as answer:
        assert answer.status == 403
    assert (await origin.request("GET", "/nodeinfo/2.1")).body["metadata"]["mirrors"] == []


async def test_what_is_taken_down_here_is_not_given_out(ships: Fleet) -> None:
    origin, mirror, other = ships.running
    people = {name: await origin.person(name) for name in ("ada", "bob", "eve", "fay")}
    posts: dict[str, Any] = {}
    asked: dict[str, tuple[str, str]] = {}
    for number, (name, person) in enumerate(people.items()):
        shown = await picture(person, f"#0000{number}0")
        post = await person.post("/api/v1/statuses", status="hello", media_ids=[shown])
        file = post["media_attachments"][0]["url"].rpartition("/")[2]
        posts[name], asked[name] = post, (f"/objects?uri={post['uri']}", f"/media?name={file}")
    await agree(origin, mirror)
    await bring(origin)

    async def given() -> dict[str, set[int]]:
        return {
            name: {await status_of(other, mirror, path) for path in paths}
            for name, paths in asked.items()
        }

    assert await given() == {name: {200} for name in people}
    await takedowns.take_down(mirror.ctx, posts["ada"]["uri"], "the post")
    await takedowns.take_down(mirror.ctx, f"{origin.base_url}/users/bob", "the person")
    await mirror.ctx.db.execute(SUSPEND, f"{origin.base_url}/users/eve")
    gone = {"ada": {404}, "bob": {404}, "eve": {404}}
    assert await given() == {**gone, "fay": {200}}
    for name, person in people.items():
        await person.put(f"/api/v1/statuses/{posts[name]['id']}", status="hello again")
    await bring(origin)
    assert {path: await status_of(other, mirror, path) for path, _ in asked.values()} == {
        asked[name][0]: 200 if name == "fay" else 404 for name in people
    }
    await takedowns.take_down(mirror.ctx, origin.domain, "the host")
    assert await given() == {**gone, "fay": {404}}


async def test_what_there_was_no_room_for_comes_under_new_terms(ships: Fleet) -> None:
    origin, mirror, _ = ships.running
    ada = await origin.person("ada")
    posts = [
        await ada.post("/api/v1/statuses", status=f"{number} " + "x" * 400) for number in range(4)
    ]
    uris = {one["uri"] for one in posts}
    await agree(origin, mirror, quota=9_000)
    await bring(origin)
    kept = uris & set(await mirror.ctx.db.values(KEPT))
    (contract,) = await negotiating.contracts(mirror.ctx)
    assert len(kept) < 4
    assert 0 < contract.kept_bytes <= 9_000
    await agree(origin, mirror)
    await bring(origin)
    assert uris <= set(await mirror.ctx.db.values(KEPT))


async def test_unsigned_requests_get_nothing(ships: Fleet) -> None:
    origin, mirror, _ = ships.running
    ada = await origin.person("ada")
    posted = await ada.post("/api/v1/statuses", status="hello")
    await agree(origin, mirror)
    await bring(origin)
    answer = await mirror.request("GET", f"{PATH}/objects?uri={posted['uri']}")
    assert answer.status == 401


async def test_thief_with_the_mirrors_disk_finds_no_plain_text_in_chunks(ships: Fleet) -> None:
    """What is sealed stays sealed: nothing here opens it, and the mirror holds no key to it."""
    origin, mirror, _ = ships.running
    key = await with_recovery_key(origin)
    await agree(origin, mirror)
    canary = b"canary: token, mail address, direct message"
    await target(origin, mirror).put("base/1", seal(canary * 50, [key.public.recipient]))
    kept = mirror.ctx.config.data.folder
    found = [path.read_bytes() for path in kept.rglob("*") if path.is_file()]
    assert any(data.startswith(b"age-encryption.org/v1") for data in found)
    assert not any(b"canary" in data for data in found)
    (sealed,) = [data for data in found if data.startswith(b"age-encryption.org/v1")]
    other = await with_recovery_key(mirror)
    with pytest.raises(CannotOpen):
        open_sealed(sealed, other.opening)
    assert open_sealed(sealed, key.opening) == canary * 50
    assert hashlib.sha256(sealed).hexdigest() in str(list(kept.rglob("*")))
