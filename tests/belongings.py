"""Everything that somebody can have, made over the API, and where its ids stand in paths."""

import io
import re
from collections.abc import Mapping
from typing import Any

import aiohttp
from PIL import Image

from fedserver.services.announcements import NewAnnouncement, announce
from tests.instances import Person
from tests.push.service import new_app

Ids = Mapping[str, str]
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
# The first that fits, by the path before the placeholder.
_KINDS = (
    (r"/accounts/$", "account"),
    (r"/suggestions/$", "account"),
    (r"/follow_requests/$", "requester"),
    (r"/quotes/$", "quote"),
    (r"/reactions/$", "emoji"),
    (r"/statuses/$(?<!filters/statuses/)(?<!scheduled_statuses/)", "status"),
    (r"/embeds/$", "status"),
    (r"/async_refreshes/$", "status"),
    (r"/lists?/$", "list"),
    (r"/v1/filters/$", "keyword"),
    (r"/filters/keywords/$", "keyword"),
    (r"/filters/statuses/$", "filter_status"),
    (r"/filters/$", "filter"),
    (r"/scheduled_statuses/$", "scheduled"),
    (r"/media/$", "media"),
    (r"/conversations/$", "conversation"),
    (r"/notifications/requests/$", "notification_request"),
    (r"/v2(?:_alpha)?/notifications/$", "group"),
    (r"/notifications/$", "notification"),
    (r"/interaction_requests/$", "interaction_request"),
    (r"/polls/$", "poll"),
    (r"/items/$", "item"),
    (r"/collections/$", "collection"),
    (r"/featured_tags/$", "featured_tag"),
    (r"/announcements/$", "announcement"),
    (r"/tags?/$", "tag"),
    (r"/annual_reports/$", "year"),
    (r"/terms_of_service/$", "date"),
    (r"/exports/$", "export"),
    (r"/imports/$", "import"),
    (r"/sessions/applications/$", "application"),
    (r"/sessions/browsers/$", "browser"),
    (r"/push_subscriptions/$", "push_subscription"),
    (r"/archives/$", "archive"),
)


def kinds_in(path: str) -> dict[str, str]:
    """Give, for each placeholder of a path, what its value is an id of."""
    found = {}
    for match in _PLACEHOLDER.finditer(path):
        before = path[: match.start()]
        found[match.group(1)] = next(kind for shape, kind in _KINDS if re.search(shape, before))
    return found


def filled(path: str, ids: Ids) -> str:
    """Give the path with a real id in each place."""
    kinds = kinds_in(path)
    return _PLACEHOLDER.sub(lambda match: ids[kinds[match.group(1)]], path)


async def make_belongings(owner: Person, other: Person, stranger: Person) -> dict[str, str]:
    """Give `owner` one of everything, most of it together with `other`. Gives the ids by kind.

    It can be called again: what was there is made once more or stays.
    """
    instance = owner.instance
    for person in (owner, other, stranger):
        await person.do("PATCH", "/api/v1/profile", locked=False, discoverable=True)
    await owner.do("PATCH", "/api/v2/notifications/policy", for_not_following="filter")
    await owner.post(f"/api/v1/accounts/{other.account_id}/follow")
    ids = await _posts(owner, other)
    ids |= await _settings(owner, ids["status"])
    ids |= await _between(owner, other, stranger)
    announced = await announce(instance.ctx, NewAnnouncement("News of #cats"))
    return ids | {
        "account": str(other.account_id),
        "requester": str(stranger.account_id),
        "announcement": str(announced),
        "tag": "cats",
        "emoji": "😀",
        "choice": "0",
        "year": "2025",
        "date": "2026-01-01",
        "export": "following",
        "application": str(instance.application_id),
        # What nobody has whose token did not come from a browser.
        "browser": "1",
        "import": "1",
        # One that nobody has: making one takes a worker.
        "archive": "1",
    }


