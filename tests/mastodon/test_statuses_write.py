"""Posting, editing and deleting statuses, over HTTP and a real database."""

import asyncio
from typing import Any
from unittest.mock import AsyncMock

import pytest

from fedserver.errors import Unreachable
from fedserver.services import resolve
from storage.accounts import ACCOUNT_BY_ID
from tests.mastodon.write_fixtures import Here, Person, form_with_file, picture
from tests.mastodon.write_fixtures import here_fixture as here_fixture

STATUSES = "/api/v1/statuses"


async def upload(here: Here, person: Person) -> str:
    body = await here.do(
        "POST", "/api/v2/media", person, data=form_with_file("file", picture(), description="Red")
    )
    return str(body["id"])


async def test_a_post_comes_back_as_a_status_and_keeps_what_was_typed(here: Here) -> None:
    alice = await here.person("alice")
    posted = await here.post(alice, " Hello <world> & #Cats \n\nBye ")
    assert posted["content"] == (
        '<p>Hello &lt;world&gt; &amp; <a href="http://here.test/tags/cats" '
        'class="mention hashtag" rel="tag">#<span>Cats</span></a> </p><p>Bye</p>'
    )
    assert posted["visibility"] == "public"
    assert posted["language"] == "en"
    assert posted["application"]["name"] == "A Client"
    assert [tag["name"] for tag in posted["tags"]] == ["cats"]
    assert posted["uri"] == f"http://here.test/users/alice/statuses/{posted['id']}"
    assert posted["url"] == f"http://here.test/@alice/{posted['id']}"
    source = await here.do("GET", f"{STATUSES}/{posted['id']}/source", alice)
    assert source["text"] == "Hello <world> & #Cats \n\nBye"
    account = await here.ctx.db.one(ACCOUNT_BY_ID, alice.id)
    assert account is not None
    assert account.statuses_count == 1


@pytest.mark.parametrize("how", ["json", "form", "query"])
async def test_every_encoding_of_the_parameters_is_read(here: Here, how: str) -> None:
    alice = await here.person("alice")
    fields = {"status": "Hi", "spoiler_text": "CW", "visibility": "private", "language": "fr"}
    options: dict[str, Any] = {{"json": "json", "form": "data", "query": "params"}[how]: fields}
    posted = await here.do("POST", STATUSES, alice, **options)
    assert posted["spoiler_text"] == "CW"
    assert posted["sensitive"] is True
    assert (posted["visibility"], posted["language"]) == ("private", "fr")


async def test_a_followers_server_gets_the_create(here: Here) -> None:
    alice = await here.person("alice")
    await here.follow(await here.account("bob"), alice.id)
    posted = await here.post(alice)
    (activity,) = await here.sent_to("https://far.test/users/bob/inbox")
    assert activity["type"] == "Create"
    assert activity["id"] == f"{posted['uri']}/activity"
    assert activity["object"]["id"] == posted["uri"]


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"status": ""}, "Validation failed: Text can't be blank"),
        ({"status": " \n"}, "Validation failed: Text can't be blank"),
        ({"status": "x" * 501}, "Validation failed: Text character limit of 500 exceeded"),
        (
            {"status": "x" * 300, "spoiler_text": "y" * 201},
            "Validation failed: Text character limit of 500 exceeded",
        ),
        (
            {"status": "x", "visibility": "everybody"},
            "Validation failed: Visibility is not included in the list",
        ),
        (
            {"status": "x", "scheduled_at": "tomorrow"},
            "Validation failed: Scheduled at is invalid",
        ),
        (
            {"status": "x", "media_ids": ["1", "2", "3", "4", "5"]},
            "Validation failed: Cannot attach more than 4 files",
        ),
        (
            {"status": "x", "media_ids": ["77"]},
            "Validation failed: Media 77 not found or already attached to another post",
        ),
        (
            {"status": "x", "poll": {"options": ["a"], "expires_in": 3600}},
            "Validation failed: Poll options must have more than one item",
        ),
        (
            {"status": "x", "poll": {"options": ["a", "a"], "expires_in": 3600}},
            "Validation failed: Poll options contain duplicate items",
        ),
        (
            {"status": "x", "poll": {"options": ["a", "b" * 51], "expires_in": 3600}},
            "Validation failed: Poll options can't be longer than 50 characters each",
        ),
        (
            {"status": "x", "poll": {"options": list("abcde"), "expires_in": 3600}},
            "Validation failed: Poll options can't contain more than 4 items",
        ),
        (
            {"status": "x", "poll": {"options": ["a", "b"]}},
            "Validation failed: Poll expires at can't be blank",
        ),
        (
            {"status": "x", "poll": {"options": ["a", "b"], "expires_in": 10}},
            "Validation failed: Poll expires at is too soon",
        ),
        (
            {"status": "x", "poll": {"options": ["a", "b"], "expires_in": 10**8}},
            "Validation failed: Poll expires at is too far into the future",
        ),
    ],
)
async def test_what_is_wrong_is_refused_in_mastodons_words(
    here: Here, fields: dict[str, Any], error: str
) -> None:
    alice = await here.person("alice")
    assert await here.refusal("POST", STATUSES, alice, json=fields) == (422, error)
    assert await here.count("statuses") == 0


