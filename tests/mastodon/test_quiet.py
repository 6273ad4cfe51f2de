"""What people do not want to see or hear of: muted threads, mutes, blocks, blocked domains."""

from datetime import timedelta
from typing import Any

import pytest

from tests.mastodon.conftest import Schema
from tests.mastodon.write_fixtures import Here, Person
from tests.mastodon.write_fixtures import here_fixture as here_fixture

DOMAINS = "/api/v1/domain_blocks"


async def told(here: Here, person: Person) -> list[tuple[str, str]]:
    """Give what a person was told and by whom, the oldest first."""
    found = await here.do("GET", "/api/v1/notifications", person)
    return [(one["type"], one["account"]["username"]) for one in reversed(found)]


async def follow(here: Here, person: Person, *others: Person) -> None:
    for other in others:
        await here.do("POST", f"/api/v1/accounts/{other.id}/follow", person)


async def relation(here: Here, person: Person, account_id: int) -> Any:
    path = f"/api/v1/accounts/relationships?id[]={account_id}"
    [found] = await here.do("GET", path, person)
    return found


class TestThreads:
    async def test_a_muted_thread_is_silent_until_it_is_unmuted(self, here: Here) -> None:
        alice, bob = await here.person("alice"), await here.person("bob")
        post = await here.post(alice, "a discussion")
        muted = await here.do("POST", f"/api/v1/statuses/{post['id']}/mute", alice)
        assert (muted["id"], muted["muted"]) == (post["id"], True)
        reply = await here.post(bob, "@alice so?", in_reply_to_id=post["id"])
        await here.do("POST", f"/api/v1/statuses/{post['id']}/favourite", bob)
        await here.do("POST", f"/api/v1/statuses/{post['id']}/reblog", bob)
        assert await told(here, alice) == []
        assert (await here.do("GET", f"/api/v1/statuses/{reply['id']}", alice))["muted"]
        assert not (await here.do("GET", f"/api/v1/statuses/{reply['id']}", bob))["muted"]
        other = await here.post(alice, "another one")
        await here.do("POST", f"/api/v1/statuses/{other['id']}/favourite", bob)
        assert await told(here, alice) == [("favourite", "bob")]
        again = await here.do("POST", f"/api/v1/statuses/{reply['id']}/unmute", alice)
        assert again["muted"] is False
        await here.post(bob, "@alice well?", in_reply_to_id=post["id"])
        assert await told(here, alice) == [("favourite", "bob"), ("mention", "bob")]

    async def test_only_what_one_may_see_can_be_muted(self, here: Here) -> None:
        alice, bob = await here.person("alice"), await here.person("bob")
        secret = await here.post(bob, "psst", visibility="direct")
        path = f"/api/v1/statuses/{secret['id']}/mute"
        assert await here.refusal("POST", path, alice) == (404, "Record not found")
        reader = await here.person("reader", scopes="read")
        assert (await here.refusal("POST", path, reader))[0] == 403


class TestMutes:
    async def test_a_mute_ends_by_itself(self, here: Here, schema: Schema) -> None:
        alice, bob = await here.person("alice"), await here.person("bob")
        await follow(here, alice, bob)
        post = await here.post(bob, "@alice hello")
        path = f"/api/v1/accounts/{bob.id}/mute"
        made = await here.do("POST", path, alice, json={"duration": 3600})
        schema.check("Relationship", made)
        ends = made["muting_expires_at"]
        assert (made["muting"], made["muting_notifications"]) == (True, True)
        [listed] = await here.do("GET", "/api/v1/mutes", alice)
        assert listed["mute_expires_at"] == ends is not None
        assert await told(here, alice) == []  # and what there was is gone
        here.clock.move(timedelta(seconds=3601))
        assert await here.do("GET", "/api/v1/mutes", alice) == []
        assert (await relation(here, alice, bob.id))["muting"] is False
        await here.post(bob, "@alice again")
        assert await told(here, alice) == [("mention", "bob")]
        assert post["id"]

    async def test_notifications_of_somebody_muted_come_if_wanted(self, here: Here) -> None:
        alice, bob = await here.person("alice"), await here.person("bob")
        path = f"/api/v1/accounts/{bob.id}/mute"
        made = await here.do("POST", path, alice, json={"notifications": False})
        assert (made["muting"], made["muting_notifications"]) == (True, False)
        await here.post(bob, "@alice hello")
        assert await told(here, alice) == [("mention", "bob")]

    @pytest.mark.parametrize("kind", ["mute", "block"])
    async def test_who_is_muted_or_blocked_is_nowhere(self, here: Here, kind: str) -> None:
        alice, bob, eve = [await here.person(name) for name in ("alice", "bob", "eve")]
        await follow(here, alice, bob, eve)
        root = await here.post(eve, "about cats #cats")
        unwanted = await here.post(bob, "my cats #cats", in_reply_to_id=root["id"])
        public = await here.post(bob, "more cats #cats")
        boost = await here.do("POST", f"/api/v1/statuses/{public['id']}/reblog", eve)
        await here.do("POST", f"/api/v1/accounts/{bob.id}/{kind}", alice)
        naming = await here.post(eve, "@bob hi")
        hidden = {unwanted["id"], public["id"], boost["id"], naming["id"]}
        for path in ("home", "public", "tag/cats"):
            shown = await here.do("GET", f"/api/v1/timelines/{path}", alice)
            in_home = {naming["id"]} if path == "public" else set()
            assert {one["id"] for one in shown} & hidden == in_home, path
            assert root["id"] in {one["id"] for one in shown}
        context = await here.do("GET", f"/api/v1/statuses/{root['id']}/context", alice)
        assert context["descendants"] == []
        for act in ("favourite", "reblog"):
            await here.send("POST", f"/api/v1/statuses/{root['id']}/{act}", bob)
        await here.post(bob, "@alice hello")
        await here.post(eve, "@alice @bob hello")
        assert await told(here, alice) == []

    async def test_the_list_of_blocks(self, here: Here, schema: Schema) -> None:
        alice, bob, eve = [await here.person(name) for name in ("alice", "bob", "eve")]
        for other in (bob, eve):
            await here.do("POST", f"/api/v1/accounts/{other.id}/block", alice)
        first = await here.send("GET", "/api/v1/blocks?limit=1", alice)
        schema.check_each("Account", first.body)
        assert [one["username"] for one in first.body] == ["eve"]
        assert 'rel="next"' in first.headers["Link"]


