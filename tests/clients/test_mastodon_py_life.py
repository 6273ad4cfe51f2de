"""Two people on two instances call every method of Mastodon.py that means one of our endpoints."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mastodon import Mastodon

from tests.clients.mastodon_py_excuses import EXCUSED, EXCUSED_PREFIXES
from tests.clients.test_mastodon_py import find, png
from tests.conftest import unused_port
from tests.instances import Instance, Person, start_instance
from tests.waiting import until


class Recorder:
    """Mastodon.py as one person uses it; remembers which methods were called and answered."""

    def __init__(self, person: Person, called: set[str]) -> None:
        self._client = Mastodon(access_token=person.token, api_base_url=person.instance.base_url)
        self._called = called

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._client, name)

        def call(*arguments: Any, **options: Any) -> Any:
            answer = method(*arguments, **options)
            self._called.add(name)
            return answer

        return call


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


async def test_a_life(instances: tuple[Instance, Instance]) -> None:
    one, other = instances
    called: set[str] = set()
    ann, zoe = await one.person("ann"), await other.person("zoe")
    ann_client, zoe_client = Recorder(ann, called), Recorder(zoe, called)
    zoe_id = (await asyncio.to_thread(find, ann_client, zoe.acct))["id"]
    ann_id = (await asyncio.to_thread(find, zoe_client, ann.acct))["id"]
    await befriend(ann_client, zoe_client, ann_id, zoe_id)
    posted = await asyncio.to_thread(zoe_client.toot, f"Hello @{ann.acct} #morning")
    shown = await until(lambda: asyncio.to_thread(arrived, ann_client, posted["uri"]))
    for step in (about_the_instance, about_oneself, write, keep, filter_out, organise, be_told):
        await asyncio.to_thread(step, ann_client)
    await asyncio.to_thread(react, ann_client, shown)
    await vote(ann_client, zoe_client)
    bob_client = Recorder(await one.person("bob"), called)
    await asyncio.to_thread(collect, ann_client, bob_client)
    await asyncio.to_thread(relate, ann_client, zoe_id)
    unseen = library() - called - set(EXCUSED)
    assert not unseen, sorted(unseen)
    assert not called & set(EXCUSED), "excused, but called"
    assert set(EXCUSED) <= library(), "excused, but not in the library"


def library() -> set[str]:
    """Give the public methods of the library, without those of endpoints that we lack."""
    return {
        name
        for name, _ in inspect.getmembers(Mastodon, callable)
        if not name.startswith(EXCUSED_PREFIXES)
    }


def arrived(client: Recorder, uri: str) -> Any:
    return next((status for status in client.timeline_home() if status["uri"] == uri), None)


async def befriend(ann: Recorder, zoe: Recorder, ann_id: Any, zoe_id: Any) -> None:
    """Ann asks, and Zoe lets her in; Zoe follows back, and is turned away."""
    await asyncio.to_thread(zoe.account_update_credentials, locked=True)
    await asyncio.to_thread(ann.account_follow, zoe_id)
    await until(lambda: asyncio.to_thread(zoe.follow_requests))
    await asyncio.to_thread(zoe.follow_request_authorize, ann_id)

    async def follows() -> bool:
        (relation,) = await asyncio.to_thread(ann.account_relationships, zoe_id)
        return bool(relation["following"])

    await until(follows)
    await asyncio.to_thread(ann.account_update_credentials, locked=True)
    await asyncio.to_thread(zoe.account_follow, ann_id)
    await until(lambda: asyncio.to_thread(ann.follow_requests))
    await asyncio.to_thread(ann.follow_request_reject, zoe_id)
    assert await asyncio.to_thread(ann.follow_requests) == []
    await asyncio.to_thread(ann.account_update_credentials, locked=False)


async def vote(ann: Recorder, zoe: Recorder) -> None:
    """Ann votes in Zoe's poll, and it is counted there."""
    options = zoe.make_poll(["tea", "coffee"], expires_in=600)
    asked = await asyncio.to_thread(zoe.status_post, "Which?", poll=options)
    here = await until(lambda: asyncio.to_thread(arrived, ann, asked["uri"]))
    assert (await asyncio.to_thread(ann.poll_vote, here["poll"]["id"], 1))["own_votes"] == [1]

    async def counted() -> bool:
        poll = await asyncio.to_thread(zoe.poll, asked["poll"]["id"])
        return [one["votes_count"] for one in poll["options"]] == [0, 1]

    await until(counted)


