"""The static copy: what is in it and what is not, that it goes on where it was, and that another
instance still finds people, keys and posts there when the server is gone."""

import asyncio
import hashlib
import io
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import orjson
import pytest
from PIL import Image

from activitypub.keys import did_key, multikey_decode
from fedserver.cli.static_export import pages_of
from fedserver.recovery.statements import check_statement
from fedserver.services import resolve
from fedserver.services.fetch import Budget
from fedserver.survival.static_export import Done, export
from storage.query import Command, Value
from tests.instances import Instance, Person
from tests.survival.partners import Fleet, fleet
from tests.waiting import until

FORGET_KEYS = Command("DELETE FROM actor_keys WHERE identity_uri = $1")
KEYS = Value("SELECT uri FROM actor_keys WHERE identity_uri = $1", str)


@pytest.fixture
async def ships(postgres: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    async with fleet(postgres, tmp_path, 2) as found:
        yield found


async def write_out(instance: Instance, folder: Path) -> Done:
    return await export(instance.ctx, pages_of(instance.ctx), folder, lambda *_: None)


async def with_picture(person: Person, text: str) -> dict[str, str]:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "green").save(data, "PNG")
    form = aiohttp.FormData()
    form.add_field("file", data.getvalue(), filename="a.png", content_type="image/png")
    url = f"{person.instance.base_url}/api/v2/media"
    headers = {"Authorization": f"Bearer {person.token}"}
    async with person.instance.session.post(url, data=form, headers=headers) as answer:
        media = (await answer.json())["id"]
    posted = await person.post("/api/v1/statuses", status=text, media_ids=[media])
    return {**posted, "file": posted["media_attachments"][0]["url"].rpartition("/")[2]}


@asynccontextmanager
async def served(folder: Path, port: int) -> AsyncIterator[None]:
    """Serve a copy with the 40 lines that are in it."""
    arguments = (sys.executable, str(folder / "hosting" / "serve.py"), str(port))
    process = await asyncio.create_subprocess_exec(*arguments, stderr=asyncio.subprocess.DEVNULL)

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(answers)
        yield
    finally:
        process.terminate()
        await process.wait()


async def test_other_instance_finds_people_keys_and_posts_in_the_copy(
    ships: Fleet, tmp_path: Path
) -> None:
    origin, other = ships.running
    ada, cleo = await origin.person("ada"), await other.person("cleo")
    await origin.person("bob")
    known = await ada.post("/api/v1/statuses", status="known before")
    found = await cleo.get("/api/v2/search", q=known["uri"], resolve="true")
    assert len(found["statuses"]) == 1
    posted = await with_picture(ada, "with a picture")
    await write_out(origin, tmp_path / "copy")
    port = origin.ctx.config.server.port
    await ships.kill(origin)
    async with served(tmp_path / "copy", port):
        actor = f"{origin.base_url}/users/ada"
        await other.ctx.db.execute(FORGET_KEYS, actor)
        await resolve.fetch_account(other.ctx, actor, Budget(5))
        keys = await other.ctx.db.values(KEYS, actor)
        assert set(keys) == {f"{actor}#main-key", f"{actor}#ed25519-key"}
        (status,) = (await cleo.get("/api/v2/search", q=posted["uri"], resolve="true"))["statuses"]
        assert status["content"] == "<p>with a picture</p>"
        async with other.session.get(status["media_attachments"][0]["url"]) as picture:
            assert picture.status == 200
        (page,) = (await cleo.get("/api/v2/search", q=posted["url"], resolve="true"))["statuses"]
        assert page["uri"] == posted["uri"]
        people = await cleo.get("/api/v2/search", q=f"@bob@{origin.domain}", resolve="true")
        assert [one["acct"] for one in people["accounts"]] == [f"bob@{origin.domain}"]


async def test_copy_has_what_is_public_and_nothing_else(ships: Fleet, tmp_path: Path) -> None:
    origin, _ = ships.running
    ada = await origin.person("ada")
    posted = await with_picture(ada, "hello world")
    quiet = await ada.post("/api/v1/statuses", status="unlisted too", visibility="unlisted")
    for visibility in ("private", "direct"):
        await ada.post("/api/v1/statuses", status="canary", visibility=visibility)
    folder = tmp_path / "copy"
    done = await write_out(origin, folder)
    assert (done.people, done.posts, done.media) == (1, 2, done.media)
    assert not [
        path for path in folder.rglob("*") if path.is_file() and b"canary" in path.read_bytes()
    ]
    assert b"hello world" in (folder / "@ada" / "index.html").read_bytes()
    for one in (posted, quiet):
        page = folder / "@ada" / one["id"] / "index.html"
        assert b"og:title" in page.read_bytes()
        note = orjson.loads((folder / "users/ada/statuses" / f"{one['id']}.json").read_bytes())
        assert note["id"] == one["uri"]
        assert note["proof"]["verificationMethod"] == f"{origin.base_url}/users/ada#ed25519-key"
    outbox = orjson.loads((folder / "users/ada/outbox.json").read_bytes())
    assert outbox["totalItems"] == 2
    made = orjson.loads((folder / f"users/ada/statuses/{posted['id']}/activity.json").read_bytes())
    assert made["id"] in outbox["orderedItems"]
    feed = (folder / "@ada.atom").read_text("utf-8")
    assert "hello world" in feed
    assert "unlisted too" not in feed
    assert (folder / "media" / posted["file"]).is_file()
    jrd = orjson.loads((folder / ".well-known/webfinger").read_bytes())
    assert jrd["subject"] == f"acct:ada@{origin.domain}"


