"""Voting, over HTTP and a real database."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

OPTIONS = {"options": ["a", "b", "c"], "expires_in": 3600}


async def poll_of(here: Here, person: Person, **more: Any) -> str:
    posted = await here.post(person, "Which?", poll={**OPTIONS, **more})
    return f"/api/v1/polls/{posted['poll']['id']}"


async def test_a_vote_counts_once(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    path = await poll_of(here, alice)
    replies = await asyncio.gather(
        *(here.send("POST", f"{path}/votes", bob, json={"choices": ["1"]}) for _ in range(3))
    )
    assert sorted(reply.status for reply in replies) == [200, 422, 422]
    refused = next(reply for reply in replies if reply.status == 422)
    assert refused.body["error"] == "Validation failed: You have already voted on this poll"
    shown = await here.do("GET", path, bob)
    assert [one["votes_count"] for one in shown["options"]] == [0, 1, 0]
    assert (shown["voted"], shown["own_votes"]) == (True, [1])
    assert (shown["voters_count"], shown["votes_count"]) == (1, 1)


async def test_several_choices_from_a_form(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    path = await poll_of(here, alice, multiple=True)
    voted = await here.do(
        "POST", f"{path}/votes", bob, data=[("choices[]", "0"), ("choices[]", "2")]
    )
    assert (voted["own_votes"], voted["voters_count"], voted["votes_count"]) == ([0, 2], 1, 2)
    again = await here.send("POST", f"{path}/votes", bob, json={"choices": [1]})
    assert again.status == 422


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        ([], "Validation failed: Choices can't be blank"),
        ([3], "Validation failed: The chosen vote option does not exist"),
        ([-1], "Validation failed: The chosen vote option does not exist"),
        ([0, 1], "Validation failed: Only one option of this poll can be chosen"),
    ],
)
async def test_what_cannot_be_chosen_is_refused(here: Here, choices: list[int], error: str) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    path = await poll_of(here, alice)
    refusal = await here.refusal("POST", f"{path}/votes", bob, json={"choices": choices})
    assert refusal == (422, error)


async def test_neither_the_author_nor_latecomers_vote(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    path = await poll_of(here, alice)
    own = await here.refusal("POST", f"{path}/votes", alice, json={"choices": [0]})
    assert own == (422, "Validation failed: You cannot vote in your own polls")
    here.clock.move(timedelta(seconds=3601))
    late = await here.refusal("POST", f"{path}/votes", bob, json={"choices": [0]})
    assert late == (422, "Validation failed: The poll has already ended")


async def test_polls_are_as_visible_as_their_posts(here: Here) -> None:
    alice, eve = await here.person("alice"), await here.person("eve")
    posted = await here.post(alice, "Which?", poll=OPTIONS, visibility="private")
    path = f"/api/v1/polls/{posted['poll']['id']}"
    assert (await here.send("GET", path, eve)).status == 404
    assert (await here.send("GET", path)).status == 404
    reply = await here.send("POST", f"{path}/votes", eve, json={"choices": [0]})
    assert reply.status == 404
    public = await poll_of(here, alice)
    assert (await here.send("GET", public)).status == 200


async def test_a_remote_poll_is_told_each_choice(here: Here) -> None:
    alice, bob_id = await here.person("alice"), await here.account("bob")
    status_id = await here.status(bob_id)
    poll_id = await here.poll(bob_id, status_id)
    voted = await here.do("POST", f"/api/v1/polls/{poll_id}/votes", alice, json={"choices": [1]})
    assert voted["own_votes"] == [1]
    (create,) = await here.sent_to("https://far.test/users/bob/inbox")
    note = create["object"]
    assert (create["type"], note["name"]) == ("Create", "No")
    assert note["inReplyTo"] == f"https://far.test/s/{status_id}"
    assert "content" not in note
