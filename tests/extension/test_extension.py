"""The extension API over HTTP: aliases, moving, files out and in, sessions."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from fedserver.effects.importing import import_line
from fedserver.errors import NotFound
from fedserver.secrets import new_token, token_hash
from fedserver.services import users
from fedserver.services.portable_lists import read_entries
from fedserver.workers.housekeeping import IMPORTS_KEPT_FOR
from fedserver.workers.import_worker import import_due
from storage.imports import FORGET_OLD_IMPORTS, ClaimedRow
from storage.oauth import INSERT_APPLICATION, INSERT_TOKEN
from storage.query import Command, Value
from tests.conftest import unused_port
from tests.federation.conftest import PASSWORD, Server, deliver, make_config, serve
from tests.federation.fake_peer import FakePeer, PeerActor, start_peer

FOLLOWED = Value(
    """
    SELECT t.username || ' ' || f.show_reblogs || ' ' || f.notify
    FROM follows f JOIN accounts t ON t.id = f.target_id ORDER BY 1
    """,
    str,
)
BLOCKED = Value("SELECT a.username FROM blocks b JOIN accounts a ON a.id = b.target_id", str)
MUTED = Value(
    """
    SELECT a.username || ' ' || m.hide_notifications
    FROM mutes m JOIN accounts a ON a.id = m.target_id ORDER BY 1
    """,
    str,
)
DOMAINS = Value("SELECT domain FROM user_domain_blocks ORDER BY domain", str)
LISTS = Value("SELECT count(*) FROM lists", int)
DUE_NOW = Command("UPDATE import_rows SET due_at = '2020-01-01' WHERE due_at IS NOT NULL")
API = "/api/fedserver/v1"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str

    @property
    def json(self) -> Any:
        return orjson.loads(self.text)


@dataclass(frozen=True, slots=True)
class Client:
    """A client that alice is signed in with."""

    server: Server
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        url = f"{self.server.base_url}{API}{path}"
        async with self.session.request(method, url, **options) as response:
            return Answer(response.status, await response.text())

    async def bring(self, kind: str, text: str, mode: str = "merge") -> dict[str, Any]:
        """Import a file and do all of its lines; give the import afterwards."""
        fields = {"kind": kind, "mode": mode, "data": text}
        answer = await self.call("POST", "/imports", data=fields)
        assert answer.status == 202, answer.text
        while await import_due(self.server.ctx):
            pass
        shown: dict[str, Any] = (await self.call("GET", f"/imports/{answer.json['id']}")).json
        return shown


@pytest.fixture
async def peer() -> AsyncIterator[FakePeer]:
    async with start_peer(unused_port()) as started:
        yield started


@pytest.fixture
async def server(database_dsn: str, tmp_path: Path, peer: FakePeer) -> AsyncIterator[Server]:
    async with serve(make_config(database_dsn, tmp_path / "here", peer)) as started:
        yield started


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Client]:
    ctx, token, application = server.ctx, new_token(), server.ctx.ids.new()
    now, scopes, uris = ctx.clock.now(), "read write", ["urn:ietf:wg:oauth:2.0:oob"]
    await ctx.db.execute(
        INSERT_APPLICATION, application, "c", token_hash("s"), "App", None, uris, scopes, now
    )
    await ctx.db.execute(
        INSERT_TOKEN, ctx.ids.new(), token_hash(token), application, server.alice.id, scopes, now
    )
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Client(server, session)


@pytest.fixture
def mallory(peer: FakePeer) -> PeerActor:
    return peer.actor("mallory")


async def test_aliases(client: Client, peer: FakePeer, mallory: PeerActor) -> None:
    named = {"account": f"mallory@{peer.host}"}
    assert (await client.call("POST", "/aliases", data=named)).json == {"uri": mallory.uri}
    assert (await client.call("GET", "/aliases")).json == [{"uri": mallory.uri}]
    unknown = await client.call("POST", "/aliases", data={"account": f"nobody@{peer.host}"})
    assert (unknown.status, set(unknown.json)) == (404, {"error"})
    wrong = await client.call("POST", "/aliases", data={"account": "not an account"})
    assert wrong.status == 422
    assert (await client.call("DELETE", "/aliases", data=named)).json == {}
    assert (await client.call("DELETE", "/aliases", data=named)).status == 404
    assert (await client.call("GET", "/aliases")).json == []


async def test_moving_takes_the_password(client: Client, peer: FakePeer) -> None:
    away = peer.actor("away")
    fields = {"account": f"away@{peer.host}"}
    answer = await client.call("POST", "/move", data=fields)
    assert (answer.status, answer.json) == (403, {"error": "The password is not right"})
    answer = await client.call("POST", "/move", data=fields | {"password": PASSWORD})
    assert answer.status == 422
    assert "does not name" in answer.json["error"]
    peer.serve("/users/away", away.document(alsoKnownAs=[client.server.alice.uri]))
    answer = await client.call("POST", "/move", data=fields | {"password": PASSWORD})
    assert answer.json == {"moved_to": away.uri}
    assert (await client.call("DELETE", "/move")).json == {}
    assert (await client.call("DELETE", "/move")).status == 422


async def test_follows_go_out_and_come_in(client: Client, peer: FakePeer) -> None:
    server = client.server
    bob = await users.create_user(server.ctx, "bob", "bob@mail.example", PASSWORD)
    assert bob
    peer.actor("fay")
    text = (
        "Account address,Show boosts,Notify on new posts,Languages\n"
        f"bob@{server.ctx.config.instance.domain},false,true,\n"
        f'fay@{peer.host},true,false,"en, de"\n'
        f"nobody@{peer.host},true,false,\n"
    )
    shown = await client.bring("follows", text)
    assert (shown["state"], shown["total"], shown["done"], shown["failed"]) == ("finished", 3, 2, 1)
    assert await server.ctx.db.values(FOLLOWED) == ["bob false true", "fay true false"]
    failures = await client.call("GET", f"/imports/{shown['id']}/failures")
    assert failures.text.startswith(f"nobody@{peer.host},")
    await deliver(server)
    assert [one.document["type"] for one in peer.received] == ["Follow"]
    exported = await client.call("GET", "/exports/follows")
    lines = exported.text.splitlines()
    assert lines[0] == "Account address,Show boosts,Notify on new posts,Languages"
    assert lines[1].startswith("bob@"), "what was not accepted yet is not exported"
    assert len(lines) == 2


async def test_overwriting_removes_what_is_not_in_the_file(client: Client, peer: FakePeer) -> None:
    server = client.server
    for name in ("bob", "eve"):
        await users.create_user(server.ctx, name, f"{name}@mail.example", PASSWORD)
    domain = server.ctx.config.instance.domain
    await client.bring("follows", f"bob@{domain}")
    await client.bring("blocks", f"eve@{domain}\n")
    assert await server.ctx.db.values(BLOCKED) == ["eve"]
    await client.bring("blocks", f"BOB@{domain}\n", mode="overwrite")
    assert await server.ctx.db.values(BLOCKED) == ["bob"]
    assert await server.ctx.db.values(FOLLOWED) == [], "a block ends the follow"
    await client.bring("mutes", f"Account address,Hide notifications\neve@{domain},false")
    assert await server.ctx.db.values(MUTED) == ["eve false"]
    await client.bring("mutes", f"bob@{domain},true", mode="overwrite")
    assert await server.ctx.db.values(MUTED) == ["bob true"]


async def test_lists_and_bookmarks(client: Client, peer: FakePeer, mallory: PeerActor) -> None:
    await client.bring("lists", f"Friends,mallory@{peer.host}\nWork,mallory@{peer.host}\n")
    exported = await client.call("GET", "/exports/lists")
    assert sorted(exported.text.splitlines()) == [
        f"Friends,mallory@{peer.host}",
        f"Work,mallory@{peer.host}",
    ]
    peer.actor("fay")
    await client.bring("lists", f"New,mallory@{peer.host}\nNew,fay@{peer.host}\n")
    assert await client.server.ctx.db.value(LISTS) == 3, "one list of each name"
    note = mallory.note(7)
    peer.serve("/notes/7", note)
    shown = await client.bring("bookmarks", f"#uri\n{note['id']}\nnonsense\n")
    assert (shown["done"], shown["failed"]) == (1, 1)
    assert (await client.call("GET", "/exports/bookmarks")).text == f"{note['id']}\n"
    await client.bring("lists", f"Work,mallory@{peer.host}\n", mode="overwrite")
    assert (await client.call("GET", "/exports/lists")).text == f"Work,mallory@{peer.host}\n"


async def test_server_that_does_not_answer_is_asked_again(
    client: Client, peer: FakePeer, tmp_path: Path
) -> None:
    server = client.server
    peer.serve(f"/.well-known/webfinger?resource=acct:fay@{peer.host}", b"", status=503)
    shown = await client.bring("follows", f"fay@{peer.host}")
    assert (shown["state"], shown["done"], shown["failed"]) == ("running", 0, 0)
    peer.actor("fay")
    await server.ctx.db.execute(DUE_NOW)
    while await import_due(server.ctx):
        pass
    assert (await client.call("GET", f"/imports/{shown['id']}")).json["done"] == 1


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"kind": "friends", "data": "a@b.example"}, 404),
        ({"kind": "follows", "data": ""}, 422),
        ({"kind": "follows", "data": "a@b.example", "mode": "replace"}, 422),
        ({"kind": "follows", "data": "x" * 3_000}, 422),
        ({"kind": "follows", "data": "a@b.example\n" * 20_001}, 422),
        ({"kind": "lists", "data": "no address"}, 422),
    ],
)
async def test_files_that_are_not_taken(
    client: Client, fields: dict[str, str], status: int
) -> None:
    answer = await client.call("POST", "/imports", data=fields)
    assert (answer.status, set(answer.json)) == (status, {"error"})
    assert (await client.call("GET", "/imports")).json == []


async def test_file_is_uploaded(client: Client) -> None:
    form = aiohttp.FormData({"kind": "blocks"})
    form.add_field("data", b"\xff\xfe\x00", filename="blocks.csv", content_type="text/csv")
    assert (await client.call("POST", "/imports", data=form)).status == 422
    form = aiohttp.FormData({"kind": "blocks"})
    form.add_field("data", b"\xef\xbb\xbfa@b.example", filename="b.csv", content_type="text/csv")
    answer = await client.call("POST", "/imports", data=form)
    assert (answer.status, answer.json["total"]) == (202, 1)


async def test_imports_are_ones_own(client: Client) -> None:
    answer = await client.call("POST", "/imports", data={"kind": "blocks", "data": "a@b.example"})
    server = client.server
    bob = await users.create_user(server.ctx, "bob", "bob@mail.example", PASSWORD)
    token = new_token()
    application = await server.ctx.db.value(Value("SELECT id FROM oauth_applications", int))
    await server.ctx.db.execute(
        INSERT_TOKEN,
        *(server.ctx.ids.new(), token_hash(token), application, bob, "read write"),
        server.ctx.clock.now(),
    )
    headers = {"Authorization": f"Bearer {token}"}
    for path in (f"/imports/{answer.json['id']}", f"/imports/{answer.json['id']}/failures"):
        assert (await client.call("GET", path, headers=headers)).status == 404
    assert (
        await client.call("GET", "/exports/follows", headers={"Authorization": ""})
    ).status == 401


async def test_sessions_are_shown_and_ended(client: Client) -> None:
    shown = (await client.call("GET", "/sessions")).json
    (app,) = shown["applications"]
    assert (app["name"], app["scopes"], app["current"]) == ("App", ["read", "write"], True)
    assert shown["browsers"] == []
    assert (await client.call("DELETE", "/sessions/browsers/1")).status == 404
    gone = await client.call("DELETE", f"/sessions/applications/{app['id']}")
    assert (gone.status, gone.json) == (200, {})
    assert (await client.call("GET", "/sessions")).status == 401


async def test_import_of_who_has_left(server: Server) -> None:
    row = ClaimedRow(1, 12345, "follows", {"name": "a@b.example"}, 1)
    with pytest.raises(NotFound):
        await import_line(server.ctx, row)


async def test_blocked_domains(client: Client, peer: FakePeer, mallory: PeerActor) -> None:
    await client.bring("follows", f"mallory@{peer.host}")
    text = f"#domain\n{peer.host}\nBAD.example\nno domain\n"
    shown = await client.bring("domain_blocks", text)
    assert (shown["done"], shown["failed"]) == (2, 1)
    exported = await client.call("GET", "/exports/domain_blocks")
    assert exported.text == f"{peer.host}\nbad.example\n", "as Mastodon: without a heading"
    await deliver(client.server)
    assert peer.received[-1].document["type"] == "Undo", "the follow has ended"
    await client.bring("domain_blocks", "other.example", mode="overwrite")
    assert await client.server.ctx.db.values(DOMAINS) == ["other.example"]


@pytest.mark.parametrize(
    ("kind", "text", "entries"),
    [
        (
            "blocks",
            "a@b.example\n\n@c@d.example\n",
            [{"name": "a@b.example"}, {"name": "c@d.example"}],
        ),
        ("mutes", "a@b.example", [{"name": "a@b.example", "notifications": True}]),
        (
            "follows",
            "Account address,Notify on new posts\na@b.example,true",
            [{"name": "a@b.example", "reblogs": True, "notify": True, "languages": []}],
        ),
        ("lists", 'Friends,"a@b.example"\nEmpty\n', [{"list": "Friends", "name": "a@b.example"}]),
        ("bookmarks", "https://b.example/1", [{"name": "https://b.example/1"}]),
        ("bookmarks", "#uri\nhttps://b.example/1", [{"name": "https://b.example/1"}]),
        ("domain_blocks", "#domain\nB.example", [{"name": "b.example"}]),
        (
            "lists",
            "List name,Account address\nFriends,a@b.example",
            [{"list": "Friends", "name": "a@b.example"}],
        ),
    ],
)
def test_files_are_read(kind: Any, text: str, entries: list[dict[str, Any]]) -> None:
    assert read_entries(kind, text) == entries


async def test_old_imports_are_forgotten_once_all_is_done(client: Client, peer: FakePeer) -> None:
    ctx = client.server.ctx
    await client.bring("blocks", "no address")
    peer.serve(f"/.well-known/webfinger?resource=acct:fay@{peer.host}", b"", status=503)
    waiting = await client.bring("follows", f"fay@{peer.host}")
    later = ctx.clock.now() + timedelta(days=1)
    assert await ctx.db.execute(FORGET_OLD_IMPORTS, later - IMPORTS_KEPT_FOR) == 0
    assert await ctx.db.execute(FORGET_OLD_IMPORTS, later) == 1
    assert [one["id"] for one in (await client.call("GET", "/imports")).json] == [waiting["id"]]
