"""Quotes between two real instances: asked, granted, seen, edited, refused and taken back."""

from typing import Any

from storage.query import Command
from tests.federation.test_two_instances import (  # noqa: F401 - fixtures
    instances,
    notified,
    people,
    seen_at_home,
)
from tests.instances import Instance, Person
from tests.waiting import until

FORBID = Command("UPDATE statuses SET quote_policy = 0 WHERE uri = $1")


async def state_of(person: Person, status_id: str, wanted: str) -> dict[str, Any]:
    """Wait until the quote in a status has a state, and give the status."""

    async def look() -> dict[str, Any] | None:
        shown: dict[str, Any] = await person.get(f"/api/v1/statuses/{status_id}")
        return shown if shown["quote"] and shown["quote"]["state"] == wanted else None

    found = await until(look)
    assert found is not None
    return found


async def quoted_by_bob(alice: Person, bob: Person, **policy: str) -> tuple[Any, Any]:
    """Let Alice post and Bob quote it; give both statuses, each as its author has it."""
    posted = await alice.post("/api/v1/statuses", status="Quote me", **policy)
    original = await seen_at_home(bob, posted["uri"])
    quoting = await bob.post(
        "/api/v1/statuses", status="Look at this", quoted_status_id=original["id"]
    )
    return posted, quoting


async def test_a_quote_is_granted_and_shown_on_both_servers(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    posted, quoting = await quoted_by_bob(alice, bob)
    assert quoting["content"].startswith('<p class="quote-inline">RE: <a href=')
    shown = await state_of(bob, quoting["id"], "accepted")
    assert shown["quote"]["quoted_status"]["uri"] == posted["uri"]
    told = await notified(alice, "quote")
    assert told["account"]["acct"] == bob.acct
    assert told["status"]["quote"]["quoted_status"]["id"] == posted["id"]
    assert told["status"]["uri"] == quoting["uri"]
    assert (await alice.get(f"/api/v1/statuses/{posted['id']}"))["quotes_count"] == 1
    page = await alice.get(f"/api/v1/statuses/{posted['id']}/quotes")
    assert [one["uri"] for one in page] == [quoting["uri"]]


async def test_a_third_person_reads_the_consent_from_the_note(
    instances: tuple[Instance, Instance],  # noqa: F811
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    _, quoting = await quoted_by_bob(alice, bob)
    await state_of(bob, quoting["id"], "accepted")
    answer = await instances[1].request(
        "GET", quoting["uri"], headers={"Accept": "application/activity+json"}
    )
    note = answer.body
    assert note["quote"] == note["quoteUri"] == note["_misskey_quote"]
    assert note["tag"][-1]["rel"] == "https://misskey-hub.net/ns#_misskey_quote"
    stamp = await instances[0].request(
        "GET", note["quoteAuthorization"], headers={"Accept": "application/activity+json"}
    )
    assert stamp.body["interactingObject"] == quoting["uri"]
    assert stamp.body["interactionTarget"] == note["quote"]


async def test_an_edit_of_the_quoted_status_is_told(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    posted, quoting = await quoted_by_bob(alice, bob)
    await state_of(bob, quoting["id"], "accepted")
    await alice.put(f"/api/v1/statuses/{posted['id']}", status="Changed")
    told = await notified(bob, "quoted_update")
    assert told["status"]["id"] == quoting["id"]
    assert "Changed" in told["status"]["quote"]["quoted_status"]["content"]


async def test_an_edited_quote_still_quotes(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    _, quoting = await quoted_by_bob(alice, bob)
    await state_of(bob, quoting["id"], "accepted")
    edited = await bob.put(f"/api/v1/statuses/{quoting['id']}", status="Look again")
    assert edited["content"].startswith('<p class="quote-inline">RE: ')
    assert edited["quote"]["state"] == "accepted"
    told = await notified(alice, "quote")

    async def changed() -> bool:
        shown = await alice.get(f"/api/v1/statuses/{told['status']['id']}")
        return "Look again" in shown["content"] and shown["quote"]["state"] == "accepted"

    await until(changed)


async def test_consent_is_taken_back_on_both_servers(
    instances: tuple[Instance, Instance],  # noqa: F811
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    posted, quoting = await quoted_by_bob(alice, bob)
    await state_of(bob, quoting["id"], "accepted")
    note = await instances[1].request(
        "GET", quoting["uri"], headers={"Accept": "application/activity+json"}
    )
    told = await notified(alice, "quote")
    path = f"/api/v1/statuses/{posted['id']}/quotes/{told['status']['id']}/revoke"
    revoked = await alice.post(path)
    assert revoked["quote"] == {"state": "revoked", "quoted_status": None}
    assert (await state_of(bob, quoting["id"], "revoked"))["quote"]["quoted_status"] is None
    assert (await alice.get(f"/api/v1/statuses/{posted['id']}"))["quotes_count"] == 0
    stamp = await instances[0].request(
        "GET", note.body["quoteAuthorization"], headers={"Accept": "application/activity+json"}
    )
    assert (stamp.status, stamp.body["type"]) == (410, "Tombstone")


async def test_who_may_not_quote_is_told_so_before(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    posted = await alice.post(
        "/api/v1/statuses", status="Do not quote me", quote_approval_policy="nobody"
    )
    original = await seen_at_home(bob, posted["uri"])
    assert original["quote_approval"] == {
        "automatic": [],
        "manual": [],
        "current_user": "denied",
    }
    answer = await bob.instance.request(
        "POST",
        "/api/v1/statuses",
        token=bob.token,
        body={"status": "Still", "quoted_status_id": original["id"]},
    )
    assert answer.status == 404


async def test_a_changed_policy_is_told(
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    posted = await alice.post("/api/v1/statuses", status="Quote me not")
    original = await seen_at_home(bob, posted["uri"])
    assert original["quote_approval"]["current_user"] == "automatic"
    changed = await alice.put(
        f"/api/v1/statuses/{posted['id']}/interaction_policy", quote_approval_policy="nobody"
    )
    assert changed["quote_approval"]["automatic"] == []

    async def learnt() -> bool:
        shown = await bob.get(f"/api/v1/statuses/{original['id']}")
        return bool(shown["quote_approval"]["current_user"] == "denied")

    await until(learnt)


async def test_a_quote_that_the_other_server_refuses_is_rejected_here(
    instances: tuple[Instance, Instance],  # noqa: F811
    people: tuple[Person, Person],  # noqa: F811
) -> None:
    alice, bob = people
    posted = await alice.post("/api/v1/statuses", status="Quote me")
    original = await seen_at_home(bob, posted["uri"])
    # Bob's server has not heard of it.
    await instances[0].ctx.db.execute(FORBID, posted["uri"])
    quoting = await bob.post(
        "/api/v1/statuses", status="Look at this", quoted_status_id=original["id"]
    )
    refused = await state_of(bob, quoting["id"], "rejected")
    assert refused["quote"]["quoted_status"] is None
    assert (await alice.get(f"/api/v1/statuses/{posted['id']}"))["quotes_count"] == 0
    assert await alice.get("/api/v1/notifications", **{"types[]": "quote"}) == []
