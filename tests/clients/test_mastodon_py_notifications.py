"""Notifications, requests, conversations and announcements with Mastodon.py."""

import asyncio
from typing import Any

from mastodon import Mastodon

from fedserver.services.announcements import NewAnnouncement, announce
from tests.conftest import unused_port
from tests.instances import Instance, Person, start_instance


def client_of(person: Person) -> Mastodon:
    """Give a client that is signed in already."""
    return Mastodon(access_token=person.token, api_base_url=person.instance.base_url)


async def test_an_afternoon(database_dsn: str, tmp_path: Any) -> None:
    async with start_instance(database_dsn, tmp_path / "here", unused_port()) as here:
        ann, bob, eve = [await here.person(name) for name in ("ann", "bob", "eve")]
        post = await ann.post("/api/v1/statuses", status="Hello")
        for fan in (bob, eve):
            await fan.post(f"/api/v1/statuses/{post['id']}/favourite")
            await fan.post("/api/v1/statuses", status="@ann psst", visibility="direct")
        client = client_of(ann)
        await asyncio.to_thread(read_groups, client)
        await asyncio.to_thread(decide, client)
        await asyncio.to_thread(talk, client)
        await announced(here, client)


def read_groups(client: Mastodon) -> None:
    """Look at what happened, as one entry for each post."""
    shown = client.grouped_notifications(expand_accounts="partial_avatars")
    (group,) = shown.notification_groups
    assert (group.type, group.notifications_count) == ("favourite", 2)
    assert len(shown.accounts) == len(shown.partial_accounts) == 1
    one = client.grouped_notification(group.group_key)
    assert one.notification_groups[0].group_key == group.group_key
    assert len(client.grouped_notification_accounts(group.group_key)) == 2
    assert {one.group_key for one in client.notifications()} == {group.group_key}
    assert client.notifications_unread_count().count == 2
    assert client.unread_grouped_notifications_count() == 1
    client.markers_set(["notifications"], [group.most_recent_notification_id])
    assert client.notifications_unread_count().count == 0
    assert client.unread_grouped_notifications_count() == 0
    client.dismiss_grouped_notification(group.group_key)
    assert client.notifications() == []


def decide(client: Mastodon) -> None:
    """Let one of two strangers in."""
    policy = client.notifications_policy()
    assert policy.for_private_mentions == "filter"
    assert policy.summary.pending_requests_count == 2
    eves, bobs = client.notification_requests()
    assert client.notification_request(bobs.id).account.username == "bob"
    client.accept_notification_request(bobs.id)
    assert client.notifications_merged()
    client.dismiss_notification_request(eves.id)
    assert client.notification_requests() == []
    assert [one.account.username for one in client.notifications()] == ["bob"]
    changed = client.update_notifications_policy(for_new_accounts="drop")
    assert (changed.for_new_accounts, changed.for_private_mentions) == ("drop", "filter")
    client.accept_multiple_notification_requests([bobs.id])
    client.dismiss_multiple_notification_requests([eves.id])


def talk(client: Mastodon) -> None:
    """Answer who was let in."""
    (conversation,) = client.conversations()
    assert conversation.unread
    assert not client.conversations_read(conversation.id).unread
    client.status_reply(conversation.last_status, "Yes?", visibility="direct")
    (later,) = client.conversations()
    assert later.id == conversation.id
    assert later.last_status.id != conversation.last_status.id
    client.notifications_dismiss(client.notifications()[0].id)
    client.notifications_clear()


async def announced(here: Instance, client: Mastodon) -> None:
    """Read what the admin says."""
    await announce(here.ctx, NewAnnouncement("The picnic is on #Sunday"))
    (announcement,) = await asyncio.to_thread(client.announcements)
    assert not announcement.read
    assert announcement.tags[0]["name"] == "sunday"
    await asyncio.to_thread(client.announcement_reaction_create, announcement.id, "🧺")
    await asyncio.to_thread(client.announcement_dismiss, announcement.id)
    (announcement,) = await asyncio.to_thread(client.announcements)
    assert announcement.read
    assert [(one["name"], one["me"]) for one in announcement.reactions] == [("🧺", True)]
    await asyncio.to_thread(client.announcement_reaction_delete, announcement.id, "🧺")
    (announcement,) = await asyncio.to_thread(client.announcements)
    assert announcement.reactions == []
