"""A day of a user with Mastodon.py, a real client library, against running servers."""

import asyncio
import io
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from mastodon import Mastodon
from PIL import Image

from tests.clients.browser import Browser, shown_code
from tests.conftest import unused_port
from tests.instances import PASSWORD, Instance, start_instance
from tests.waiting import until

SCOPES = ["read", "write", "follow", "push"]


@pytest.fixture
async def instances(
    database_dsn: str, second_database_dsn: str, tmp_path: Path
) -> AsyncIterator[tuple[Instance, Instance]]:
    here, there = unused_port(), unused_port()
    async with (
        start_instance(database_dsn, tmp_path / "here", here, peers=(there,)) as one,
        start_instance(second_database_dsn, tmp_path / "there", there, peers=(here,)) as other,
    ):
        yield one, other


def sign_in(base_url: str, email: str) -> Mastodon:
    """Register an app, sign in on the real page, and exchange the code, as a person would."""
    client_id, secret = Mastodon.create_app("Day", scopes=SCOPES, api_base_url=base_url)
    client = Mastodon(client_id=client_id, client_secret=secret, api_base_url=base_url)
    browser = Browser()
    page = browser.open(client.auth_request_url(scopes=SCOPES, allow_http=True))
    page = browser.submit(page, email=email, password=PASSWORD)
    page = browser.submit(page)
    client.log_in(code=shown_code(page), scopes=SCOPES, allow_http=True)
    return client


async def test_a_day(instances: tuple[Instance, Instance]) -> None:
    one, other = instances
    ann, zoe = await one.person("ann"), await other.person("zoe")
    client = await asyncio.to_thread(sign_in, one.base_url, "ann@mail.example")
    await asyncio.to_thread(morning, client)
    account = await asyncio.to_thread(find, client, zoe.acct)
    await asyncio.to_thread(client.account_follow, account["id"])

    async def following() -> bool:
        relations = await asyncio.to_thread(client.account_relationships, account["id"])
        return bool(relations[0]["following"])

    await until(following)
    posted = await zoe.post("/api/v1/statuses", status=f"Good day @{ann.acct} #morning")
    shown = await until(lambda: asyncio.to_thread(home_status, client, posted["uri"]))
    await asyncio.to_thread(react, client, shown)
    await asyncio.to_thread(write, client)
    await asyncio.to_thread(look_around, client, account["id"])
    await asyncio.to_thread(evening, client, account["id"])


def morning(client: Mastodon) -> None:
    """Start the app: who am I, where am I, how do I look."""
    me = client.account_verify_credentials()
    assert me["username"] == "ann"
    assert me["display_name"] == ""
    assert client.instance_v1()["uri"] == client.instance_v2()["domain"]
    assert client.instance_nodeinfo()["software"]["name"] == "fedserver"
    changed = client.account_update_credentials(
        display_name="Ann", note="I like #days", fields=[("Site", "https://ann.example")]
    )
    assert changed["display_name"] == "Ann"
    assert changed["fields"][0]["name"] == "Site"
    with_face = client.account_update_credentials(avatar=png(), avatar_mime_type="image/png")
    assert "missing" not in with_face["avatar"]


def find(client: Mastodon, acct: str) -> Any:
    found = client.search_v2(f"@{acct}", result_type="accounts", resolve=True)
    assert found["accounts"][0]["acct"] == acct
    return client.account_lookup(acct)


def home_status(client: Mastodon, uri: str) -> Any:
    return next((status for status in client.timeline_home() if status["uri"] == uri), None)


def react(client: Mastodon, status: Any) -> None:
    """Answer, favourite, boost and bookmark what arrived, and take most of it back."""
    told = client.notifications(types=["mention"])
    assert told[0]["status"]["id"] == status["id"]
    assert client.notifications(id=told[0]["id"])["type"] == "mention"
    reply = client.status_reply(status, "Good day to you!")
    assert client.status_context(status["id"])["descendants"][0]["id"] == reply["id"]
    assert client.status_favourite(status["id"])["favourited"]
    assert client.favourites()[0]["id"] == status["id"]
    assert client.status_favourited_by(status["id"])[0]["username"] == "ann"
    boost = client.status_reblog(status["id"])
    assert boost["reblog"]["id"] == status["id"] != boost["id"]
    assert client.status_reblogged_by(status["id"])[0]["username"] == "ann"
    assert client.status_bookmark(status["id"])["bookmarked"]
    assert client.bookmarks()[0]["id"] == status["id"]
    assert not client.status_unfavourite(status["id"])["favourited"]
    assert not client.status_unreblog(status["id"])["reblogged"]
    assert not client.status_unbookmark(status["id"])["bookmarked"]


def write(client: Mastodon) -> None:
    """Post with a picture, with a poll, twice with one key; edit and delete."""
    picture = client.media_post(png(), mime_type="image/png", description="a square")
    picture = client.media_update(picture["id"], description="a red square", focus=(0.5, -0.5))
    assert client.media(picture["id"])["description"] == "a red square"
    with_picture = client.status_post("Look", media_ids=[picture["id"]], sensitive=True)
    assert with_picture["media_attachments"][0]["description"] == "a red square"

    poll = client.make_poll(["yes", "no"], expires_in=600, multiple=True)
    asked = client.status_post("Well?", poll=poll, language="en", visibility="unlisted")
    assert client.poll(asked["poll"]["id"])["options"][1]["title"] == "no"

    key = str(uuid.uuid4())
    once = client.status_post("Only once", idempotency_key=key)
    assert client.status_post("Only once", idempotency_key=key)["id"] == once["id"]
    edited = client.status_update(once["id"], "Only once, but better")
    assert edited["edited_at"] is not None
    assert client.status_source(once["id"])["text"] == "Only once, but better"
    assert [one["content"] for one in client.status_history(once["id"])] == [
        "<p>Only once</p>",
        "<p>Only once, but better</p>",
    ]
    assert client.status_delete(once["id"])["text"] == "Only once, but better"
    direct = client.status_post("For me alone", visibility="direct")
    assert client.status(direct["id"])["visibility"] == "direct"


def look_around(client: Mastodon, account_id: int) -> None:
    """Timelines, profiles and their lists, page by page."""
    mine = client.account_verify_credentials()["id"]
    for number in range(5):
        client.status_post(f"Number {number} #counting", visibility="public")
    page = client.timeline_public(limit=2)
    assert len(page) == 2
    assert len(client.fetch_remaining(page)) >= 5
    assert len(client.timeline_local()) >= 5
    assert len(client.timeline_hashtag("counting")) == 5
    assert client.account(account_id)["username"] == "zoe"
    assert len(client.account_statuses(mine, limit=3)) == 3
    assert client.account_statuses(account_id)
    assert client.account_following(mine)[0]["id"] == account_id
    assert client.account_followers(account_id)[0]["id"] == mine
    assert client.account_search("zoe")[0]["id"] == account_id
    assert client.custom_emojis() == []
    assert client.app_verify_credentials()["name"] == "Day"


def evening(client: Mastodon, account_id: int) -> None:
    """Enough of somebody: mute, block, and back; then sign out."""
    assert client.account_mute(account_id, duration=3600)["muting"]
    assert not client.account_unmute(account_id)["muting"]
    assert client.account_block(account_id)["blocking"]
    assert not client.account_unblock(account_id)["blocking"]
    assert not client.account_unfollow(account_id)["following"]
    client.revoke_access_token(allow_http=True)


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, "PNG")
    return file.getvalue()
