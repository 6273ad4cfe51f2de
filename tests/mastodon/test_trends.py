"""Trends, made from our own data and reviewed, over HTTP and a real database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fedserver.config.house_rules import TrendsConfig
from fedserver.errors import Invalid, NotFound
from fedserver.services.trends import list_trends, make_trends, review
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

OFTEN = "/api/v1/trends/statuses"


async def crowd(here: Here, count: int = 4) -> list[Person]:
    people = [await here.person(f"fan{number}") for number in range(count)]
    await here.execute("UPDATE accounts SET discoverable = true")
    return people


async def loved(here: Here, text: str, people: list[Person], **fields: object) -> int:
    """Let the first post and the others favourite it."""
    status = await here.post(people[0], text, **fields)
    for one in people[1:]:
        await here.do("POST", f"/api/v1/statuses/{status['id']}/favourite", one)
    return int(status["id"])


async def trending(here: Here, kind: str, *, after: bool = True) -> None:
    """Make the trends, and let a moderator allow what is there or not."""
    here.clock.move(timedelta(minutes=6))
    assert await make_trends(here.ctx)
    for row in await list_trends(here.ctx, kind):
        name = row.text if kind == "tag" else str(row.id)
        await review(here.ctx, kind, name, allowed=after)


async def test_tags_that_many_use_today(here: Here, schema: Schema) -> None:
    people = await crowd(here)
    for one in people:
        await here.post(one, "#Cats are here")
    for _ in range(5):
        await here.post(people[0], "#alone")
    await trending(here, "tag")
    shown = await here.do("GET", "/api/v1/trends/tags", people[0])
    schema.check_each("Tag", shown)
    assert [one["name"] for one in shown] == ["cats"]
    assert await here.do("GET", "/api/v1/trends", people[0]) == shown
    here.clock.move(timedelta(days=2))
    assert await make_trends(here.ctx)
    assert await here.do("GET", "/api/v1/trends/tags", people[0]) == []


async def test_posts_that_many_like(here: Here, schema: Schema) -> None:
    people = await crowd(here)
    best = await loved(here, "Good", people)
    for fields in ({"visibility": "unlisted"}, {"spoiler_text": "x"}, {"sensitive": True}):
        await loved(here, "Not shown", people, **fields)
    await loved(here, "Too few", people[:2])
    await trending(here, "status")
    reader = await here.person("reader")
    shown = await here.do("GET", OFTEN, reader)
    schema.check_each("Status", shown, absent=frozenset({"text"}))
    assert [int(one["id"]) for one in shown] == [best]
    await here.do("POST", f"/api/v1/accounts/{people[0].id}/block", reader)
    assert await here.do("GET", OFTEN, reader) == []


async def test_who_does_not_want_to_be_found_does_not_trend(here: Here) -> None:
    people = await crowd(here)
    await loved(here, "Quiet", people)
    await here.execute("UPDATE accounts SET discoverable = false WHERE id = $1", people[0].id)
    await trending(here, "status")
    assert await here.do("GET", OFTEN, people[1]) == []


async def test_nothing_is_shown_that_nobody_allowed(here: Here) -> None:
    people = await crowd(here)
    status_id = await loved(here, "Hm", people)
    here.clock.move(timedelta(minutes=6))
    assert await make_trends(here.ctx)
    assert await here.do("GET", OFTEN, people[0]) == []
    await review(here.ctx, "account", people[0].name, allowed=True)
    assert len(await here.do("GET", OFTEN, people[0])) == 1
    await review(here.ctx, "status", str(status_id), allowed=False)
    assert await here.do("GET", OFTEN, people[0]) == []


async def test_review_afterwards(here: Here) -> None:
    after = TrendsConfig(review="after", min_people=1)
    ctx = replace(here.ctx, config=replace(here.ctx.config, trends=after))
    people = await crowd(here, 2)
    await loved(here, "Hm", people)
    assert await make_trends(ctx)
    assert [row.allowed for row in await list_trends(ctx, None)] == [None]


async def test_one_process_at_a_time_makes_them(here: Here) -> None:
    assert await make_trends(here.ctx)
    assert not await make_trends(here.ctx)
    here.clock.move(timedelta(minutes=6))
    assert await make_trends(here.ctx)


async def test_pages_go_by_offset(here: Here) -> None:
    people = await crowd(here)
    ids = [await loved(here, f"Post {number}", people) for number in range(3)]
    await trending(here, "status")
    first = await here.send("GET", f"{OFTEN}?limit=2", people[0])
    assert len(first.body) == 2
    assert first.headers["Link"].startswith("<http://here.test/api/v1/trends/statuses?limit=2")
    assert "offset=2" in first.headers["Link"]
    last = await here.send("GET", f"{OFTEN}?limit=2&offset=2", people[0])
    assert 'rel="next"' not in last.headers["Link"]
    seen = {int(one["id"]) for one in [*first.body, *last.body]}
    assert seen == set(ids)


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [
        ("tag", "nobody", NotFound),
        ("status", "1", NotFound),
        ("status", "x", NotFound),
        ("account", "nobody", NotFound),
        ("account", "nobody@far.test", NotFound),
        ("link", "https://nowhere.test/", NotFound),
        ("song", "x", Invalid),
    ],
)
async def test_review_of_what_is_not_there(
    here: Here, kind: str, name: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await review(here.ctx, kind, name, allowed=True)


async def test_links_that_many_share(here: Here, schema: Schema) -> None:
    people = await crowd(here)
    url = "https://news.test/story"
    await here.execute(
        "INSERT INTO preview_cards (id, url, title, shown, fetched_at)"
        " VALUES (77, $1, 'Story', true, now())",
        url,
    )
    ids = [int((await here.post(one, "Read this"))["id"]) for one in people]
    for status_id in ids:
        await here.execute("INSERT INTO status_cards VALUES ($1, 77)", status_id)
    here.clock.move(timedelta(minutes=6))
    assert await make_trends(here.ctx)
    path = "/api/v1/trends/links"
    timeline = f"/api/v1/timelines/link?url={url}"
    assert await here.do("GET", path, people[0]) == []
    assert (await here.send("GET", timeline, people[0])).status == 404
    await review(here.ctx, "link", url, allowed=True)
    (link,) = await here.do("GET", path, people[0])
    schema.check("TrendsLink", link | {"author_url": url, "provider_url": url, "embed_url": url})
    assert (link["title"], link["history"][0]["accounts"]) == ("Story", "4")
    shown = await here.do("GET", timeline, people[0])
    assert [int(one["id"]) for one in shown] == sorted(ids, reverse=True)
    await here.do("POST", f"/api/v1/accounts/{people[1].id}/mute", people[0])
    assert len(await here.do("GET", timeline, people[0])) == 3