async def test_manifest_names_every_file_and_is_signed(ships: Fleet, tmp_path: Path) -> None:
    origin, _ = ships.running
    ada = await origin.person("ada")
    await with_picture(ada, "hello")
    folder = tmp_path / "copy"
    await write_out(origin, folder)
    manifest = (folder / "manifest.sha256").read_bytes()
    listed = dict(reversed(line.split("  ")) for line in manifest.decode().splitlines())
    there = {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}
    assert there - listed.keys() == {"manifest.sha256", "manifest.json", ".fedserver-export.jsonl"}
    for path, sha in listed.items():
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == sha, path
    statement = orjson.loads((folder / "manifest.json").read_bytes())
    assert statement["sha256"] == hashlib.sha256(manifest).hexdigest()
    actor = orjson.loads((folder / "actor.json").read_bytes())
    key = did_key(multikey_decode(actor["assertionMethod"][0]["publicKeyMultibase"]))
    assert check_statement(statement, trusted=[key], now=datetime.now(UTC)) == key


async def test_second_run_writes_what_changed_and_removes_what_went(
    ships: Fleet, tmp_path: Path
) -> None:
    origin, _ = ships.running
    ada = await origin.person("ada")
    gone = await with_picture(ada, "goes")
    stays = await ada.post("/api/v1/statuses", status="stays")
    folder = tmp_path / "copy"
    await write_out(origin, folder)
    page = folder / "@ada" / stays["id"] / "index.html"
    before = page.stat().st_mtime_ns
    await ada.delete(f"/api/v1/statuses/{gone['id']}")
    edited = await ada.post("/api/v1/statuses", status="new")
    await write_out(origin, folder)
    assert page.stat().st_mtime_ns == before
    assert not (folder / "@ada" / gone["id"]).exists()
    assert not (folder / f"users/ada/statuses/{gone['id']}.json").exists()
    assert not (folder / "media" / gone["file"]).exists()
    assert (folder / "@ada" / edited["id"] / "index.html").is_file()
    await ada.put(f"/api/v1/statuses/{stays['id']}", status="stays, edited")
    await write_out(origin, folder)
    assert b"stays, edited" in page.read_bytes()


async def test_interrupted_run_goes_on_where_it_was(ships: Fleet, tmp_path: Path) -> None:
    origin, _ = ships.running
    ada = await origin.person("ada")
    posts = [await ada.post("/api/v1/statuses", status=f"post {number}") for number in range(4)]
    folder = tmp_path / "copy"
    pages = pages_of(origin.ctx)
    shown: list[int] = []

    async def post(username: str, status_id: int) -> bytes:
        if len(shown) == 2:
            raise KeyboardInterrupt
        shown.append(status_id)
        return await pages.post(username, status_id)

    def stop(*_: object) -> None:
        return None

    stopped = pages.__class__(pages.front, pages.profile, post, pages.nodeinfo, pages.assets)
    with pytest.raises(KeyboardInterrupt):
        await export(origin.ctx, stopped, folder, stop)
    with (folder / ".fedserver-export.jsonl").open("ab") as journal:
        journal.write(b'{"key": "post:1", "ver')  # killed while it wrote
    shown_again: list[int] = []

    async def count(username: str, status_id: int) -> bytes:
        shown_again.append(status_id)
        return await pages.post(username, status_id)

    going_on = pages.__class__(pages.front, pages.profile, count, pages.nodeinfo, pages.assets)
    await export(origin.ctx, going_on, folder, stop)
    assert {*shown, *shown_again} == {int(one["id"]) for one in posts}
    assert not {*shown} & {*shown_again}


async def test_older_posts_have_pages_that_need_no_query(ships: Fleet, tmp_path: Path) -> None:
    origin, _ = ships.running
    ada = await origin.person("ada")
    for number in range(45):
        await ada.post("/api/v1/statuses", status=f"post-{number}.")
    folder = tmp_path / "copy"
    await write_out(origin, folder)
    seen, place = "", "/@ada/"
    while place:
        page = (folder / place.strip("/") / "index.html").read_text("utf-8")
        seen += page
        older = re.search(r'href="(/@ada/before/\d+/)"', page)
        place = older[1] if older else ""
        assert "max_id" not in page
    assert all(f"post-{number}." in seen for number in range(45))
