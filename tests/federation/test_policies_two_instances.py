"""Leave to answer, favourite and boost between two real instances: asked, given, seen by the
others, and taken back."""

from typing import Any

import pytest

from tests.federation.test_two_instances import (  # noqa: F401 - fixtures
    instances,
    notified,
    people,
    seen_at_home,
)
from tests.instances import Instance, Person
from tests.waiting import until

REQUESTS = "/api/v1/interaction_requests"
ASKED = {"automatic_approval": ["author"], "manual_approval": ["public"]}


async def asked(person: Person) -> Any:
    """Wait for the one request, and give it."""

    async def look() -> Any:
        return await person.get(REQUESTS) or None

    [request] = await until(look)
    return request


async def counted(person: Person, status_id: str, name: str, wanted: int) -> None:
    async def look() -> bool:
        shown = await person.get(f"/api/v1/statuses/{status_id}")
        return bool(shown[name] == wanted)

    await until(look)


@pytest.mark.parametrize(
    ("kind", "path", "count"),
    [
        ("favourite", "/api/v1/statuses/{}/favourite", "favourites_count"),
        ("reblog", "/api/v1/statuses/{}/reblog", "reblogs_count"),
        ("reply", "/api/v1/statuses", "replies_count"),
    ],
)
async def test_leave_is_asked_for_given_and_taken_back(
    instances: tuple[Instance, Instance],  # noqa: F811
    people: tuple[Person, Person],  # noqa: F811
    kind: str,
    path: str,
    count: str,
) -> None:
    alice, bob = people
    carol = await instances[1].person("carol")
    policy = {f"can_{kind}": ASKED}
    posted = await alice.post("/api/v1/statuses", status="Ask", interaction_policy=policy)
    original = await seen_at_home(bob, posted["uri"])
    assert "me" in original["interaction_policy"][f"can_{kind}"]["manual_approval"]
    body = {"status": "Hi", "in_reply_to_id": original["id"]} if kind == "reply" else {}
    made = await bob.post(path.format(original["id"]), **body)
    request = await asked(alice)
    assert (request["type"], request["account"]["acct"]) == (kind, bob.acct)
    assert (await alice.get(f"/api/v1/statuses/{posted['id']}"))[count] == 0
    if kind != "favourite":
        answer = await instances[1].request(
            "GET", f"/api/v1/statuses/{made['id']}", token=carol.token
        )
        assert answer.status == 404
    await alice.post(f"{REQUESTS}/{request['id']}/authorize")
    await counted(alice, posted["id"], count, 1)
    await counted(carol, original["id"], count, 1)
    if kind == "reply":
        note = await instances[1].request(
            "GET", made["uri"], headers={"Accept": "application/activity+json"}
        )
        proof = await instances[0].request(
            "GET", note.body["replyAuthorization"], headers={"Accept": "application/activity+json"}
        )
        assert proof.body["type"] == "ReplyAuthorization"
        assert proof.body["interactingObject"] == made["uri"]
        assert proof.body["interactionTarget"] == posted["uri"]
    await alice.post(f"{REQUESTS}/{request['id']}/reject")
    await counted(alice, posted["id"], count, 0)
    await counted(carol, original["id"], count, 0)


async def test_what_is_rejected_ends_on_both_servers(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    posted = await alice.post(
        "/api/v1/statuses", status="Ask", interaction_policy={"can_reblog": ASKED}
    )
    original = await seen_at_home(bob, posted["uri"])
    await bob.post(f"/api/v1/statuses/{original['id']}/reblog")
    request = await asked(alice)
    await alice.post(f"{REQUESTS}/{request['id']}/reject")

    async def ended() -> bool:
        shown = await bob.get(f"/api/v1/statuses/{original['id']}")
        return not shown["reblogged"] and shown["reblogs_count"] == 0

    await until(ended)


async def test_a_quote_waits_for_its_author_across_servers(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    policy = {"can_quote": {"manual_approval": ["public"]}}
    posted = await alice.post("/api/v1/statuses", status="Ask", interaction_policy=policy)
    original = await seen_at_home(bob, posted["uri"])
    assert original["quote_approval"]["current_user"] == "manual"
    quoting = await bob.post("/api/v1/statuses", status="Look", quoted_status_id=original["id"])
    request = await asked(alice)
    assert request["reply"]["uri"] == quoting["uri"]
    await alice.post(f"{REQUESTS}/{request['id']}/authorize")

    async def accepted() -> bool:
        shown = await bob.get(f"/api/v1/statuses/{quoting['id']}")
        return bool(shown["quote"]["state"] == "accepted")

    await until(accepted)
