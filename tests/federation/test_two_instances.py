"""Two real instances, each with its own database, over real HTTP: what people do, both ways."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import unused_port
from tests.instances import Instance, Person, start_instance
from tests.waiting import until


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


@pytest.fixture
async def people(instances: tuple[Instance, Instance]) -> tuple[Person, Person]:
    """Alice on one instance follows Bob on the other, and Bob follows her back."""
    one, other = instances
    alice, bob = await one.person("alice"), await other.person("bob")
    await follow(alice, bob)
    await follow(bob, alice)
    return alice, bob


async def account_of(asking: Person, other: Person) -> str:
    found = await asking.get("/api/v2/search", q=f"@{other.acct}", type="accounts", resolve="true")
    identifier: str = found["accounts"][0]["id"]
    return identifier


async def follow(asking: Person, other: Person) -> None:
    account = await account_of(asking, other)
    await asking.post(f"/api/v1/accounts/{account}/follow")

    async def followed() -> bool:
        relation = await asking.get("/api/v1/accounts/relationships", id=account)
        return bool(relation[0]["following"])

    await until(followed)


async def seen_at_home(person: Person, uri: str) -> dict[str, Any]:
    async def find() -> dict[str, Any] | None:
        home = await person.get("/api/v1/timelines/home")
        shown = [status for status in home if uri in (status["uri"], reblogged_uri(status))]
        return shown[0] if shown else None

    found = await until(find)
    assert found is not None
    return found


def reblogged_uri(status: dict[str, Any]) -> str | None:
    return status["reblog"]["uri"] if status["reblog"] else None


async def notified(person: Person, kind: str) -> dict[str, Any]:
    async def find() -> dict[str, Any] | None:
        told = await person.get("/api/v1/notifications", **{"types[]": kind})
        return told[0] if told else None

    found = await until(find)
    assert found is not None
    return found


async def test_follow_is_accepted_and_told(people: tuple[Person, Person]) -> None:
    alice, bob = people
    told = await notified(bob, "follow")
    assert told["account"]["acct"] == alice.acct
    me = await alice.get("/api/v1/accounts/verify_credentials")
    assert me["followers_count"] == 1
    assert me["following_count"] == 1


async def test_a_post_arrives_with_mention_hashtag_and_warning(
    people: tuple[Person, Person],
) -> None:
    alice, bob = people
    posted = await alice.post(
        "/api/v1/statuses",
        status=f"Hello @{bob.acct}, look at #Cats & <dogs>",
        spoiler_text="animals",
        language="en",
    )
    shown = await seen_at_home(bob, posted["uri"])
    assert shown["spoiler_text"] == "animals"
    assert shown["sensitive"] is True
    assert shown["language"] == "en"
    assert "&lt;dogs&gt;" in shown["content"]
    assert [mention["acct"] for mention in shown["mentions"]] == ["bob"]
    assert [tag["name"].lower() for tag in shown["tags"]] == ["cats"]
    assert (await notified(bob, "mention"))["status"]["uri"] == posted["uri"]


async def test_a_reply_is_in_the_context_on_both_sides(people: tuple[Person, Person]) -> None:
    alice, bob = people
    posted = await alice.post("/api/v1/statuses", status="A question")
    shown = await seen_at_home(bob, posted["uri"])
    reply = await bob.post(
        "/api/v1/statuses", status=f"@{alice.acct} An answer", in_reply_to_id=shown["id"]
    )

    async def answered() -> list[str]:
        context = await alice.get(f"/api/v1/statuses/{posted['id']}/context")
        return [status["uri"] for status in context["descendants"]]

    assert await until(answered) == [reply["uri"]]
    context = await bob.get(f"/api/v1/statuses/{reply['id']}/context")
    assert [status["uri"] for status in context["ancestors"]] == [posted["uri"]]
    counted = await alice.get(f"/api/v1/statuses/{posted['id']}")
    assert counted["replies_count"] == 1


async def test_favourite_and_boost_are_told_and_taken_back(people: tuple[Person, Person]) -> None:
    alice, bob = people
    posted = await alice.post("/api/v1/statuses", status="Boost me")
    shown = await seen_at_home(bob, posted["uri"])
    await bob.post(f"/api/v1/statuses/{shown['id']}/favourite")
    await bob.post(f"/api/v1/statuses/{shown['id']}/reblog")
    assert (await notified(alice, "favourite"))["account"]["acct"] == bob.acct
    assert (await notified(alice, "reblog"))["status"]["id"] == posted["id"]

    await bob.post(f"/api/v1/statuses/{shown['id']}/unfavourite")
    await bob.post(f"/api/v1/statuses/{shown['id']}/unreblog")

    async def taken_back() -> bool:
        status = await alice.get(f"/api/v1/statuses/{posted['id']}")
        return (status["favourites_count"], status["reblogs_count"]) == (0, 0)

    await until(taken_back)


async def test_an_edit_arrives_with_its_history(people: tuple[Person, Person]) -> None:
    alice, bob = people
    posted = await alice.post("/api/v1/statuses", status="First words")
    shown = await seen_at_home(bob, posted["uri"])
    await alice.put(f"/api/v1/statuses/{posted['id']}", status="Second words")

    async def edited() -> bool:
        status = await bob.get(f"/api/v1/statuses/{shown['id']}")
        return "Second words" in status["content"] and status["edited_at"] is not None

    await until(edited)
    history = await bob.get(f"/api/v1/statuses/{shown['id']}/history")
    assert ["First" in one["content"] for one in history] == [True, False]


async def test_a_deleted_post_is_gone_and_leaves_a_tombstone(
    people: tuple[Person, Person],
) -> None:
    alice, bob = people
    posted = await alice.post("/api/v1/statuses", status="Soon gone")
    shown = await seen_at_home(bob, posted["uri"])
    await alice.delete(f"/api/v1/statuses/{posted['id']}")

    async def gone() -> bool:
        path = f"/api/v1/statuses/{shown['id']}"
        return (await bob.instance.request("GET", path, token=bob.token)).status == 404

    await until(gone)
    tombstone = await alice.instance.request(
        "GET", posted["uri"], headers={"Accept": "application/activity+json"}
    )
    assert tombstone.status == 410
    assert tombstone.body["type"] == "Tombstone"


async def test_a_direct_message_reaches_only_whom_it_names(
    people: tuple[Person, Person], instances: tuple[Instance, Instance]
) -> None:
    alice, bob = people
    carol = await instances[1].person("carol")
    await follow(carol, alice)
    posted = await alice.post(
        "/api/v1/statuses", status=f"@{bob.acct} between us", visibility="direct"
    )
    told = await notified(bob, "mention")
    assert told["status"]["visibility"] == "direct"
    path = f"/api/v1/statuses/{told['status']['id']}"
    assert (await carol.instance.request("GET", path, token=carol.token)).status == 404
    unsigned = await alice.instance.request(
        "GET", posted["uri"], headers={"Accept": "application/activity+json"}
    )
    assert unsigned.status == 404


async def test_unfollowing_ends_it_on_both_sides(people: tuple[Person, Person]) -> None:
    alice, bob = people
    account = await account_of(alice, bob)
    await alice.post(f"/api/v1/accounts/{account}/unfollow")

    async def left() -> bool:
        me = await bob.get("/api/v1/accounts/verify_credentials")
        return bool(me["followers_count"] == 0)

    await until(left)


async def test_a_locked_account_decides(instances: tuple[Instance, Instance]) -> None:
    one, other = instances
    alice, bob = await one.person("alice"), await other.person("bob")
    answer = await bob.instance.request(
        "PATCH", "/api/v1/accounts/update_credentials", token=bob.token, body={"locked": True}
    )
    assert answer.body["locked"] is True
    account = await account_of(alice, bob)
    relation = await alice.post(f"/api/v1/accounts/{account}/follow")
    assert (relation["following"], relation["requested"]) == (False, True)
    told = await notified(bob, "follow_request")
    await bob.post(f"/api/v1/follow_requests/{told['account']['id']}/authorize")

    async def accepted() -> bool:
        relations = await alice.get("/api/v1/accounts/relationships", id=account)
        return bool(relations[0]["following"])

    await until(accepted)


async def test_a_poll_is_voted_in_from_afar(people: tuple[Person, Person]) -> None:
    alice, bob = people
    posted = await alice.post(
        "/api/v1/statuses",
        status="Tea or coffee?",
        poll={"options": ["Tea", "Coffee"], "expires_in": 3600},
    )
    shown = await seen_at_home(bob, posted["uri"])
    voted = await bob.post(f"/api/v1/polls/{shown['poll']['id']}/votes", choices=[1])
    assert voted["own_votes"] == [1]

    async def counted() -> list[int]:
        poll = await alice.get(f"/api/v1/polls/{posted['poll']['id']}")
        votes = [option["votes_count"] for option in poll["options"]]
        return votes if sum(votes) else []

    assert await until(counted) == [0, 1]


async def test_a_profile_change_arrives(people: tuple[Person, Person]) -> None:
    alice, bob = people
    account = await account_of(bob, alice)
    await alice.instance.request(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        token=alice.token,
        body={"display_name": "Alice the Second", "note": "New bio"},
    )

    async def changed() -> bool:
        shown = await bob.get(f"/api/v1/accounts/{account}")
        return bool(shown["display_name"] == "Alice the Second" and "New bio" in shown["note"])

    await until(changed)


async def test_a_post_elsewhere_is_found_by_its_address(
    people: tuple[Person, Person], instances: tuple[Instance, Instance]
) -> None:
    _, bob = people
    dora = await instances[0].person("dora")
    posted = await dora.post("/api/v1/statuses", status="Nobody there follows me")
    for address in (posted["uri"], posted["url"]):
        found = await bob.get("/api/v2/search", q=address, resolve="true")
        assert [status["uri"] for status in found["statuses"]] == [posted["uri"]]
    found = await bob.get("/api/v2/search", q=f"{dora.instance.base_url}/@dora", resolve="true")
    assert [account["acct"] for account in found["accounts"]] == [dora.acct]
