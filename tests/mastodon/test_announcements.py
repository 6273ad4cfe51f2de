"""Announcements: what people are shown, how they dismiss it and react."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from fedserver.errors import NotFound, Refused
from fedserver.services.announcements import NewAnnouncement, announce, publish, withdraw
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture
from tests.waiting import until

PATH = "/api/v1/announcements"


async def shown(here: Here, person: Person) -> list[Any]:
    return list(await here.do("GET", PATH, person))


async def emoji(here: Here, shortcode: str) -> None:
    """Make a custom emoji of ours."""
    await here.execute(
        "INSERT INTO custom_emojis (id, shortcode, image_blob, updated_at)"
        " VALUES ($1, $2, 'cat.png', now())",
        here.next_id(),
        shortcode,
    )


@asynccontextmanager
async def heard(here: Here) -> AsyncIterator[list[Any]]:
    """Give what is signalled meanwhile."""
    signals: list[Any] = []
    async with here.ctx.db.listening(
        ["fedserver_announcements"], lambda _channel, payload: signals.append(orjson.loads(payload))
    ):
        yield signals


async def test_an_announcement_is_complete(here: Here, schema: Schema) -> None:
    ada = await here.person("ada")
    await emoji(here, "party")
    status = await here.post(ada, "The news")
    text = f"Hello @ada and @ghost :party:, see #News at {status['url']} & <b>rest</b>"
    made = await announce(here.ctx, NewAnnouncement(text))
    (one,) = await shown(here, ada)
    schema.check("Announcement", one)
    assert one["id"] == str(made)
    assert [mention["acct"] for mention in one["mentions"]] == ["ada"]
    assert [tag["name"] for tag in one["tags"]] == ["news"]
    assert one["statuses"] == [{"id": status["id"], "url": status["url"]}]
    assert [known["shortcode"] for known in one["emojis"]] == ["party"]
    assert "@ghost" in one["content"]
    assert 'class="mention hashtag"' in one["content"]
    assert "&lt;b&gt;" in one["content"]
    assert (one["read"], one["all_day"], one["reactions"]) == (False, False, [])


async def test_markdown_is_rendered_and_cleaned(here: Here) -> None:
    ada = await here.person("ada")
    text = "**Soon** [more](https://a.example/)\n\n<script>x</script>"
    await announce(here.ctx, NewAnnouncement(text, markdown=True))
    content = (await shown(here, ada))[0]["content"]
    assert "<strong>Soon</strong>" in content
    assert 'href="https://a.example/"' in content
    assert "<script" not in content


async def test_only_what_is_published_and_not_over_is_shown(here: Here) -> None:
    ada, now = await here.person("ada"), here.clock.now()
    draft = await announce(here.ctx, NewAnnouncement("Draft", draft=True))
    begun, ended = now - timedelta(days=2), now - timedelta(hours=1)
    await announce(here.ctx, NewAnnouncement("Over", starts_at=begun, ends_at=ended))
    days = NewAnnouncement("Today", starts_at=begun, ends_at=ended, all_day=True)
    await announce(here.ctx, days)
    assert [one["content"] for one in await shown(here, ada)] == ["<p>Today</p>"]
    assert (await here.refusal("POST", f"{PATH}/{draft}/dismiss", ada))[0] == 404
    assert (await here.refusal("PUT", f"{PATH}/{draft}/reactions/{quote('🎉')}", ada))[0] == 404
    await publish(here.ctx, draft)
    assert len(await shown(here, ada)) == 2
    with pytest.raises(NotFound):
        await publish(here.ctx, draft)


async def test_what_does_not_fit_is_refused(here: Here) -> None:
    now = here.clock.now()
    for wrong in (
        NewAnnouncement("  "),
        NewAnnouncement("x" * 10_001),
        NewAnnouncement("x", starts_at=now),
        NewAnnouncement("x", starts_at=now, ends_at=now - timedelta(days=1)),
    ):
        with pytest.raises(Refused):
            await announce(here.ctx, wrong)
    assert await here.count("announcements") == 0


async def test_each_reads_for_themselves(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    made = await announce(here.ctx, NewAnnouncement("Hello"))
    for _ in range(2):
        assert await here.do("POST", f"{PATH}/{made}/dismiss", ada) == {}
    assert (await shown(here, ada))[0]["read"] is True
    assert (await shown(here, bob))[0]["read"] is False
    assert (await here.refusal("POST", f"{PATH}/77/dismiss", ada))[0] == 404
    assert (await here.send("GET", PATH)).status == 401


async def test_reactions_are_counted(here: Here, schema: Schema) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await emoji(here, "party")
    made = await announce(here.ctx, NewAnnouncement("Hello"))
    reactions = f"{PATH}/{made}/reactions"
    party = quote("🎉")
    for person, name in ((ada, party), (bob, party), (bob, party), (bob, "party")):
        assert await here.do("PUT", f"{reactions}/{name}", person) == {}
        here.clock.move(timedelta(seconds=1))
    found = (await shown(here, ada))[0]["reactions"]
    schema.check_each("Reaction", found)
    assert [one["url"] is None for one in found] == [True, False]
    assert [(one["name"], one["count"], one["me"]) for one in found] == [
        ("🎉", 2, True),
        ("party", 1, False),
    ]
    assert await here.do("DELETE", f"{reactions}/{party}", ada) == {}
    assert (await shown(here, ada))[0]["reactions"][0]["count"] == 1
    assert (await here.refusal("DELETE", f"{reactions}/{party}", ada))[0] == 404


async def test_only_emoji_and_only_eight_kinds(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    made = await announce(here.ctx, NewAnnouncement("Hello"))
    reactions = f"{PATH}/{made}/reactions"
    for wrong in ("hello", "party", "x" * 200):
        status, error = await here.refusal("PUT", f"{reactions}/{wrong}", ada)
        assert (status, error) == (422, "Validation failed: Name is not a recognized emoji")
    kinds = "😀😁😂😃😄😅😆😇"
    for one in kinds:
        await here.do("PUT", f"{reactions}/{quote(one)}", ada)
    status, error = await here.refusal("PUT", f"{reactions}/{quote('🎉')}", bob)
    assert (status, error) == (422, "Validation failed: Limit of different reactions reached")
    await here.do("PUT", f"{reactions}/{quote(kinds[0])}", bob)


async def _reached(signals: list[Any], count: int) -> bool:
    return len(signals) >= count


async def test_what_streams_hear(here: Here) -> None:
    ada = await here.person("ada")
    async with heard(here) as signals:
        made = await announce(here.ctx, NewAnnouncement("Hello"))
        await here.do("PUT", f"{PATH}/{made}/reactions/{quote('🎉')}", ada)
        await here.do("PUT", f"{PATH}/{made}/reactions/{quote('🎉')}", ada)
        await withdraw(here.ctx, made)
        draft = await announce(here.ctx, NewAnnouncement("Draft", draft=True))
        await withdraw(here.ctx, draft)
        with pytest.raises(NotFound):
            await withdraw(here.ctx, draft)
        await until(lambda: _reached(signals, 3))
    assert signals == [
        {"event": "announcement", "id": made},
        {"event": "announcement.reaction", "id": made, "name": "🎉"},
        {"event": "announcement.delete", "id": made},
    ]
