"""Posts that wait for their time."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from fedserver.mastodon import scheduling
from fedserver.workers.scheduled_worker import CLAIM_FOR, post_scheduled
from storage.scheduled import CLAIM_SCHEDULED
from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person, form_with_file, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture

PATH = "/api/v1/scheduled_statuses"
IN_AN_HOUR = timedelta(hours=1)


def later(here: Here, by: timedelta = IN_AN_HOUR) -> str:
    return (here.clock.now() + by).isoformat()


async def schedule(here: Here, person: Person, text: str = "Later", **fields: Any) -> Any:
    return await here.post(person, text, **({"scheduled_at": later(here)} | fields))


async def posted(here: Here, person: Person) -> list[Any]:
    found: list[Any] = await here.do("GET", f"/api/v1/accounts/{person.id}/statuses", person)
    return found


async def run_worker(here: Here) -> int:
    return await post_scheduled(here.ctx, scheduling.post_due)


async def test_a_post_waits_and_then_appears_once(here: Here, schema: Schema) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    root = await here.post(bob)
    form = form_with_file("file", picture(), description="Red")
    media = await here.do("POST", "/api/v2/media", alice, data=form)
    made = await schedule(
        here,
        alice,
        "@bob soon",
        spoiler_text="w",
        visibility="unlisted",
        media_ids=[media["id"]],
        in_reply_to_id=root["id"],
    )
    schema.check("ScheduledStatus", made)
    assert [one["id"] for one in made["media_attachments"]] == [media["id"]]
    assert made["scheduled_at"] == "2026-11-21T09:30:15.123Z"
    assert await here.do("GET", PATH, alice) == [made]
    assert await here.do("GET", f"{PATH}/{made['id']}", alice) == made
    assert await run_worker(here) == 0
    assert await posted(here, alice) == []
    here.clock.move(IN_AN_HOUR)
    assert await run_worker(here) == 1
    [status] = await posted(here, alice)
    assert (status["visibility"], status["spoiler_text"]) == ("unlisted", "w")
    assert status["created_at"] == made["scheduled_at"]
    assert status["in_reply_to_id"] == root["id"]
    assert [one["id"] for one in status["media_attachments"]] == [media["id"]]
    [told] = await here.do("GET", "/api/v1/notifications", bob)
    assert told["status"]["id"] == status["id"]
    assert await here.do("GET", PATH, alice) == []
    assert await run_worker(here) == 0


async def test_a_poll_begins_when_it_appears(here: Here, schema: Schema) -> None:
    alice = await here.person("alice")
    made = await schedule(here, alice, poll={"options": ["a", "b"], "expires_in": 3600})
    schema.check("ScheduledStatus", made)
    assert made["params"]["poll"]["options"] == ["a", "b"]
    here.clock.move(IN_AN_HOUR)
    await run_worker(here)
    [status] = await posted(here, alice)
    assert datetime.fromisoformat(status["poll"]["expires_at"]) > here.clock.now()


async def test_several_processes_post_it_once(here: Here) -> None:
    alice = await here.person("alice")
    await schedule(here, alice)
    here.clock.move(IN_AN_HOUR)
    assert sorted(await asyncio.gather(*(run_worker(here) for _ in range(4)))) == [0, 0, 0, 1]
    assert len(await posted(here, alice)) == 1


async def test_what_a_killed_process_had_claimed_is_posted_by_the_next(here: Here) -> None:
    alice = await here.person("alice")
    await schedule(here, alice)
    here.clock.move(IN_AN_HOUR)
    now = here.clock.now()
    [claimed] = await here.ctx.db.fetch(CLAIM_SCHEDULED, now, now + CLAIM_FOR, 10)
    assert await run_worker(here) == 0
    here.clock.move(CLAIM_FOR)
    assert await run_worker(here) == 1
    await scheduling.post_due(here.ctx, claimed)  # the first was only slow
    assert len(await posted(here, alice)) == 1


async def test_it_is_moved_and_deleted(here: Here) -> None:
    alice, eve = await here.person("alice"), await here.person("eve")
    made = await schedule(here, alice)
    path = f"{PATH}/{made['id']}"
    for method in ("GET", "PUT", "DELETE"):
        assert await here.refusal(method, path, eve) == (404, "Record not found")
    moved = await here.do(
        "PUT", path, alice, data={"scheduled_at": later(here, timedelta(hours=2))}
    )
    assert moved == made | {"scheduled_at": "2026-11-21T10:30:15.123Z"}
    here.clock.move(IN_AN_HOUR)
    assert await run_worker(here) == 0
    assert await here.do("DELETE", path, alice) == {}
    here.clock.move(IN_AN_HOUR)
    assert await run_worker(here) == 0
    assert await posted(here, alice) == []


async def test_too_soon_is_refused_and_the_past_is_now(here: Here) -> None:
    alice = await here.person("alice")
    soon = {"status": "x", "scheduled_at": later(here, timedelta(minutes=5))}
    refused = await here.refusal("POST", "/api/v1/statuses", alice, json=soon)
    text = "Validation failed: Scheduled at The scheduled date must be in the future"
    assert refused == (422, text)
    made = await here.post(alice, "now", scheduled_at=later(here, -IN_AN_HOUR))
    assert made["content"] == "<p>now</p>"
    wrong = {"status": "x", "scheduled_at": "tomorrow"}
    assert (await here.refusal("POST", "/api/v1/statuses", alice, json=wrong))[0] == 422


@pytest.mark.parametrize("fields", [{"status": ""}, {"visibility": "moon"}, {"media_ids": ["7"]}])
async def test_what_could_not_be_posted_now_is_not_kept(here: Here, fields: dict[str, Any]) -> None:
    alice = await here.person("alice")
    body = {"status": "x", "scheduled_at": later(here)} | fields
    assert (await here.refusal("POST", "/api/v1/statuses", alice, json=body))[0] == 422
    assert await here.count("scheduled_statuses") == 0


async def test_there_are_limits_for_a_day_and_in_all(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await here.person("alice")
    monkeypatch.setattr(scheduling, "MOST_A_DAY", 2)
    monkeypatch.setattr(scheduling, "MOST_WAITING", 3)
    for _ in range(2):
        await schedule(here, alice)
    body = {"status": "x", "scheduled_at": later(here)}
    refused = await here.refusal("POST", "/api/v1/statuses", alice, json=body)
    assert refused[1].endswith("You have exceeded the limit of 2 scheduled posts for today")
    await schedule(here, alice, scheduled_at=later(here, timedelta(days=1)))
    body["scheduled_at"] = later(here, timedelta(days=2))
    refused = await here.refusal("POST", "/api/v1/statuses", alice, json=body)
    assert refused[1].endswith("You have exceeded the limit of 3 scheduled posts")


async def test_a_repeated_key_gives_the_same(here: Here) -> None:
    alice = await here.person("alice")
    options = {
        "json": {"status": "x", "scheduled_at": later(here)},
        "headers": {"Idempotency-Key": "k"},
    }
    made = [await here.do("POST", "/api/v1/statuses", alice, **options) for _ in range(2)]
    assert made[0] == made[1]
    assert await here.count("scheduled_statuses") == 1


async def test_what_can_never_be_posted_stays_for_its_author(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    root = await here.post(bob)
    made = await schedule(here, alice, in_reply_to_id=root["id"])
    await here.do("DELETE", f"/api/v1/statuses/{root['id']}", bob)
    here.clock.move(IN_AN_HOUR)
    assert await run_worker(here) == 1
    assert await posted(here, alice) == []
    here.clock.move(CLAIM_FOR)
    assert await run_worker(here) == 0
    assert [one["id"] for one in await here.do("GET", PATH, alice)] == [made["id"]]


async def test_media_wait_with_the_post(here: Here) -> None:
    alice = await here.person("alice")
    form = form_with_file("file", picture())
    media = await here.do("POST", "/api/v2/media", alice, data=form)
    await schedule(here, alice, media_ids=[media["id"]])
    refused = await here.refusal("DELETE", f"/api/v1/media/{media['id']}", alice)
    assert refused == (422, "Media attachment is currently used by a status")
    body = {"status": "x", "scheduled_at": later(here), "media_ids": [media["id"]]}
    assert (await here.refusal("POST", "/api/v1/statuses", alice, json=body))[0] == 422