class TestDomains:
    async def test_a_blocked_domain_is_not_seen_or_heard(self, here: Here, schema: Schema) -> None:
        alice = await here.person("alice")
        far, near = await here.account("far"), await here.account("near", "near.test")
        await here.follow(alice.id, near)
        there, here_too = await here.status(far), await here.status(near)
        boost = await here.status(near, "", reblog_of=there)
        reply = await here.status(far, reply_to=here_too)
        await here.at_home(alice.id, there, here_too, boost)
        await here.notify(alice.id, "favourite", far, here_too)
        assert await here.do("POST", DOMAINS, alice, json={"domain": "FAR.test"}) == {}
        assert await here.do("GET", DOMAINS, alice) == ["far.test"]
        found = await relation(here, alice, far)
        schema.check("Relationship", found)
        assert found["domain_blocking"] is True
        assert (await relation(here, alice, near))["domain_blocking"] is False
        for path in ("home", "public"):
            shown = await here.do("GET", f"/api/v1/timelines/{path}", alice)
            assert [one["id"] for one in shown] == [str(here_too)], path
        context = await here.do("GET", f"/api/v1/statuses/{here_too}/context", alice)
        assert context["descendants"] == []
        assert await told(here, alice) == []
        assert await here.do("DELETE", f"{DOMAINS}?domain=far.test", alice) == {}
        assert await here.do("GET", DOMAINS, alice) == []
        context = await here.do("GET", f"/api/v1/statuses/{here_too}/context", alice)
        assert [one["id"] for one in context["descendants"]] == [str(reply)]

    async def test_follows_either_way_end_and_peers_are_told(self, here: Here) -> None:
        alice = await here.person("alice")
        followed, follower = await here.account("followed"), await here.account("follower")
        other = await here.account("other", "near.test")
        await here.follow(alice.id, followed)
        await here.follow(follower, alice.id)
        await here.follow(alice.id, other)
        expected = {"following_count": 1, "followers_count": 1}
        path = f"{DOMAINS}/preview"
        assert await here.do("GET", path, alice, params={"domain": "far.test"}) == expected
        await here.do("POST", DOMAINS, alice, data={"domain": "far.test"})
        [undo] = await here.sent_to("https://far.test/users/followed/inbox")
        [reject] = await here.sent_to("https://far.test/users/follower/inbox")
        assert (undo["type"], undo["object"]["type"]) == ("Undo", "Follow")
        assert (reject["type"], reject["object"]["actor"]) == (
            "Reject",
            "https://far.test/users/follower",
        )
        assert (await relation(here, alice, followed))["following"] is False
        assert (await relation(here, alice, follower))["followed_by"] is False
        assert (await relation(here, alice, other))["following"] is True

    async def test_many_follows_end(self, here: Here) -> None:
        alice = await here.person("alice")
        for number in range(105):
            await here.follow(await here.account(f"f{number}"), alice.id)
        await here.do("POST", DOMAINS, alice, json={"domain": "far.test"})
        assert await here.count("follows") == 0

    @pytest.mark.parametrize(
        ("domain", "text"),
        [("", "Domain can't be blank"), ("a b", "Domain is not a valid domain name")],
    )
    async def test_what_is_no_domain(self, here: Here, domain: str, text: str) -> None:
        alice = await here.person("alice")
        refused = await here.refusal("POST", DOMAINS, alice, json={"domain": domain})
        assert refused == (422, f"Validation failed: {text}")

    async def test_the_list_is_in_pages(self, here: Here) -> None:
        alice = await here.person("alice")
        for name in ("a", "b", "c"):
            await here.do("POST", DOMAINS, alice, json={"domain": f"{name}.test"})
        first = await here.send("GET", f"{DOMAINS}?limit=2", alice)
        assert first.body == ["c.test", "b.test"]
        following = first.headers["Link"].split(">")[0].lstrip("<")
        last = await here.send("GET", following.partition("here.test")[2], alice)
        assert (last.body, 'rel="next"' in last.headers.get("Link", "")) == (["a.test"], False)
