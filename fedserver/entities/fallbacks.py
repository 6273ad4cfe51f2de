"""NotificationFallback: what an app shows of a notification whose type it does not know (Mastodon
API: notifications, supported_types)."""

from collections.abc import Collection, Mapping
from html import escape
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.notified import ADDED, CHANGED, REPORT, SEVERED, Subjects
from storage.notification_reads import NotificationRow

Json = dict[str, Any]

# Every other type is known to every app.
_RARE = (REPORT, SEVERED, ADDED, CHANGED, "admin.sign_up", "moderation_warning")


def fallback(
    ctx: Context,
    row: NotificationRow,
    subjects: Subjects,
    accounts: Mapping[int, bytes],
    supported: Collection[str] | None,
    others: int,
) -> Json | None:
    """Give the fallback for an app that says which types it supports, and not this one.

    `others`: how many more accounts did the same, in a group. The texts are HTML.
    """
    if supported is None or row.type in supported or row.type not in _RARE:
        return None
    cause = _link(accounts[row.from_account_id])
    summary = f'This app cannot show all of it. <a href="{ctx.config.base_url}/">Sign in</a>'
    match row.type:
        case "severed_relationships":
            name = escape(subjects.severances[row.subject_id or 0].target_name)
            title = f"Lost connections with {name}"
            page = f"{ctx.config.base_url}/severed_relationships"
            summary = f'Follows and followers have ended. <a href="{page}">See which</a>'
        case "admin.report":
            target = subjects.reports[row.subject_id or 0].target_id
            title = f"{cause} reported {_link(accounts[target])}"
        case "added_to_collection" | "collection_update":
            told = "added you to a collection" if row.type == ADDED else _CHANGED
            title = f"{cause} {told}"
            url = escape(subjects.collections[row.subject_id or 0]["url"])
            summary = f'This app does not show collections. <a href="{url}">See it</a>'
        case "admin.sign_up":
            title = f"{cause} and {others} more signed up" if others else f"{cause} signed up"
        case _:
            title = "A moderator has sent you a warning"
    return {"title": title, "summary": summary, "details": None}


_CHANGED = "changed a collection that you are in"


def _link(account: bytes) -> str:
    shown = orjson.loads(account)
    return f'<a href="{escape(shown["url"])}">@{escape(shown["acct"])}</a>'