def collect(ann: Recorder, bob: Recorder) -> None:
    """Bob is put into a collection, taken out, put in again, and goes by himself."""
    kept = ann.collection_create("Neighbours", description="", sensitive=False).collection.id
    him = bob.account_update_credentials(discoverable=True)["id"]

    def held() -> list[Any]:
        return [one["account_id"] for one in ann.collection(kept).collection["items"]]

    first = ann.collection_item_add(kept, him)
    assert [str(one) for one in held()] == [str(him)]
    ann.collection_item_delete(kept, first.collection_item.id)
    assert held() == []
    second = ann.collection_item_add(kept, him)
    bob.collection_item_revoke(kept, second.collection_item.id)
    assert [one for one in held() if one] == []
    ann.collection_delete(kept)


def about_the_instance(client: Recorder) -> None:
    """Where am I?"""
    assert client.instance()["domain"] == client.instance_v1()["uri"]
    assert client.instance_health()
    assert client.instance_v2()["domain"] == client.instance_v1()["uri"]
    assert client.instance_nodeinfo()["software"]["name"] == "fedserver"
    assert len(client.instance_activity()) == 12
    assert client.instance_peers()
    for ask in (
        client.instance_rules,
        client.instance_domain_blocks,
        client.instance_languages,
        client.instance_extended_description,
        client.instance_translation_languages,
        client.custom_emojis,
        client.announcements,
        client.trends,
        client.trending_tags,
        client.trending_statuses,
        client.trending_links,
        client.directory,
        client.oauth_authorization_server_info,
        client.get_supported_version,
        client.retrieve_mastodon_version,
        client.get_approx_server_time,
    ):
        ask()
    assert client.verify_minimum_version("4.0.0")
    assert client.timeline_is_available("public")


def about_oneself(client: Recorder) -> None:
    """Who am I, and how do I look?"""
    assert client.me()["id"] == client.account_verify_credentials()["id"]
    assert client.app_verify_credentials()["name"] == "Tests"
    assert client.preferences()["posting:default:visibility"] == "public"
    client.account_update_credentials(avatar=png(), avatar_mime_type="image/png")
    assert "missing" in client.account_delete_avatar()["avatar"]
    client.account_delete_header()
    assert client.profile_update(display_name="Ann")["display_name"] == "Ann"
    assert client.profile()["display_name"] == "Ann"
    client.annual_reports()
    client.annual_report_state(2025)


def write(client: Recorder) -> None:
    """Everything that can be done with one's own posts."""
    picture = client.media_post(png(), mime_type="image/png")
    client.media_update(picture["id"], description="red")
    assert client.media(picture["id"])["description"] == "red"
    post = client.status_post("With a picture", media_ids=[picture["id"]])
    change = client.generate_media_edit_attributes(picture["id"], description="a square")
    edited = client.status_update(post["id"], "Better", media_attributes=[change])
    assert edited["media_attachments"][0]["description"] == "a square"
    assert client.status_source(post["id"])["text"] == "Better"
    assert len(client.status_history(post["id"])) == 2
    assert client.status_pin(post["id"])["pinned"]
    assert not client.status_unpin(post["id"])["pinned"]
    assert client.status_mute(post["id"])["muted"]
    assert not client.status_unmute(post["id"])["muted"]
    client.status_card(post["id"])
    assert len(client.statuses([post["id"]])) == 1
    assert client.status_update_quote_approval_policy(post["id"], "nobody")
    client.status_update_quote_approval_policy(post["id"], "public")
    quote = client.status_post("Look at this", quoted_status_id=post["id"])
    assert [one["id"] for one in client.status_quotes(post["id"])] == [quote["id"]]
    client.status_quote_revoke(post["id"], quote["id"])
    assert client.status_quotes(post["id"]) == []
    poll = client.status_post("Well?", poll=client.make_poll(["yes", "no"], expires_in=600))
    assert client.poll(poll["poll"]["id"])["options"][0]["title"] == "yes"
    later = datetime.now(UTC) + timedelta(hours=2)
    planned = client.status_post("Later", scheduled_at=later)
    assert client.scheduled_statuses()[0]["id"] == planned["id"]
    client.scheduled_status_update(planned["id"], later + timedelta(hours=1))
    assert client.scheduled_status(planned["id"])["params"]["text"] == "Later"
    client.scheduled_status_delete(planned["id"])
    assert client.status_delete(quote["id"])["text"] == "Look at this"


