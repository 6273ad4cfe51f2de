"""Posts and profiles, put into the database as they are once they came in."""

from typing import Any

from storage.accounts import UPDATE_PROFILE
from storage.statuses import INSERT_STATUS, PUT_TAGS
from tests.web_server import START, Site


async def put_status(
    site: Site, account_id: int, content: str = "<p>Hello</p>", **more: Any
) -> int:
    status_id = site.ctx.ids.new()
    base = site.ctx.config.base_url
    url = f"{base}/@alice/{status_id}"
    await site.ctx.db.execute(
        INSERT_STATUS,
        status_id,
        f"{base}/users/alice/statuses/{status_id}",
        url,
        account_id,
        True,
        "Note",
        more.get("visibility", "public"),
        more.get("reblog_of_id"),
        None,
        None,
        None,
        status_id,
        content,
        "",
        more.get("spoiler_text", ""),
        more.get("sensitive", False),
        "en",
        [],
        None,
        START,
    )
    tags = more.get("tags", [])
    await site.ctx.db.execute(
        PUT_TAGS, status_id, [site.ctx.ids.new() for _ in tags], tags, tags, START
    )
    return status_id


async def set_profile(site: Site, account_id: int, note: str, name: str = "Alice A.") -> None:
    fields = [{"name": "Site", "value": '<a href="https://a.example">a</a>', "verified_at": None}]
    await site.ctx.db.execute(
        UPDATE_PROFILE,
        account_id,
        name,
        note,
        "",
        fields,
        [],
        False,
        "Person",
        None,
        False,
        False,
        None,
        None,
    )
