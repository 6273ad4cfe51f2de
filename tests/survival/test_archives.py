"""Archives: of one's account, and those of other servers."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from fedserver.errors import Invalid
from fedserver.survival.archives import container, importing
from fedserver.survival.archives.container import ArchiveReader
from fedserver.survival.archives.importing import Brought, bring_archive
from fedserver.survival.archives.sources import open_archive
from storage.query import Value
from tests.belongings import upload
from tests.conftest import unused_port
from tests.instances import Instance, Person, start_instance
from tests.waiting import until

API = "/api/fedserver/v1"
OLD = "https://old.example/users/ada"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
NOTIFIED = Value("SELECT count(*) FROM notifications", int)
DELIVERIES = Value("SELECT count(*) FROM deliveries", int)
Json = dict[str, Any]


@pytest.fixture
async def there(database_dsn: str, tmp_path: Path) -> AsyncIterator[Instance]:
    async with start_instance(database_dsn, tmp_path / "there", unused_port()) as one:
        yield one


@pytest.fixture
async def here(second_database_dsn: str, tmp_path: Path) -> AsyncIterator[Instance]:
    async with start_instance(second_database_dsn, tmp_path / "here", unused_port()) as one:
        yield one


def zipped(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def tarred(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def picture() -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (16, 8), "green").save(made, "JPEG")
    return made.getvalue()


def note(number: int, **changes: Any) -> Json:
    """A Note as Mastodon has it in its archive."""
    made = {
        "id": f"{OLD}/statuses/{number}",
        "type": "Note",
        "summary": None,
        "inReplyTo": None,
        "published": f"2019-05-0{number}T10:00:00Z",
        "url": f"https://old.example/@ada/{number}",
        "attributedTo": OLD,
        "to": [PUBLIC],
        "cc": [f"{OLD}/followers"],
        "sensitive": False,
        "content": f"<p>Post {number}</p>",
        "attachment": [],
        "tag": [],
    }
    return made | changes


def create(shown: Json) -> Json:
    return {
        "id": f"{shown['id']}/activity",
        "type": "Create",
        "actor": OLD,
        "published": shown["published"],
        "to": shown["to"],
        "cc": shown["cc"],
        "object": shown,
    }


def outbox(*items: Json) -> bytes:
    return json.dumps(
        {"id": "outbox.json", "type": "OrderedCollection", "orderedItems": list(items)}
    ).encode()


ACTOR = json.dumps({"id": OLD, "type": "Person", "followers": f"{OLD}/followers"}).encode()


async def bring(person: Person, archive: bytes, former: str = "") -> Brought:
    steps = bring_archive(person.instance.ctx, person.account_id, io.BytesIO(archive), former)
    return [at async for at in steps][-1]


async def posts_of(person: Person) -> list[Json]:
    found = await person.get(f"/api/v1/accounts/{person.account_id}/statuses", limit="40")
    return list(reversed(found))


async def test_an_archive_comes_back_on_another_instance(there: Instance, here: Instance) -> None:
    ada, bob = await there.person("ada"), await there.person("bob")
    first = await ada.post("/api/v1/statuses", status="Look", media_ids=[await upload(ada)])
    await ada.post(
        "/api/v1/statuses", status="And", in_reply_to_id=first["id"], visibility="private"
    )
    await ada.post("/api/v1/statuses", status="@bob psst", visibility="direct")
    await ada.post(f"/api/v1/accounts/{bob.account_id}/block")
    liked = await bob.post("/api/v1/statuses", status="Nice")
    await ada.post(f"/api/v1/statuses/{liked['id']}/favourite")
    archive = await downloaded(ada)
    reader = ArchiveReader(io.BytesIO(archive))
    assert reader.json("activitypub/likes.json")["orderedItems"] == [liked["uri"]]
    assert len(reader.json("activitypub/outbox.json")["orderedItems"]) == 3
    assert "proof" in reader.json("activitypub/outbox.json")["orderedItems"][0]

    carol = await here.person("carol")
    brought = await bring(carol, archive)
    assert (brought.done, brought.failed) == (2, 1)
    assert dict(brought.reasons) == {"it was for single people": 1}
    root, answer = await posts_of(carol)
    assert (root["created_at"][:19], root["visibility"]) == (first["created_at"][:19], "public")
    assert root["media_attachments"][0]["blurhash"] == first["media_attachments"][0]["blurhash"]
    assert (answer["in_reply_to_id"], answer["visibility"]) == (root["id"], "private")


async def downloaded(person: Person) -> bytes:
    asked = await person.instance.request("POST", f"{API}/archives", token=person.token)
    assert asked.status == 202
    assert asked.body[0]["available"] is False

    async def made() -> Json | None:
        (one,) = await person.get(f"{API}/archives")
        return dict(one) if one["available"] else None

    ready = await until(made)
    assert ready is not None
    instance = person.instance
    url = f"{instance.base_url}{API}/archives/{ready['id']}/file"
    headers = {"Authorization": f"Bearer {person.token}"}
    async with instance.session.get(url, headers=headers) as answer:
        assert answer.status == 200
        content = await answer.read()
    assert len(content) == ready["bytes"]
    other = await instance.person("eve")
    theirs = await instance.request("GET", f"{API}/archives/{ready['id']}/file", token=other.token)
    assert theirs.status == 404
    again = await instance.request("POST", f"{API}/archives", token=person.token)
    assert again.status == 422
    return content


async def test_mastodons_archive(here: Instance) -> None:
    ada, fan = await here.person("ada"), await here.person("fan")
    await fan.post(f"/api/v1/accounts/{ada.account_id}/follow")
    assert await fan.get("/api/v1/timelines/home") == []
    shown = {
        "type": "Document",
        "mediaType": "image/jpeg",
        "url": "media_attachments/files/1/original/cat.jpg",
        "name": "A green cat",
        "focalPoint": [0.5, -0.5],
    }
    warned = note(2, summary="Spoiler", sensitive=True, attachment=[shown])
    hostile = "<p>Hi<script>alert(1)</script> #cats</p>"
    tag = {"type": "Hashtag", "href": "https://old.example/tags/cats", "name": "#cats"}
    items = [
        create(note(1, content=hostile, tag=[tag])),
        create(warned),
        create(note(3, inReplyTo=f"{OLD}/statuses/1", to=[f"{OLD}/followers"], cc=[])),
        {"id": "x", "type": "Announce", "actor": OLD, "object": "https://far.example/1"},
        create(note(4, attributedTo="https://old.example/users/eve")),
        {"type": "Create", "object": 7},
    ]
    files = {
        "actor.json": ACTOR,
        "outbox.json": outbox(*items),
        "media_attachments/files/1/original/cat.jpg": picture(),
    }
    told, sent = await here.ctx.db.value(NOTIFIED), await here.ctx.db.value(DELIVERIES)
    brought = await bring(ada, zipped(files))
    assert (brought.total, brought.done, brought.failed) == (6, 3, 3)
    assert brought.reasons["it is a boost"] == 1
    first, second, third = await posts_of(ada)
    assert first["created_at"] == "2019-05-01T10:00:00.000Z"
    assert "alert" not in first["content"]
    assert [one["name"] for one in first["tags"]] == ["cats"]
    assert (second["spoiler_text"], second["sensitive"]) == ("Spoiler", True)
    media = second["media_attachments"][0]
    assert media["description"] == "A green cat"
    assert media["meta"]["focus"] == {"x": 0.5, "y": -0.5}
    assert (third["in_reply_to_id"], third["visibility"]) == (first["id"], "private")
    # Nobody is told, nothing is sent, and no timeline has it as new.
    assert await here.ctx.db.value(NOTIFIED) == told
    assert await here.ctx.db.value(DELIVERIES) == sent
    assert await fan.get("/api/v1/timelines/home") == []
    # Once more: nothing comes twice, in the older form of the archive either.
    plain = gzip.compress(tarred(files))
    again = await bring(ada, plain)
    assert again.done == 3
    assert len(await posts_of(ada)) == 3


async def test_pixelfeds_files(here: Instance) -> None:
    ada = await here.person("ada")
    later, earlier = note(2), note(1, attachment=[])
    files = {
        "account.json": ACTOR,
        "outbox.json": json.dumps({"data": [later, earlier]}).encode(),
        "following.json": b'["https://old.example/bob", "https://far.example/users/eve"]',
        "muted-and-blocked-accounts.json": b'{"muted": [], "blocked": ["https://far.example/mal"]}',
    }
    source = open_archive(io.BytesIO(zipped(files)))
    assert source.lists == {
        "follows": "bob@old.example\neve@far.example\n",
        "blocks": "mal@far.example\n",
    }
    brought = await bring(ada, zipped(files))
    assert (brought.done, sorted(brought.lists)) == (2, ["blocks", "follows"])
    assert [one["created_at"][:10] for one in await posts_of(ada)] == ["2019-05-01", "2019-05-02"]


async def test_misskeys_notes(here: Instance) -> None:
    ada = await here.person("ada")
    poll = {"choices": ["a", "b"], "votes": [3, 1], "multiple": False, "expiresAt": None}
    base = {"text": "**Bold** words", "visibility": "public", "fileIds": [], "files": []}
    notes = [
        base | {"id": "9a", "createdAt": "2023-01-01T00:00:00.000Z"},
        base | {"id": "9b", "createdAt": "2023-01-02T00:00:00.000Z", "replyId": "9a", "cw": "CW"},
        base | {"id": "9c", "createdAt": "2023-01-03T00:00:00.000Z", "visibility": "home"},
        base | {"id": "9d", "createdAt": "2023-01-04T00:00:00.000Z", "visibility": "followers"},
        base | {"id": "9e", "createdAt": "2023-01-05T00:00:00.000Z", "visibility": "specified"},
        base | {"id": "9f", "createdAt": "2023-01-06T00:00:00.000Z", "poll": poll},
        base | {"id": "9g", "createdAt": "2023-01-07T00:00:00.000Z", "text": None, "renoteId": "x"},
    ]
    archive = json.dumps(notes).encode()
    with pytest.raises(Invalid, match="name the old account"):
        await bring(ada, archive)
    brought = await bring(ada, archive, "@ada@old.example")
    assert (brought.done, brought.failed) == (5, 1), brought.reasons
    found = await posts_of(ada)
    assert [one["visibility"] for one in found] == [
        *("public", "public", "unlisted", "private", "public")
    ]
    assert "<strong>Bold</strong>" in found[0]["content"]
    assert (found[1]["in_reply_to_id"], found[1]["spoiler_text"]) == (found[0]["id"], "CW")
    assert [one["votes_count"] for one in found[4]["poll"]["options"]] == [3, 1]
    assert found[4]["poll"]["expired"] is True


@pytest.mark.parametrize(
    ("files", "kinds"),
    [
        ({"following.csv": b"bob@a.example\n", "blocks.csv": b"x@b.example\n"}, "follows blocks"),
        ({"following-2024-01-01.csv": b"bob@a.example,true\n"}, "follows"),
        ({"account/lists.csv": b"Friends,bob@a.example\n"}, "lists"),
    ],
)
def test_lists_alone_are_read(files: dict[str, bytes], kinds: str) -> None:
    source = open_archive(io.BytesIO(zipped(files)))
    assert set(source.lists) == set(kinds.split())
    assert source.lists.get("follows", "bob@a.example").strip() == "bob@a.example"


async def test_an_archive_handed_in_is_brought_by_the_worker(here: Instance) -> None:
    ada = await here.person("ada")
    files = {"actor.json": ACTOR, "outbox.json": outbox(create(note(1)), create(note(2)))}
    form = aiohttp.FormData()
    form.add_field("data", zipped(files), filename="archive.zip")
    url = f"{here.base_url}{API}/archive_imports"
    headers = {"Authorization": f"Bearer {ada.token}"}
    async with here.session.post(url, data=form, headers=headers) as answer:
        assert answer.status == 202, await answer.text()

    async def finished() -> Json | None:
        (one,) = await ada.get(f"{API}/archive_imports")
        return dict(one) if one["state"] == "finished" else None

    done = await until(finished)
    assert done is not None
    assert (done["done"], done["failed"], done["failure"]) == (2, 0, None)
    # The old addresses find the posts.
    found = await ada.get("/api/v2/search", q=f"{OLD}/statuses/1", resolve="true")
    assert [one["created_at"][:10] for one in found["statuses"]] == ["2019-05-01"]


async def test_blocked_domains_come_beside_all_other_lists(here: Instance) -> None:
    ada = await here.person("ada")
    names = ("following_accounts", "blocked_accounts", "muted_accounts", "bookmarks")
    files = {f"{name}.csv": b"ada@localhost:1\n" for name in names}
    files["lists.csv"] = b"Friends,ada@localhost:1\n"
    files["blocked_domains.csv"] = b"Bad.example\nworse.example\n"
    brought = await bring(ada, zipped(files))
    assert len(brought.lists) == 6

    async def blocked() -> bool:
        return set(await ada.get("/api/v1/domain_blocks")) == {"bad.example", "worse.example"}

    assert await until(blocked)


async def test_bad_posts_are_left_out_and_the_good_ones_come(here: Instance) -> None:
    ada = await here.person("ada")
    bad = [
        note(1, published="0001-01-01T00:00:00Z"),
        note(2, published="9999-12-31T23:59:59Z"),
        note(3, content="a\x00b", summary="\x00"),
        note(4, type="Question", oneOf=[{"type": "Note", "name": "x"}] * 5_000),
        note(5, content="<p>" * 50_000),
        note(6, content=["x"], tag=[{"type": "Hashtag", "name": "#" + "x" * 9_000}] * 50),
        note(7, published="soon"),
        note(8, attachment=[{"type": "Document", "url": "https://[::1", "name": {"x": 1}}]),
    ]
    bad.append(note(8, id=f"{OLD}/statuses/" + "".join(map(str, range(9_000)))))
    items = [{}, {"type": "Create", "object": 5}, *map(create, bad), create(note(9))]
    files = {"actor.json": ACTOR, "outbox.json": outbox(*items)}
    brought = await bring(ada, zipped(files))
    assert brought.done + brought.failed == brought.total == len(items)
    assert sum(brought.reasons.values()) == brought.failed >= 2
    assert "2019-05-09" in [one["created_at"][:10] for one in await posts_of(ada)]
    dates = [datetime.fromisoformat(one["created_at"]) for one in await posts_of(ada)]
    assert max(dates) <= here.ctx.clock.now()


DEEP_ITEM = b'{"orderedItems": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}"


async def test_an_archive_that_breaks_its_readers_fails_and_the_server_lives(
    here: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a surprise")

    ada = await here.person("ada")
    monkeypatch.setattr(importing, "open_archive", broken)
    form = aiohttp.FormData()
    form.add_field("data", zipped({"actor.json": ACTOR}), filename="archive.zip")
    headers = {"Authorization": f"Bearer {ada.token}"}
    url = f"{here.base_url}{API}/archive_imports"
    async with here.session.post(url, data=form, headers=headers) as answer:
        assert answer.status == 202, await answer.text()

    async def failed() -> str | None:
        (one,) = await ada.get(f"{API}/archive_imports")
        return str(one["failure"]) if one["failure"] else None

    assert await until(failed) == "This archive cannot be read"


def bomb() -> bytes:
    return gzip.compress(bytes(1024) * 4096)


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (b"", "not an archive"),
        (b"PK\x03\x04 cut off", "not an archive"),
        (zipped({"readme.txt": b"x"}), "Nothing in this file"),
        (zipped({"actor.json": b"[1]", "outbox.json": outbox()}), "actor.json"),
        (zipped({"actor.json": ACTOR, "outbox.json": b"[" * 100_000}), "cannot be read"),
        (zipped({"actor.json": ACTOR, "outbox.json": DEEP_ITEM}), "cannot be read"),
        (b'{"orderedItems": 5}', "cannot be read"),
        (b"[" * 100_000, "cannot be read|name the old"),
    ],
    ids=[
        "empty",
        "cut off",
        "no posts",
        "no actor",
        "too deep",
        "deep item",
        "no items",
        "deep notes",
    ],
)
def test_what_is_no_archive_is_refused(archive: bytes, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        open_archive(io.BytesIO(archive), "ada@old.example")


@pytest.mark.parametrize("former", ["https://[::1", "ada@[", "x" * 5_000, "https://"])
def test_an_old_account_that_is_none_is_refused(former: str) -> None:
    with pytest.raises(Invalid, match="old account"):
        open_archive(io.BytesIO(b'[{"id": "1", "createdAt": "x", "text": "x"}]'), former)


def test_what_unpacks_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_UNPACKED_BYTES", 1024 * 1024)
    with pytest.raises(Invalid, match="too large"):
        open_archive(io.BytesIO(bomb()))


def test_a_header_as_large_as_the_memory_is_refused() -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("actor.json")
        info.pax_headers = {"comment": "a" * 2_000_000}
        archive.addfile(info)
    with pytest.raises(Invalid, match="header in it is too large"):
        ArchiveReader(io.BytesIO(made.getvalue()))


def test_paths_without_end_cost_nothing() -> None:
    deep = "a/" * 15_000
    files = {"actor.json": ACTOR, "outbox.json": outbox(create(note(1))), f"{deep}x.jpg": b"x"}
    source = open_archive(io.BytesIO(zipped(files)))
    assert source.file_of(f"https://old.example/{deep}x.jpg") is None
    assert source.file_of("https://old.example/x.jpg") is None


def test_links_and_lies_in_an_archive_are_nothing() -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        link = tarfile.TarInfo("media/passwd.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        for name, content in (("actor.json", ACTOR), ("outbox.json", outbox(create(note(1))))):
            info = tarfile.TarInfo(f"../../{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    source = open_archive(io.BytesIO(made.getvalue()))
    assert source.file_of("https://old.example/media/passwd.jpg") is None
    assert len(source.posts()) == 1