def keep(client: Recorder) -> None:
    """Timelines and their pages, tags, what is featured."""
    for number in range(5):
        client.status_post(f"Number {number} #counting")
    page = client.timeline_public(limit=2)
    second = client.fetch_next(page)
    assert [one["id"] for one in client.fetch_previous(second)] == [one["id"] for one in page]
    assert len(client.fetch_remaining(page)) >= 5
    assert client.get_pagination_info(page, "next")
    assert len(list(client.pagination_iterator(page))) >= 5
    assert len(list(client.pagination_page_iterator(page))) >= 3
    assert len(client.timeline_hashtag("counting")) == 5
    assert client.timeline_local()
    assert client.timeline("home")
    assert client.tag_follow("counting")["following"]
    assert client.followed_tags()[0]["name"] == "counting"
    assert not client.tag_unfollow("counting")["following"]
    assert client.tag_feature("counting")["featuring"]
    assert not client.tag_unfeature("counting")["featuring"]
    assert client.tag("counting")["name"] == "counting"
    client.featured_tag_suggestions()
    featured = client.featured_tag_create("counting")
    assert client.account_featured_tags(client.me()["id"])[0]["name"] == "counting"
    assert client.featured_tags()[0]["id"] == featured["id"]
    client.featured_tag_delete(featured["id"])
    for suggest in (client.suggestions, client.suggestions_v1, client.suggestions_v2):
        assert isinstance(suggest(), list)
    assert client.search("counting")["hashtags"]
    assert client.search_v2("counting")["hashtags"]


def filter_out(client: Recorder) -> None:
    """Both generations of filters."""
    post = client.status_post("About spiders")
    made = client.create_filter_v2("Legs", ["home"], "warn")
    word = client.add_filter_keyword_v2(made["id"], "spiders")
    assert client.filter_keywords_v2(made["id"])[0]["id"] == word["id"]
    one = client.add_filter_status_v2(made["id"], post["id"])
    assert client.filter_statuses_v2(made["id"])[0]["id"] == one["id"]
    assert client.filter_status_v2(one["id"])["status_id"] == post["id"]
    assert client.update_filter_v2(made["id"], title="Eight legs")["title"] == "Eight legs"
    assert client.filter_v2(made["id"])["title"] == "Eight legs"
    assert len(client.filters_v2()) == 1
    client.delete_filter_status_v2(one["id"])
    client.delete_filter_keyword_v2(word["id"])
    client.delete_filter_v2(made["id"])
    old = client.filter_create("snakes", ["home"])
    assert client.filter(old["id"])["phrase"] == "snakes"
    assert client.filter_update(old["id"], phrase="snake", context=["home"])["phrase"] == "snake"
    assert client.filters_apply([post], client.filters(), "home") == [post]
    client.filter_delete(old["id"])
    assert client.filters() == []


