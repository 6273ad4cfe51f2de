"""Who may answer, favourite and boost what: set by its author, kept to, and decided by request."""

from datetime import timedelta
from typing import Any

import pytest

from fedserver.mastodon import scheduling
from fedserver.workers.scheduled_worker import post_scheduled
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

DEFAULTS = "/api/v1/interaction_policies/defaults"
REQUESTS = "/api/v1/interaction_requests"
ASKED = {"automatic_approval": ["author"], "manual_approval": ["public"]}
NOBODY = {"automatic_approval": ["author"]}
PENDING_TYPES = {"types[]": ["pending.reply", "pending.favourite", "pending.reblog"]}


def rules(automatic: list[str], manual: list[str]) -> dict[str, list[str]]:
    return {
        "automatic_approval": automatic,
        "manual_approval": manual,
        "always": automatic,
        "with_approval": manual,
    }


async def act(here: Here, person: Person, kind: str, status_id: str) -> Any:
    if kind == "reply":
        return await here.post(person, "An answer", in_reply_to_id=status_id)
    path = {"favourite": "favourite", "reblog": "reblog"}[kind]
    return await here.do("POST", f"/api/v1/statuses/{status_id}/{path}", person)


async def counts(here: Here, person: Person, status_id: str) -> list[int]:
    shown = await here.do("GET", f"/api/v1/statuses/{status_id}", person)
    return [shown[f"{one}_count"] for one in ("favourites", "replies", "reblogs")]


async def seen(here: Here, person: Person, made: Any) -> bool:
    return (await here.send("GET", f"/api/v1/statuses/{made['id']}", person)).status == 200