async def upload(person: Person, **fields: str) -> str:
    """Give the id of a new picture of somebody's."""
    form = aiohttp.FormData(fields)
    form.add_field("file", picture(), filename="a.png", content_type="image/png")
    url = person.instance.base_url + "/api/v2/media"
    headers = {"Authorization": f"Bearer {person.token}"}
    async with person.instance.session.post(url, data=form, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        made: dict[str, Any] = await answer.json()
        return str(made["id"])


def picture() -> bytes:
    """Give a small PNG."""
    made = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(made, "PNG")
    return made.getvalue()


async def _posts(owner: Person, other: Person) -> dict[str, str]:
    posts = "/api/v1/statuses"
    status = await owner.post(
        posts,
        status=f"Hello #cats @{other.name}",
        media_ids=[await upload(owner)],
        quote_approval_policy="public",
    )
    await other.post(posts, status=f"@{owner.name} hi", in_reply_to_id=status["id"])
    await other.post(f"{posts}/{status['id']}/favourite")
    await other.post(posts, status=f"@{owner.name} psst", visibility="direct")
    poll = {"options": ["a", "b"], "expires_in": 3600}
    asked = await other.post(posts, status="Which?", poll=poll)
    quote = await other.post(posts, status="See", quoted_status_id=status["id"])
    later = await owner.post(posts, status="Later", scheduled_at="2030-01-01T00:00:00Z")
    return {
        "status": status["id"],
        "poll": asked["poll"]["id"],
        "quote": quote["id"],
        "scheduled": later["id"],
        "media": await upload(owner),
    }


async def _settings(owner: Person, status_id: str) -> dict[str, str]:
    made_list = await owner.post("/api/v1/lists", title="Friends")
    keyword = {"keyword": "dull"}
    made = await owner.post(
        "/api/v2/filters", title="Dull", context=["home"], keywords_attributes=[keyword]
    )
    hidden = await owner.post(f"/api/v2/filters/{made['id']}/statuses", status_id=status_id)
    for tag in await owner.get("/api/v1/featured_tags"):
        await owner.delete(f"/api/v1/featured_tags/{tag['id']}")
    tag = await owner.post("/api/v1/featured_tags", name="cats")
    browser = {"endpoint": "http://localhost:1/push", "keys": new_app().keys}
    subscribed = await owner.post("/api/web/push_subscriptions", subscription=browser)
    return {
        "list": made_list["id"],
        "filter": made["id"],
        "keyword": made["keywords"][0]["id"],
        "filter_status": hidden["id"],
        "featured_tag": tag["id"],
        "push_subscription": str(subscribed["id"]),
    }


async def _between(owner: Person, other: Person, stranger: Person) -> dict[str, str]:
    await stranger.post("/api/v1/statuses", status=f"@{owner.name} buy this")
    (request, *_) = await owner.get("/api/v1/notifications/requests")
    await owner.do("PATCH", "/api/v1/profile", locked=True)
    await stranger.post(f"/api/v1/accounts/{owner.account_id}/follow")
    asked = {"automatic_approval": ["author"], "manual_approval": ["public"]}
    guarded = await owner.post(
        "/api/v1/statuses", status="Ask me", interaction_policy={"can_reply": asked}
    )
    await other.post("/api/v1/statuses", status="May I?", in_reply_to_id=guarded["id"])
    (interaction, *_) = await owner.get("/api/v1/interaction_requests")
    members = [str(other.account_id)]
    made = await owner.post("/api/v1/collections", name="Good ones", account_ids=members)
    (conversation, *_) = await owner.get("/api/v1/conversations")
    (notification, *_) = await owner.get("/api/v1/notifications")
    grouped = await owner.get("/api/v2/notifications")
    return {
        "notification_request": request["id"],
        "interaction_request": interaction["id"],
        "collection": made["collection"]["id"],
        "item": made["collection"]["items"][0]["id"],
        "conversation": conversation["id"],
        "notification": notification["id"],
        "group": grouped["notification_groups"][0]["group_key"],
    }
