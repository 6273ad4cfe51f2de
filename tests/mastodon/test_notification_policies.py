"""What is accepted, kept apart or dropped; requests, and what accepting and dismissing does."""

from datetime import timedelta
from typing import Any

import pytest

from tests.mastodon.conftest import Schema
from tests.mastodon.world import START
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture
from tests.waiting import until

FLAT = "/api/v1/notifications"
GROUPED = "/api/v2/notifications"
POLICY = "/api/v2/notifications/policy"
REQUESTS = "/api/v1/notifications/requests"
# The policy's default beside the setting under test.
OPEN = {"for_private_mentions": "accept", "for_limited_accounts": "accept"}


async def told(here: Here, person: Person, **params: Any) -> list[str]:
    """Give the types of the notifications that somebody is shown."""
    return [one["type"] for one in await here.do("GET", FLAT, person, params=params)]


async def say(here: Here, person: Person, **policy: str) -> None:
    await here.do("PATCH", POLICY, person, json={**OPEN, **policy})


async def follow(here: Here, follower: Person, target: Person, *, days_ago: int = 0) -> None:
    await here.follow(follower.id, target.id)
    await here.execute(
        "UPDATE follows SET accepted_at = $3 WHERE account_id = $1 AND target_id = $2",
        follower.id,
        target.id,
        here.clock.now() - timedelta(days=days_ago),
    )


async def test_the_policy_is_shown_and_changed_in_both_forms(here: Here, schema: Schema) -> None:
    ada = await here.person("ada")
    first = await here.do("GET", POLICY, ada)
    schema.check("NotificationPolicy", first)
    assert first.pop("summary") == {"pending_requests_count": 0, "pending_notifications_count": 0}
    assert first == {
        "for_not_following": "accept",
        "for_not_followers": "accept",
        "for_new_accounts": "accept",
        "for_private_mentions": "filter",
        "for_limited_accounts": "filter",
        "for_bots": "accept",
    }
    changed = await here.do("PATCH", POLICY, ada, json={"for_bots": "drop"})
    assert (changed["for_bots"], changed["for_limited_accounts"]) == ("drop", "filter")
    changed = await here.do("PUT", POLICY, ada, data={"for_new_accounts": "filter"})
    assert (changed["for_bots"], changed["for_new_accounts"]) == ("drop", "filter")
    old = await here.do("GET", "/api/v1/notifications/policy", ada)
    schema.check("V1NotificationPolicy", old)
    assert (old["filter_bots"], old["filter_not_following"]) == (True, False)
    changes = {"filter_private_mentions": "0", "filter_not_following": "true"}
    old = await here.do("PUT", "/api/v1/notifications/policy", ada, data=changes)
    assert (old["filter_private_mentions"], old["filter_not_following"]) == (False, True)
    new = await here.do("GET", POLICY, ada)
    assert (new["for_private_mentions"], new["for_not_following"]) == ("accept", "filter")
    assert new["for_bots"] == "drop", "what was left out stays"
    assert (await here.refusal("PATCH", POLICY, ada, json={"for_bots": "burn"}))[0] == 422


@pytest.mark.parametrize("rule", ["filter", "drop"])
@pytest.mark.parametrize(
    "setting", ["not_following", "not_followers", "new_accounts", "limited_accounts", "bots"]
)
async def test_each_setting_keeps_apart_or_drops(here: Here, setting: str, rule: str) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await say(here, ada, **{f"for_{setting}": rule})
    changes = {
        "limited_accounts": "silenced_at = now()",
        "bots": "actor_type = 'Service'",
        "new_accounts": f"created_at = '{here.clock.now() - timedelta(days=29)}'",
    }
    if setting in changes:
        await here.execute(f"UPDATE accounts SET {changes[setting]} WHERE id = $1", bob.id)
    await here.post(bob, "Hello @ada")
    assert await told(here, ada) == []
    kept = ["mention"] if rule == "filter" else []
    assert await told(here, ada, include_filtered="true") == kept
    assert await told(here, ada, account_id=str(bob.id)) == kept
    assert [one["type"] for one in (await grouped(here, ada, include_filtered="true"))] == kept

    if setting == "not_followers":
        await follow(here, bob, ada, days_ago=2)
        await here.post(bob, "Followed of late @ada")
        assert await told(here, ada) == [], "not yet for long enough"
        await here.execute("DELETE FROM follows")
        await follow(here, bob, ada, days_ago=4)
    else:
        await follow(here, ada, bob)
    await here.post(bob, "Hello again @ada")
    assert await told(here, ada) == ["mention"]


