"""How the server and its people are found: WebFinger, NodeInfo, capabilities, intents; and how
peers' addresses are believed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from activitypub.origins import host_of
from fedserver.services import resolve
from fedserver.services.fetch import Budget
from storage.accounts import ACCOUNT_BY_URI
from storage.query import Value
from tests.conftest import unused_port
from tests.federation.conftest import PASSWORD, Server, make_config, serve
from tests.federation.fake_peer import ACTIVITY_JSON, PUBLIC, FakePeer, Json, start_peer
from tests.federation.processing import take
from tests.web_server import forms_of, shown_text

SERVICE = "https://www.w3.org/ns/activitystreams#Service"
FOLLOWS = Value("SELECT t.uri FROM follows f JOIN accounts t ON t.id = f.target_id", str)
LIKED = Value("SELECT s.uri FROM favourites f JOIN statuses s ON s.id = f.status_id", str)
POSTED = Value("SELECT visibility || ' ' || source FROM statuses", str)
BOOSTED = Value("SELECT o.uri FROM statuses s JOIN statuses o ON o.id = s.reblog_of_id", str)


async def webfinger(server: Server, peer: FakePeer, resource: str, more: str = "") -> Any:
    url = f"{server.base_url}/.well-known/webfinger?resource={resource}{more}"
    async with peer.session.get(url) as answer:
        assert answer.status == 200, (resource, await answer.text())
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        return await answer.json(content_type=None)


async def test_the_servers_address_leads_to_its_actor(server: Server, peer: FakePeer) -> None:
    for resource in (server.base_url, server.base_url + "/"):
        document = await webfinger(server, peer, resource)
        (link,) = [one for one in document["links"] if one["rel"] == SERVICE]
        assert link["href"] == f"{server.base_url}/actor"
        assert link["type"] == ACTIVITY_JSON
    domain = server.ctx.config.instance.domain
    named = await webfinger(server, peer, f"acct:localhost@{domain}")
    assert {"rel": "self", "type": ACTIVITY_JSON, "href": f"{server.base_url}/actor"} in named[
        "links"
    ]


async def test_links_are_chosen_by_relation(server: Server, peer: FakePeer) -> None:
    document = await webfinger(server, peer, server.base_url, f"&rel={SERVICE.replace('#', '%23')}")
    assert [one["rel"] for one in document["links"]] == [SERVICE]
    both = await webfinger(server, peer, server.alice.uri, "&rel=self&rel=nothing")
    assert [one["rel"] for one in both["links"]] == ["self"]


async def test_intents_have_templates(server: Server, peer: FakePeer) -> None:
    links = (await webfinger(server, peer, server.alice.uri))["links"]
    templates = {one["rel"]: one["template"] for one in links if "template" in one}
    page = f"{server.base_url}/authorize_interaction?uri="
    assert templates == {
        "http://ostatus.org/schema/1.0/subscribe": page + "{uri}",
        "https://w3id.org/fep/3b86/Object": page + "{object}",
        "https://w3id.org/fep/3b86/Follow": page + "{object}&intent=follow",
        "https://w3id.org/fep/3b86/Like": page + "{object}&intent=like",
        "https://w3id.org/fep/3b86/Announce": page + "{object}&intent=announce",
        "https://w3id.org/fep/3b86/Create": f"{server.base_url}/share?text={{content}}",
    }


async def test_nodeinfo_names_the_actor_and_the_staff(server: Server, peer: FakePeer) -> None:
    index = orjson.loads((await peer.get(f"{server.base_url}/.well-known/nodeinfo")).text)
    rel = "https://www.w3.org/ns/activitystreams#Application"
    assert {"rel": rel, "href": f"{server.base_url}/actor"} in index["links"]
    document = orjson.loads((await peer.get(f"{server.base_url}/nodeinfo/2.1")).text)
    assert document["metadata"]["federation"] == {"enabled": True}
    assert document["metadata"]["staffAccounts"] == []


async def test_actors_tell_what_the_server_can_do(server: Server, peer: FakePeer) -> None:
    rfc9421 = "https://datatracker.ietf.org/doc/html/rfc9421"
    instance = orjson.loads((await peer.get(f"{server.base_url}/actor")).text)
    assert rfc9421 in [one["href"] for one in instance["implements"]]
    alice = orjson.loads((await peer.get(server.alice.uri)).text)
    assert alice["generator"]["type"] == "Application"
    assert rfc9421 in [one["href"] for one in alice["generator"]["implements"]]
    assert (alice["webfinger"], alice["indexable"]) == (
        f"alice@{server.ctx.config.instance.domain}",
        False,
    )


# --- peers whose accounts are not on the host of their actors ---


@pytest.fixture
async def names() -> AsyncIterator[FakePeer]:
    """The domain that people are named after; their actors are on `peer`."""
    async with start_peer(unused_port()) as started:
        yield started


@pytest.fixture
async def split(
    database_dsn: str, tmp_path: Path, peer: FakePeer, names: FakePeer
) -> AsyncIterator[Server]:
    async with serve(make_config(database_dsn, tmp_path / "here", peer, names)) as started:
        yield started


def answer_webfinger(peer: FakePeer, asked: str, subject: str, actor: str) -> None:
    links = [{"rel": "self", "type": ACTIVITY_JSON, "href": actor}]
    peer.serve(
        f"/.well-known/webfinger?resource={asked}",
        {"subject": subject, "links": links},
        content_type="application/jrd+json",
    )


async def domain_of(server: Server, uri: str) -> str | None:
    await resolve.account(server.ctx, uri, Budget(10))
    row = await server.ctx.db.one(ACCOUNT_BY_URI, uri)
    assert row is not None
    return row.domain


async def test_the_domain_that_both_confirm_is_shown(
    split: Server, peer: FakePeer, names: FakePeer
) -> None:
    carol = peer.actor("carol")
    named = f"acct:carol@{names.host}"
    answer_webfinger(peer, f"acct:carol@{peer.host}", named, carol.uri)
    answer_webfinger(names, named, named, carol.uri)
    assert await domain_of(split, carol.uri) == names.host


async def test_the_actor_itself_may_name_the_domain(
    split: Server, peer: FakePeer, names: FakePeer
) -> None:
    carol = peer.actor("carol")
    peer.serve("/users/carol", carol.document(webfinger=f"carol@{names.host}"))
    named = f"acct:carol@{names.host}"
    answer_webfinger(names, named, named, carol.uri)
    assert await domain_of(split, carol.uri) == names.host


@pytest.mark.parametrize("by", ["webfinger", "actor"])
async def test_a_domain_that_does_not_confirm_is_not_shown(
    split: Server, peer: FakePeer, names: FakePeer, by: str
) -> None:
    carol, other = peer.actor("carol"), names.actor("carol")
    named = f"acct:carol@{names.host}"
    if by == "actor":
        peer.serve("/users/carol", carol.document(webfinger=f"carol@{names.host}"))
    else:
        answer_webfinger(peer, f"acct:carol@{peer.host}", named, carol.uri)
    answer_webfinger(names, named, named, other.uri)
    assert await domain_of(split, carol.uri) == peer.host


async def test_nobody_takes_anothers_name_by_their_own_on_that_domain(
    split: Server, peer: FakePeer, names: FakePeer
) -> None:
    """Mallory has a name on the domain, and says at home that it is her actor "carol"."""
    carol = peer.actor("carol")
    named = f"acct:mallory@{names.host}"
    answer_webfinger(peer, f"acct:carol@{peer.host}", named, carol.uri)
    answer_webfinger(names, named, named, carol.uri)
    peer.serve("/users/carol", carol.document(webfinger=f"mallory@{names.host}"))
    assert await domain_of(split, carol.uri) == peer.host
    assert host_of(carol.uri) == peer.host


async def test_ids_may_be_addresses(server: Server, peer: FakePeer) -> None:
    mallory = peer.actor("mallory")
    me = f"acct:alice@{server.ctx.config.instance.domain}"
    follow = mallory.activity("Follow", 1, object=me, to=me)
    assert (await take(server, peer, mallory, follow)).outcome == "done"
    assert await server.ctx.db.values(FOLLOWS) == [server.alice.uri]
    tag: Json = {"type": "Mention", "href": me, "name": "@alice"}
    note = mallory.note(1, to=[PUBLIC], cc=me, tag=tag)
    create = mallory.create(2, object=note, cc=[me])
    assert (await take(server, peer, mallory, create)).outcome == "done"
    mentioned = Value("SELECT count(*) FROM mentions WHERE NOT silent", int)
    assert await server.ctx.db.value(mentioned) == 1


# --- the page of intents ---


@pytest.fixture
async def browser(server: Server) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Accept": "text/html"}
    async with aiohttp.ClientSession(server.base_url, headers=headers) as session:
        yield session


async def page(browser: aiohttp.ClientSession, uri: str, **more: str) -> tuple[int, str]:
    async with browser.get("/authorize_interaction", params={"uri": uri} | more) as answer:
        return answer.status, await answer.text()


async def submit(browser: aiohttp.ClientSession, page: str, number: int = 0, /, **more: str) -> int:
    action, fields = forms_of(page)[number]
    async with browser.post(action, data=fields | more) as answer:
        return answer.status


async def sign_in(browser: aiohttp.ClientSession) -> None:
    async with browser.get("/auth/sign_in") as answer:
        text = await answer.text()
    assert await submit(browser, text, email="alice", password=PASSWORD) == 200


async def test_who_is_not_signed_in_comes_back_afterwards(
    server: Server, peer: FakePeer, browser: aiohttp.ClientSession
) -> None:
    mallory = peer.actor("mallory")
    status, text = await page(browser, mallory.uri)
    assert status == 200
    assert "Sign in" in shown_text(text)
    assert peer.asked == [], "strangers make us fetch nothing"
    action, fields = forms_of(text)[0]
    filled = fields | {"email": "alice", "password": PASSWORD}
    async with browser.post(action, data=filled) as answer:
        assert "@mallory" in shown_text(await answer.text())


async def test_following_somebody_elsewhere(
    server: Server, peer: FakePeer, browser: aiohttp.ClientSession
) -> None:
    mallory = peer.actor("mallory")
    await sign_in(browser)
    for uri in (mallory.uri, f"acct:mallory@{peer.host}", f"@mallory@{peer.host}"):
        status, text = await page(browser, uri, intent="follow")
        assert status == 200, uri
    assert await server.ctx.db.values(FOLLOWS) == [], "a link alone does nothing"
    assert await submit(browser, text, form_token="x") == 403
    assert await submit(browser, text) == 200
    assert await server.ctx.db.values(FOLLOWS) == [mallory.uri]


async def test_liking_and_boosting_a_post_elsewhere(
    server: Server, peer: FakePeer, browser: aiohttp.ClientSession
) -> None:
    mallory = peer.actor("mallory")
    note = mallory.note(1, content="<p>Look <script>alert(1)</script>here</p>")
    peer.serve("/notes/1", note)
    await sign_in(browser)
    status, text = await page(browser, note["id"])
    assert status == 200
    assert "<script" not in text
    assert "Favourite" in text
    assert await submit(browser, text, 0) == 200
    assert await submit(browser, text, 1) == 200
    assert await server.ctx.db.values(LIKED) == [note["id"]]
    assert await server.ctx.db.values(BOOSTED) == [note["id"]]
    _, only = await page(browser, note["id"], intent="Like")
    assert len(forms_of(only)) == 1


@pytest.mark.parametrize("uri", ["", "x", "javascript:alert(1)", "acct:nobody@"])
async def test_what_leads_nowhere(server: Server, browser: aiohttp.ClientSession, uri: str) -> None:
    await sign_in(browser)
    assert (await page(browser, uri))[0] == 404


async def test_sharing_what_another_site_gives(
    server: Server, browser: aiohttp.ClientSession
) -> None:
    query = {"text": "Look & <b>read</b>", "url": "https://news.test/1"}
    async with browser.get("/share", params=query) as answer:
        asked = await answer.text()
    action, fields = forms_of(asked)[0]
    filled = fields | {"email": "alice", "password": PASSWORD}
    async with browser.post(action, data=filled) as answer:
        shown = await answer.text()
    assert "Look &amp; &lt;b&gt;read&lt;/b&gt; https://news.test/1" in shown
    assert await server.ctx.db.values(POSTED) == [], "a link alone does nothing"
    assert await submit(browser, shown, text="x", form_token="x") == 403
    assert await submit(browser, shown, text="x" * 501) == 422
    assert await submit(browser, shown, text="x", visibility="direct") == 403
    assert await submit(browser, shown, text="Read this", visibility="unlisted") == 200
    assert await server.ctx.db.values(POSTED) == ["unlisted Read this"]
