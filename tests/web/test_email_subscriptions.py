"""Somebody's public posts by mail: asked for, confirmed, sent and ended."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

import fedserver.mastodon.email_subscriptions
import fedserver.mastodon.statuses  # noqa: F401 - registers its endpoints
from fedserver.config.house_rules import MailConfig
from fedserver.config.settings import DataConfig
from fedserver.services.email_subscriptions import mail_posts_of_next
from fedserver.services.smtp import mail_folder
from fedserver.workers.housekeeping import tidy
from fedserver.workers.mail_worker import send_due
from storage.database import Database
from storage.query import Value
from tests.web_server import Json, Site, serve

SUBSCRIBED = Value("SELECT count(*) FROM email_subscriptions", int)
_LINK = re.compile(r"https?://[^/]+(/email_subscriptions/\S+)")


@pytest.fixture
async def house(db: Database, free_port: int, tmp_path: Path) -> AsyncIterator[Site]:
    async with serve(db, free_port, sections=_mailing(tmp_path)) as site:
        yield site


def _mailing(folder: Path) -> Json:
    return {"data": DataConfig(folder=folder), "mail": MailConfig(subscriptions=True)}


class Author:
    """Alice, who offers her posts by mail."""

    def __init__(self, site: Site, account_id: int, token: str) -> None:
        self.site = site
        self.path = f"/api/v1/accounts/{account_id}/email_subscriptions"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def post(self, text: str, **fields: str) -> None:
        body = {"status": text, **fields}
        made = await self.site.post("/api/v1/statuses", data=body, headers=self._headers)
        assert made.status == 200, made.text


async def author(site: Site) -> Author:
    account_id = await site.user("alice")
    await site.sign_in("alice")
    page = await site.get("/auth/edit")
    form = next(
        number
        for number, part in enumerate(page.text.split("<form")[1:])
        if "email_subscriptions" in part
    )
    told = await site.submit(page, form)
    assert "can get your public posts by mail" in told.text
    token = await site.token(await site.app(), "read write")
    return Author(site, account_id, token)


async def mails(site: Site) -> list[Message]:
    """Send what waits, and give it, oldest first; it is gone then."""
    await send_due(site.ctx)
    found = []
    folder = mail_folder(site.ctx.config)
    for file in sorted(folder.glob("*.eml")) if folder.exists() else []:
        found.append(message_from_bytes(file.read_bytes()))
        file.unlink()
    return found


def body(mail: Message) -> str:
    content = mail.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def link(mail: Message) -> str:
    found = _LINK.search(body(mail))
    assert found is not None
    return found.group(1)


async def subscribed(alice: Author, email: str) -> None:
    assert (await alice.site.post(alice.path, data={"email": email})).status == 200
    (mail,) = await mails(alice.site)
    page = await alice.site.get(link(mail))
    done = await alice.site.submit(page)
    assert "come to" in done.text


async def soon(site: Site) -> list[Message]:
    """Let the minutes pass in which posts are gathered."""
    assert await mail_posts_of_next(site.ctx) == 0
    site.clock.set(site.clock.now() + timedelta(minutes=6))
    await mail_posts_of_next(site.ctx)
    return await mails(site)


async def test_posts_of_some_minutes_come_in_one_mail_and_end_with_one_press(house: Site) -> None:
    alice = await author(house)
    await subscribed(alice, "Reader@Example.org ")
    await alice.post("First words")
    await alice.post("Hidden", visibility="unlisted")
    await alice.post("For friends", visibility="private")
    await alice.post("The twist", spoiler_text="Film")
    (mail,) = await soon(house)
    assert mail["To"] == "reader@example.org"
    assert mail["Subject"] == "2 new posts of alice"
    text = body(mail)
    assert "First words" in text
    assert "Content warning: Film" in text
    for unseen in ("Hidden", "For friends", "The twist"):
        assert unseen not in text
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    ending = link(mail)
    assert ending in mail["List-Unsubscribe"]
    pressed = await house.post(ending, data={"List-Unsubscribe": "One-Click"})
    assert pressed.status == 200
    assert await house.ctx.db.value(SUBSCRIBED) == 0
    await alice.post("Unread")
    assert await soon(house) == []


async def test_one_post_is_the_subject(house: Site) -> None:
    alice = await author(house)
    await subscribed(alice, "reader@example.org")
    await alice.post("Hello\nworld")
    (mail,) = await soon(house)
    assert mail["Subject"] == "alice: Hello world"
    assert (await house.get(link(mail))).status == 200


async def test_nobody_is_written_to_who_did_not_say_yes(house: Site) -> None:
    alice = await author(house)
    await house.post(alice.path, data={"email": "victim@example.org"})
    (asked,) = await mails(house)
    await house.get(link(asked))  # as a scanner of mails does
    await alice.post("Hello")
    assert await soon(house) == []
    house.clock.set(house.clock.now() + timedelta(days=3))
    assert (await house.get(link(asked))).status == 404
    await tidy(house.ctx)
    assert await house.ctx.db.value(SUBSCRIBED) == 0


async def test_whoever_asks_cannot_tell_who_has_subscribed(house: Site) -> None:
    alice = await author(house)
    await subscribed(alice, "reader@example.org")
    again = await house.post(alice.path, data={"email": "reader@example.org"})
    assert (again.status, again.json) == (200, {})
    assert await mails(house) == []


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "x" * 400 + "@example.org"])
async def test_what_is_no_address_is_refused(house: Site, email: str) -> None:
    alice = await author(house)
    refused = await house.post(alice.path, data={"email": email})
    assert refused.status == 422
    assert "details" in refused.json


async def test_who_does_not_offer_it_is_not_found(house: Site, db: Database) -> None:
    bob = await house.user("bob")
    for one in (bob, 12345, "x"):
        path = f"/api/v1/accounts/{one}/email_subscriptions"
        assert (await house.post(path, data={"email": "reader@example.org"})).status == 404


async def test_one_address_is_not_flooded(db: Database, free_port: int, tmp_path: Path) -> None:
    async with serve(db, free_port, rate_limits=True, sections=_mailing(tmp_path)) as site:
        alice = await author(site)
        asked = [await site.post(alice.path, data={"email": "v@example.org"}) for _ in range(6)]
        assert [one.status for one in asked] == [200] * 5 + [429]


async def test_the_account_says_so(house: Site) -> None:
    alice = await author(house)
    account = (await house.get(alice.path.removesuffix("/email_subscriptions"))).json
    assert account["email_subscriptions"] is True