async def test_nobody_posts_without_the_scope_or_a_token(here: Here) -> None:
    reader = await here.person("reader", scopes="read")
    assert (await here.send("POST", STATUSES, reader, json={"status": "x"})).status == 403
    assert (await here.send("POST", STATUSES, json={"status": "x"})).status == 401


async def test_the_persons_defaults_hold_where_the_request_says_nothing(here: Here) -> None:
    alice = await here.person("alice")
    source = {"privacy": "unlisted", "sensitive": True, "language": "de"}
    await here.do("PATCH", "/api/v1/accounts/update_credentials", alice, json={"source": source})
    posted = await here.post(alice)
    assert (posted["visibility"], posted["sensitive"], posted["language"]) == (
        "unlisted",
        True,
        "de",
    )
    assert (await here.post(alice, sensitive=False, visibility="direct"))["sensitive"] is False


async def test_a_warning_alone_becomes_the_text(here: Here) -> None:
    alice = await here.person("alice")
    posted = await here.post(alice, "", spoiler_text="Careful")
    assert posted["content"] == "<p>Careful</p>"
    assert (posted["spoiler_text"], posted["sensitive"]) == ("", True)


async def test_an_idempotency_key_gives_the_first_status_again(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    key = {"Idempotency-Key": "k1"}
    media_id = await upload(here, alice)
    fields = {"status": "Once", "media_ids": [media_id]}
    replies = await asyncio.gather(
        *(here.send("POST", STATUSES, alice, json=fields, headers=key) for _ in range(4))
    )
    again = await here.do("POST", STATUSES, alice, json={"status": "Other"}, headers=key)
    assert {reply.status for reply in replies} == {200}, replies
    assert {reply.body["id"] for reply in replies} == {again["id"]}
    assert await here.count("statuses") == 1
    await here.do("POST", STATUSES, bob, json={"status": "Mine"}, headers=key)
    assert await here.count("statuses") == 2


async def test_a_reply_counts_notifies_and_belongs_to_the_thread(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    first = await here.post(alice)
    reply = await here.post(bob, "@alice hi", in_reply_to_id=first["id"])
    assert reply["in_reply_to_id"] == first["id"]
    assert reply["in_reply_to_account_id"] == str(alice.id)
    assert [one["acct"] for one in reply["mentions"]] == ["alice"]
    assert reply["mentions"][0]["url"] in reply["content"]
    shown = await here.do("GET", f"{STATUSES}/{first['id']}", alice)
    assert shown["replies_count"] == 1
    (told,) = await here.do("GET", "/api/v1/notifications", alice)
    assert (told["type"], told["status"]["id"]) == ("mention", reply["id"])


async def test_one_cannot_reply_to_what_one_cannot_see(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    hidden = await here.post(alice, visibility="private")
    for answered in (hidden["id"], "12345"):
        refusal = await here.refusal(
            "POST", STATUSES, bob, json={"status": "x", "in_reply_to_id": answered}
        )
        error = "The post you are trying to reply to does not appear to exist."
        assert refusal == (404, error)


async def test_a_direct_post_is_seen_by_those_it_names_alone(here: Here) -> None:
    alice, bob, eve = [await here.person(name) for name in ("alice", "bob", "eve")]
    posted = await here.post(alice, "@bob@here.test psst", visibility="direct")
    path = f"{STATUSES}/{posted['id']}"
    assert (await here.send("GET", path, bob)).status == 200
    assert (await here.send("GET", path, eve)).status == 404
    assert (await here.send("GET", path)).status == 404
    assert (await here.post(alice, "a note to myself", visibility="direct"))["mentions"] == []


async def test_known_remote_people_are_mentioned_and_told(here: Here) -> None:
    alice = await here.person("alice")
    await here.account("bob")
    posted = await here.post(alice, "Hello @Bob@FAR.test", visibility="direct")
    assert [one["acct"] for one in posted["mentions"]] == ["bob@far.test"]
    (activity,) = await here.sent_to("https://far.test/users/bob/inbox")
    assert activity["object"]["to"] in (
        "https://far.test/users/bob",
        ["https://far.test/users/bob"],
    )


async def test_unknown_people_are_looked_up_and_what_fails_stays_text(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await here.person("alice")
    found = await here.ctx.db.one(ACCOUNT_BY_ID, await here.account("carol", "new.test"))

    async def look_up(_ctx: object, handle: Any, _budget: object) -> object:
        if handle.domain == "dead.test":
            raise Unreachable("dead.test", "no answer")
        return found if handle.username == "newcomer" else None

    monkeypatch.setattr(resolve, "account_by_handle", AsyncMock(side_effect=look_up))
    posted = await here.post(alice, "@newcomer@new.test @x@dead.test @nobody @y@new.test")
    assert [one["acct"] for one in posted["mentions"]] == ["carol@new.test"]
    assert "@x@dead.test @nobody @y@new.test</p>" in posted["content"]


async def test_whom_the_author_blocks_is_not_told(here: Here) -> None:
    alice = await here.person("alice")
    await here.block(alice.id, await here.account("bob"))
    posted = await here.post(alice, "@bob@far.test hm")
    assert posted["mentions"] == []
    assert await here.sent_to("https://far.test/users/bob/inbox") == []


async def test_media_keep_their_order_and_are_used_once(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    first, second = await upload(here, alice), await upload(here, alice)
    posted = await here.post(alice, "", media_ids=[second, first])
    assert [one["id"] for one in posted["media_attachments"]] == [second, first]
    for person in (alice, bob):
        status, _ = await here.refusal(
            "POST", STATUSES, person, json={"status": "x", "media_ids": [first]}
        )
        assert status == 422


async def test_an_attachment_is_on_one_post_however_fast_one_posts(here: Here) -> None:
    alice = await here.person("alice")
    fields = {"status": "x", "media_ids": [await upload(here, alice)]}
    replies = await asyncio.gather(
        *(here.send("POST", STATUSES, alice, json=fields) for _ in range(4))
    )
    assert sorted(reply.status for reply in replies) == [200, 422, 422, 422]
    assert await here.count("statuses") == 1


async def test_parallel_edits_all_stay_in_the_history(here: Here) -> None:
    alice = await here.person("alice")
    path = f"{STATUSES}/{(await here.post(alice, 'first'))['id']}"
    texts = ["second", "third", "fourth"]
    await asyncio.gather(*(here.do("PUT", path, alice, json={"status": one}) for one in texts))
    versions = await here.do("GET", f"{path}/history", alice)
    assert {one["content"] for one in versions} == {f"<p>{one}</p>" for one in ["first", *texts]}


async def test_a_poll_is_posted_from_a_form(here: Here) -> None:
    alice = await here.person("alice")
    form = [
        ("status", "Which?"),
        ("poll[options][]", "This"),
        ("poll[options][]", "That"),
        ("poll[expires_in]", "3600"),
        ("poll[multiple]", "true"),
    ]
    posted = await here.do("POST", STATUSES, alice, data=form)
    poll = posted["poll"]
    assert [one["title"] for one in poll["options"]] == ["This", "That"]
    assert (poll["multiple"], poll["expired"], poll["votes_count"]) == (True, False, 0)


async def test_own_emoji_are_kept_with_the_post(here: Here) -> None:
    alice = await here.person("alice")
    await here.execute(
        "INSERT INTO custom_emojis (id, shortcode, image_blob, updated_at)"
        " VALUES ($1, 'blob_cat', 'cat.png', now())",
        here.next_id(),
    )
    posted = await here.post(alice, "Look :blob_cat: :unknown:")
    assert [one["shortcode"] for one in posted["emojis"]] == ["blob_cat"]


async def test_an_edit_replaces_all_and_keeps_the_history(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    first, second = await upload(here, alice), await upload(here, alice)
    posted = await here.post(alice, "@bob one", media_ids=[first, second], spoiler_text="CW")
    edited = await here.do(
        "PUT",
        f"{STATUSES}/{posted['id']}",
        alice,
        json={
            "status": "two #new",
            "media_ids": [second, first],
            "media_attributes": [{"id": first, "description": "Better", "focus": "0.5,-2"}],
        },
    )
    assert edited["edited_at"] is not None
    assert (edited["spoiler_text"], edited["sensitive"]) == ("", False)
    assert [tag["name"] for tag in edited["tags"]] == ["new"]
    assert [one["id"] for one in edited["media_attachments"]] == [second, first]
    changed = edited["media_attachments"][1]
    assert changed["description"] == "Better"
    assert changed["meta"]["focus"] == {"x": 0.5, "y": -1.0}
    before, now = await here.do("GET", f"{STATUSES}/{posted['id']}/history", alice)
    assert "one" in before["content"]
    assert [one["id"] for one in before["media_attachments"]] == [first, second]
    assert before["media_attachments"][0]["description"] == "Red"
    assert "two" in now["content"]
    # Whoever could read it still can, though no longer named.
    assert edited["mentions"] == []
    assert (await here.send("GET", f"{STATUSES}/{posted['id']}", bob)).status == 200


async def test_an_edited_direct_post_stays_visible_to_those_it_named(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    posted = await here.post(alice, "@bob one", visibility="direct")
    path = f"{STATUSES}/{posted['id']}"
    await here.do("PUT", path, alice, json={"status": "two"})
    assert (await here.send("GET", path, bob)).status == 200


async def test_new_descriptions_reach_peers_with_the_update(here: Here) -> None:
    alice = await here.person("alice")
    await here.follow(await here.account("bob"), alice.id)
    media_id = await upload(here, alice)
    posted = await here.post(alice, "x", media_ids=[media_id])
    attributes = [{"id": media_id, "description": "Better"}]
    await here.do(
        "PUT",
        f"{STATUSES}/{posted['id']}",
        alice,
        json={"status": "x", "media_ids": [media_id], "media_attributes": attributes},
    )
    update = (await here.sent_to("https://far.test/users/bob/inbox"))[-1]
    assert update["type"] == "Update"
    attachment = update["object"]["attachment"]
    shown = attachment[0] if isinstance(attachment, list) else attachment
    assert shown.get("name") == "Better" or shown.get("summary") == "Better"


async def test_what_changes_nothing_is_no_edit(here: Here) -> None:
    alice = await here.person("alice")
    media_id = await upload(here, alice)
    posted = await here.post(alice, "same", media_ids=[media_id])
    again = {
        "status": "same",
        "media_ids": [media_id],
        "media_attributes": [{"id": media_id, "description": "Red"}],
    }
    edited = await here.do("PUT", f"{STATUSES}/{posted['id']}", alice, json=again)
    assert edited["edited_at"] is None
    assert await here.count("status_edits") == 0


async def test_an_edit_with_the_same_choices_keeps_the_votes(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    poll = {"options": ["a", "b"], "expires_in": 3600}
    posted = await here.post(alice, "Which?", poll=poll)
    await here.do("POST", f"/api/v1/polls/{posted['poll']['id']}/votes", bob, json={"choices": [1]})
    path = f"{STATUSES}/{posted['id']}"
    kept = await here.do("PUT", path, alice, json={"status": "Which one?", "poll": poll})
    assert [one["votes_count"] for one in kept["poll"]["options"]] == [0, 1]
    poll["options"] = ["a", "b", "c"]
    anew = await here.do("PUT", path, alice, json={"status": "Which one?", "poll": poll})
    assert [one["votes_count"] for one in anew["poll"]["options"]] == [0, 0, 0]


async def test_nobody_edits_or_deletes_what_is_not_theirs(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    path = f"{STATUSES}/{(await here.post(alice))['id']}"
    assert (await here.send("PUT", path, bob, json={"status": "x"})).status == 404
    assert (await here.send("DELETE", path, bob)).status == 404
    assert (await here.send("GET", path, alice)).status == 200


async def test_a_deleted_post_can_be_written_anew(here: Here, schema: Any) -> None:
    alice = await here.person("alice")
    await here.follow(await here.account("bob"), alice.id)
    media_id = await upload(here, alice)
    posted = await here.post(alice, "Typo #x", media_ids=[media_id])
    deleted = await here.do("DELETE", f"{STATUSES}/{posted['id']}", alice)
    schema.check("Status", deleted)
    assert deleted["text"] == "Typo #x"
    assert [one["id"] for one in deleted["media_attachments"]] == [media_id]
    assert (await here.send("GET", f"{STATUSES}/{posted['id']}", alice)).status == 404
    assert (await here.send("DELETE", f"{STATUSES}/{posted['id']}", alice)).status == 404
    again = await here.post(alice, "Fixed", media_ids=[media_id])
    assert [one["id"] for one in again["media_attachments"]] == [media_id]
    sent = await here.sent_to("https://far.test/users/bob/inbox")
    assert [one["type"] for one in sent] == ["Create", "Delete", "Create"]


async def test_media_go_with_the_post_when_asked(here: Here) -> None:
    alice = await here.person("alice")
    posted = await here.post(alice, "x", media_ids=[await upload(here, alice)])
    await here.do("DELETE", f"{STATUSES}/{posted['id']}?delete_media=true", alice)
    assert await here.count("media_attachments") == 0


async def test_deleting_ones_boost_leaves_what_it_showed(here: Here) -> None:
    alice, bob = await here.person("alice"), await here.person("bob")
    posted = await here.post(alice)
    boost = await here.do("POST", f"{STATUSES}/{posted['id']}/reblog", bob)
    await here.do("DELETE", f"{STATUSES}/{boost['id']}", bob)
    shown = await here.do("GET", f"{STATUSES}/{posted['id']}", bob)
    assert (shown["reblogs_count"], shown["reblogged"]) == (0, False)