async def test_without_a_word_everybody_may(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    posted = await here.post(alice)
    shown = await here.do("GET", f"/api/v1/statuses/{posted['id']}", bob)
    assert shown["interaction_policy"] == {
        name: rules(["public", "me"], []) for name in ("can_favourite", "can_reply", "can_reblog")
    }
    private = await here.post(alice, visibility="private")
    assert private["interaction_policy"] == {
        "can_favourite": rules(["author", "followers", "mentioned", "me"], []),
        "can_reply": rules(["author", "followers", "mentioned", "me"], []),
        "can_reblog": rules(["author", "me"], []),
    }
    anonymous = await here.send("GET", f"/api/v1/statuses/{posted['id']}")
    assert anonymous.body["interaction_policy"]["can_reply"] == rules(["public"], [])


@pytest.mark.parametrize("kind", ["favourite", "reply", "reblog"])
async def test_what_waits_is_seen_by_nobody_but_who_did_it_and_who_decides(
    here: Here, kind: str
) -> None:
    alice, bob, carol = [await here.person(name) for name in ("alice", "bob", "carol")]
    posted = await here.post(alice, interaction_policy={f"can_{kind}": ASKED})
    made = await act(here, bob, kind, posted["id"])
    assert await counts(here, carol, posted["id"]) == [0, 0, 0]
    if kind != "favourite":
        assert [await seen(here, one, made) for one in (alice, bob, carol)] == [False, True, False]
    thread = await here.do("GET", f"/api/v1/statuses/{posted['id']}/context", carol)
    assert thread["descendants"] == []
    for path in ("favourited_by", "reblogged_by"):
        assert await here.do("GET", f"/api/v1/statuses/{posted['id']}/{path}", carol) == []
    assert await here.do("GET", "/api/v1/notifications", alice) == []
    [notice] = await here.do("GET", "/api/v1/notifications", alice, params=PENDING_TYPES)
    assert notice["type"] == f"pending.{kind}"
    [waiting] = await here.do("GET", REQUESTS, alice)
    assert (waiting["type"], waiting["account"]["username"]) == (kind, "bob")
    assert waiting["status"]["id"] == posted["id"]
    assert ("reply" in waiting) == (kind == "reply")
    assert "accepted_at" not in waiting
    assert await here.do("GET", REQUESTS, carol) == []
    assert (await here.send("GET", f"{REQUESTS}/{waiting['id']}", carol)).status == 404

    done = await here.do("POST", f"{REQUESTS}/{waiting['id']}/authorize", alice)
    assert done["accepted_at"]
    assert sum(await counts(here, carol, posted["id"])) == 1
    if kind != "favourite":
        assert await seen(here, carol, made)
    assert await here.do("GET", REQUESTS, alice) == []
    again = f"{REQUESTS}/{waiting['id']}/authorize"
    assert await here.refusal("POST", again, alice) == (404, "Record not found")
    gone = await here.do("POST", f"{REQUESTS}/{waiting['id']}/reject", alice)
    assert gone["rejected_at"]
    assert await counts(here, carol, posted["id"]) == [0, 0, 0]
    if kind != "favourite":
        assert not await seen(here, carol, made)


async def test_what_nobody_may_is_forbidden(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    for kind in ("favourite", "reply", "reblog"):
        posted = await here.post(alice, interaction_policy={f"can_{kind}": NOBODY})
        shown = await here.do("GET", f"/api/v1/statuses/{posted['id']}", bob)
        implied = ["author", "mentioned"] if kind == "reply" else ["author"]
        assert shown["interaction_policy"][f"can_{kind}"] == rules(implied, [])
        body = {"status": "Still", "in_reply_to_id": posted["id"]}
        path = "" if kind == "reply" else f"/{posted['id']}/{kind}"
        refused = await here.send("POST", f"/api/v1/statuses{path}", bob, json=body)
        assert refused.status == 403
        assert await act(here, alice, kind, posted["id"])


async def test_a_rejected_answer_stays_with_its_author(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    posted = await here.post(alice, interaction_policy={"can_reply": ASKED})
    made = await act(here, bob, "reply", posted["id"])
    [waiting] = await here.do("GET", REQUESTS, alice, params={"status_id": posted["id"]})
    rejected = await here.do("POST", f"{REQUESTS}/{waiting['id']}/reject", alice)
    assert rejected["rejected_at"]
    assert [await seen(here, one, made) for one in (alice, bob)] == [False, True]


async def test_defaults_hold_for_new_posts_by_form_and_json(here: Here) -> None:
    alice = await here.person("alice")
    first = await here.do("GET", DEFAULTS, alice)
    assert set(first) == {"direct", "private", "unlisted", "public"}
    assert first["public"]["can_reply"] == rules(["public"], [])
    form = {
        "public[can_reply][always][0]": "followers",
        "public[can_reply][with_approval][0]": "public",
    }
    changed = await here.do("PATCH", DEFAULTS, alice, data=form)
    expected = rules(["followers", "author", "mentioned"], ["public"])
    assert changed["public"]["can_reply"] == expected
    assert changed["unlisted"]["can_reply"] == rules(["public"], [])
    posted = await here.post(alice)
    assert posted["interaction_policy"]["can_reply"] == expected | {
        "automatic_approval": [*expected["always"], "me"],
        "always": [*expected["always"], "me"],
    }
    back = await here.do("PATCH", DEFAULTS, alice, json={"public": None})
    assert back == first


async def test_what_no_policy_can_say_is_invalid(here: Here) -> None:
    alice = await here.person("alice")
    many = [f"https://far.test/{number}" for number in range(101)]
    wrong: list[Any] = [
        {"can_reply": {"always": ["everyone"]}},
        {"can_reply": {"always": ["mutuals"]}},
        {"can_reply": {"always": many}},
        {"can_quote": {"manual_approval": ["mentioned"]}},
    ]
    for policy in wrong:
        body = {"status": "Hello", "interaction_policy": policy}
        assert (await here.send("POST", "/api/v1/statuses", alice, json=body)).status == 422
    body = {"status": "Hi", "visibility": "private", "interaction_policy": {"can_reply": ASKED}}
    assert (await here.send("POST", "/api/v1/statuses", alice, json=body)).status == 422


async def test_an_edit_changes_the_policy(here: Here) -> None:
    alice = await here.person("alice")
    posted = await here.post(alice)
    body = {"status": "Hello", "interaction_policy": {"can_reblog": NOBODY}}
    edited = await here.do("PUT", f"/api/v1/statuses/{posted['id']}", alice, json=body)
    assert edited["interaction_policy"]["can_reblog"] == rules(["author", "me"], [])
    assert edited["edited_at"] is None
    path = f"/api/v1/statuses/{posted['id']}/interaction_policy"
    still = await here.do("PUT", path, alice, json={"quote_approval_policy": "nobody"})
    assert still["interaction_policy"]["can_reblog"] == rules(["author", "me"], [])


async def test_a_quote_that_its_author_wants_to_see_first(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    asked = {"automatic_approval": ["followers"], "manual_approval": ["public"]}
    posted = await here.post(alice, interaction_policy={"can_quote": asked})
    assert posted["quote_approval"]["manual"] == ["public"]
    quoting = await here.post(bob, "Look", quoted_status_id=posted["id"])
    assert quoting["quote"] == {"state": "pending", "quoted_status": None}
    [waiting] = await here.do("GET", REQUESTS, alice)
    assert (waiting["type"], waiting["reply"]["id"]) == ("quote", quoting["id"])
    assert await here.do("GET", REQUESTS, alice, params={"quotes": "false"}) == []
    await here.do("POST", f"{REQUESTS}/{waiting['id']}/authorize", alice)
    shown = await here.do("GET", f"/api/v1/statuses/{quoting['id']}", bob)
    assert shown["quote"]["quoted_status"]["id"] == posted["id"]
    await here.do("POST", f"{REQUESTS}/{waiting['id']}/reject", alice)
    shown = await here.do("GET", f"/api/v1/statuses/{quoting['id']}", bob)
    assert shown["quote"] == {"state": "revoked", "quoted_status": None}


async def test_pages_of_requests(here: Here) -> None:
    alice = await here.person("alice")
    posted = await here.post(alice, interaction_policy={"can_favourite": ASKED})
    for number in range(3):
        await act(here, await here.person(f"fan{number}"), "favourite", posted["id"])
    reply = await here.send("GET", REQUESTS, alice, params={"limit": 2})
    assert [one["account"]["username"] for one in reply.body] == ["fan2", "fan1"]
    assert 'rel="next"' in reply.headers["Link"]
    older = {"limit": 2, "max_id": reply.body[-1]["id"]}
    last = await here.send("GET", REQUESTS, alice, params=older)
    assert [one["account"]["username"] for one in last.body] == ["fan0"]
    assert 'rel="next"' not in last.headers["Link"]
    none = {"favourites": "false", "replies": "false", "reblogs": "false", "quotes": "false"}
    assert (await here.send("GET", REQUESTS, alice, params=none)).status == 422


async def test_a_scheduled_post_keeps_its_policy(here: Here) -> None:
    alice = await here.person("alice")
    hour = timedelta(hours=1)
    await here.post(
        alice,
        scheduled_at=(here.clock.now() + hour).isoformat(),
        interaction_policy={"can_reply": ASKED, "can_quote": {"manual_approval": ["public"]}},
    )
    here.clock.move(hour)
    assert await post_scheduled(here.ctx, scheduling.post_due) == 1
    [posted] = await here.do("GET", f"/api/v1/accounts/{alice.id}/statuses", alice)
    assert posted["interaction_policy"]["can_reply"]["manual_approval"] == ["public"]
    assert (posted["quote_approval"]["automatic"], posted["quote_approval"]["manual"]) == (
        [],
        ["public"],
    )