def organise(client: Recorder) -> None:
    """Markers, conversations, domains and push."""
    post = client.status_post("For me", visibility="direct")
    assert client.markers_set(["home"], [post["id"]])
    assert client.markers_get(["home"])["home"]["last_read_id"] == post["id"]
    client.domain_block("bad.example")
    assert client.domain_blocks() == ["bad.example"]
    client.domain_unblock("bad.example")
    _, public = client.push_subscription_generate_keys()
    client.push_subscription_set("https://push.example/1", public, mention_events=True)
    assert client.push_subscription_update(follow_events=True)["alerts"]["follow"]
    assert client.push_subscription()["endpoint"] == "https://push.example/1"
    client.push_subscription_delete()


def be_told(client: Recorder) -> None:
    """Notifications, one by one and in groups."""
    mention = client.notifications(types=["mention"])[0]
    assert client.grouped_notifications()["notification_groups"]
    assert client.notifications_unread_count()["count"] >= 1
    assert client.unread_grouped_notifications_count() >= 1
    assert client.notifications_policy()["for_not_following"] == "accept"
    changed = client.update_notifications_policy(for_not_following="filter")
    assert changed["for_not_following"] == "filter"
    assert client.notification_requests() == []
    assert client.notifications_merged()
    client.notifications_dismiss(mention["id"])
    client.notifications_clear()
    assert client.notifications() == []
    client.conversations()


def react(client: Recorder, status: Any) -> None:
    """Answer what came from the other instance, and take back what can be."""
    reply = client.status_reply(status, "Good day")
    assert client.status_context(status["id"])["descendants"][0]["id"] == reply["id"]
    assert client.status(status["id"])["replies_count"] == 1
    assert client.status_favourite(status["id"])["favourited"]
    assert client.favourites()
    assert client.status_favourited_by(status["id"])
    assert client.status_reblog(status["id"])["reblog"]["id"] == status["id"]
    assert client.status_reblogged_by(status["id"])
    assert client.status_bookmark(status["id"])["bookmarked"]
    assert client.bookmarks()[0]["id"] == status["id"]
    assert not client.status_unfavourite(status["id"])["favourited"]
    assert not client.status_unreblog(status["id"])["reblogged"]
    assert not client.status_unbookmark(status["id"])["bookmarked"]


def relate(client: Recorder, other: Any) -> None:
    """Lists, collections, notes, and everything between two people."""
    me = client.me()["id"]
    made = client.list_create("Friends")
    client.list_accounts_add(made["id"], [other])
    assert client.list_accounts(made["id"])[0]["id"] == other
    assert client.account_lists(other)[0]["id"] == made["id"]
    assert client.timeline_list(made["id"])
    assert client.list_update(made["id"], "Close")["title"] == "Close"
    assert client.list(made["id"])["title"] == client.lists()[0]["title"] == "Close"
    client.list_accounts_delete(made["id"], [other])
    client.list_delete(made["id"])
    assert client.account(other)["username"] == client.accounts([other])[0]["username"] == "zoe"
    assert client.account_search("zoe")
    assert client.account_statuses(other)
    assert client.account_following(me)
    assert client.account_followers(other)
    client.account_familiar_followers(other)
    assert client.account_endorse(other)["endorsed"]
    assert client.endorsements()
    assert not client.account_unendorse(other)["endorsed"]
    assert client.account_pin(other)["endorsed"]
    assert not client.account_unpin(other)["endorsed"]
    assert client.account_note_set(other, "met in May")["note"] == "met in May"
    client.account_collections(me)
    client.account_in_collections(me)
    kept = client.collection_create("Good people", description="", sensitive=False)
    kept = getattr(kept, "collection", kept)["id"]
    client.collection_update(kept, name="Better people")
    assert "Better people" in str(client.collection(kept))
    client.suggestion_delete(other)
    client.report(other, comment="Only a test")
    assert client.account_mute(other)["muting"]
    assert client.mutes()
    assert not client.account_unmute(other)["muting"]
    assert client.account_remove_from_followers(other)["followed_by"] is False
    assert client.account_block(other)["blocking"]
    assert client.blocks()
    assert not client.account_unblock(other)["blocking"]
    assert not client.account_unfollow(other)["following"]
    client.collection_delete(kept)