async def grouped(here: Here, person: Person, **params: Any) -> list[dict[str, Any]]:
    shown = await here.do("GET", GROUPED, person, params=params)
    return list(shown["notification_groups"])


async def test_old_accounts_are_not_new(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await say(here, ada, for_new_accounts="filter")
    await here.execute(
        "UPDATE accounts SET created_at = $2 WHERE id = $1",
        bob.id,
        here.clock.now() - timedelta(days=31),
    )
    await here.post(bob, "Hello @ada")
    assert await told(here, ada) == ["mention"]


async def test_a_drop_weighs_more_than_a_filter(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await say(here, ada, for_not_following="filter", for_not_followers="drop")
    await here.post(bob, "Hello @ada")
    assert await told(here, ada, include_filtered="true") == []


async def test_private_mentions_of_strangers_wait_unless_they_answer(here: Here) -> None:
    ada, bob, eve = await here.person("ada"), await here.person("bob"), await here.person("eve")
    await here.post(bob, "Psst @ada", visibility="direct")
    assert await told(here, ada) == [], "as it is for whoever has said nothing"
    await here.post(bob, "Aloud @ada")
    assert await told(here, ada) == ["mention"]
    asked = await here.post(ada, "What is it @bob", visibility="direct")
    answer = {"visibility": "direct", "in_reply_to_id": asked["id"]}
    await here.post(bob, "This @ada", **answer)
    assert await told(here, ada) == ["mention", "mention"]
    await here.post(eve, "Me too @ada", **answer | {"in_reply_to_id": None})
    assert await told(here, ada) == ["mention", "mention"]


async def test_what_moderators_say_is_heard(here: Here) -> None:
    ada, mod = await here.person("ada"), await here.person("mod")
    await say(here, ada, for_not_following="drop")
    await here.execute("UPDATE users SET role = 'moderator' WHERE account_id = $1", mod.id)
    await here.post(mod, "A word @ada", visibility="direct")
    await here.do("POST", f"/api/v1/accounts/{ada.id}/follow", mod)
    assert await told(here, ada) == ["mention"], "a mention is, a follow is not"


async def test_a_request_is_shown_with_what_was_said_last(here: Here, schema: Schema) -> None:
    ada, bob, eve = await here.person("ada"), await here.person("bob"), await here.person("eve")
    await say(here, ada, for_not_following="filter")
    await here.post(bob, "One @ada")
    last = await here.post(bob, "Two @ada")
    await here.post(eve, "Three @ada")
    mine = await here.post(ada, "Mine")
    await here.do("POST", f"/api/v1/statuses/{mine['id']}/favourite", bob)
    shown = await here.do("GET", REQUESTS, ada)
    schema.check_each("NotificationRequest", shown)
    assert [one["account"]["username"] for one in shown] == ["eve", "bob"]
    assert shown[1]["notifications_count"] == "2"
    assert shown[1]["last_status"]["id"] == last["id"]
    one = await here.do("GET", f"{REQUESTS}/{shown[1]['id']}", ada)
    assert one == shown[1]
    summary = (await here.do("GET", POLICY, ada))["summary"]
    assert summary == {"pending_requests_count": 2, "pending_notifications_count": 3}
    assert await here.do("GET", REQUESTS, bob) == []
    assert (await here.refusal("GET", f"{REQUESTS}/{shown[0]['id']}", bob))[0] == 404
    for way in ("accept", "dismiss"):
        path = f"{REQUESTS}/{shown[0]['id']}/{way}"
        assert (await here.refusal("POST", path, bob))[0] == 404


async def test_who_is_accepted_is_heard_from_then_on(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await say(here, ada, for_not_following="filter")
    await here.post(bob, "One @ada")
    mine = await here.post(ada, "Mine")
    await here.do("POST", f"/api/v1/statuses/{mine['id']}/favourite", bob)
    (request,) = await here.do("GET", REQUESTS, ada)
    assert await here.do("POST", f"{REQUESTS}/{request['id']}/accept", ada) == {}
    assert await told(here, ada) == ["favourite", "mention"]
    assert await here.do("GET", f"{REQUESTS}/merged", ada) == {"merged": True}
    assert await here.do("GET", REQUESTS, ada) == []
    await say(here, ada, for_not_following="drop")
    await here.post(bob, "Two @ada")
    assert await told(here, ada) == ["mention", "favourite", "mention"]
    assert (await here.refusal("POST", f"{REQUESTS}/{request['id']}/accept", ada))[0] == 404


async def test_what_is_dismissed_is_gone_and_may_be_asked_anew(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await say(here, ada, for_not_following="filter")
    await here.post(bob, "One @ada")
    (request,) = await here.do("GET", REQUESTS, ada)
    assert await here.do("POST", f"{REQUESTS}/{request['id']}/dismiss", ada) == {}
    assert await told(here, ada, include_filtered="true") == []
    assert await here.do("GET", REQUESTS, ada) == []
    await here.post(bob, "Two @ada")
    (again,) = await here.do("GET", REQUESTS, ada)
    assert again["notifications_count"] == "1"
    assert await told(here, ada) == []


async def test_several_requests_at_once(here: Here) -> None:
    ada = await here.person("ada")
    await say(here, ada, for_not_following="filter")
    for name in ("bob", "eve", "kim"):
        await here.post(await here.person(name), "Hello @ada")
    kim, eve, bob = [one["id"] for one in await here.do("GET", REQUESTS, ada)]
    await here.do("POST", f"{REQUESTS}/accept", ada, json={"id": [kim, eve, "99999"]})
    assert len(await told(here, ada)) == 2
    await here.do("POST", f"{REQUESTS}/dismiss", ada, data={"id[]": bob})
    assert await here.do("GET", REQUESTS, ada) == []
    assert len(await told(here, ada, include_filtered="true")) == 2


async def test_a_request_goes_with_its_last_status(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await say(here, ada, for_not_following="filter")
    post = await here.post(bob, "Hello @ada")
    await here.do("DELETE", f"/api/v1/statuses/{post['id']}", bob)
    assert await here.do("GET", REQUESTS, ada) == []
    summary = (await here.do("GET", POLICY, ada))["summary"]
    assert summary == {"pending_requests_count": 0, "pending_notifications_count": 0}


async def test_what_is_kept_apart_counts_for_nothing(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await say(here, ada, for_not_following="filter")
    await here.post(bob, "Hello @ada")
    for path in (FLAT, GROUPED):
        assert await here.do("GET", f"{path}/unread_count", ada) == {"count": 0}
    (kept,) = await here.do("GET", f"{FLAT}?include_filtered=true", ada)
    assert kept["filtered"] is True


async def test_a_block_takes_all_of_it_back(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    await say(here, ada, for_not_following="filter")
    await here.post(bob, "Hello @ada")
    (request,) = await here.do("GET", REQUESTS, ada)
    await here.do("POST", f"{REQUESTS}/{request['id']}/accept", ada)
    await here.do("POST", f"/api/v1/accounts/{bob.id}/block", ada)
    for table in ("notifications", "notification_permissions", "notification_requests"):
        assert await here.count(table) == 0, table


async def test_a_signal_names_what_is_shown_at_once(here: Here) -> None:
    ada, bob = await here.person("ada"), await here.person("bob")
    heard: list[tuple[str, str]] = []
    async with here.ctx.db.listening(
        ["fedserver_notifications"], lambda channel, ids: heard.append((channel, ids))
    ):
        await here.post(bob, "Psst @ada", visibility="direct")
        await here.post(bob, "Aloud @ada")
        (shown,) = await here.do("GET", FLAT, ada)
        many = [here.next_id() for _ in range(350)]
        people = [await here.account(f"fan{number}") for number in many[:2]]
        assert people
        await here.execute(
            "INSERT INTO notifications (id, account_id, type, from_account_id, subject_id,"
            " created_at) SELECT id, $2, 'admin.report', $3, id, $4 FROM unnest($1::bigint[]) id",
            many,
            ada.id,
            bob.id,
            START,
        )

        async def all_heard() -> bool:
            return len(heard) >= 3

        await until(all_heard)
    assert heard[0] == ("fedserver_notifications", shown["id"])
    named = [int(one) for _, ids in heard[1:] for one in ids.split(",")]
    assert sorted(named) == many
    assert len(heard) == 3, "a signal names 300 at most"
