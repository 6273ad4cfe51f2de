"""Statuses of the Mastodon API, built from one joined row each."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Json = dict[str, Any]


def status(row: Mapping[str, Any]) -> Json:
    return {
        "id": str(row["id"]),
        "created_at": _timestamp(row["created_at"]),
        "in_reply_to_id": None,
        "in_reply_to_account_id": None,
        "sensitive": False,
        "spoiler_text": "",
        "visibility": row["visibility"],
        "language": None,
        "uri": row["uri"],
        "url": row["url"],
        "replies_count": row["replies_count"],
        "reblogs_count": row["reblogs_count"],
        "favourites_count": row["favourites_count"],
        "edited_at": None,
        "favourited": False,
        "reblogged": False,
        "muted": False,
        "bookmarked": False,
        "pinned": False,
        "content": row["content"],
        "reblog": None,
        "account": account(row),
        "media_attachments": [],
        "mentions": [],
        "tags": [],
        "emojis": [],
        "card": None,
        "poll": None,
        "filtered": [],
    }


def account(row: Mapping[str, Any]) -> Json:
    domain = row["domain"]
    last_status_at = row["last_status_at"]
    return {
        "id": str(row["account_id"]),
        "username": row["username"],
        "acct": row["username"] if domain is None else f"{row['username']}@{domain}",
        "display_name": row["display_name"],
        "locked": row["locked"],
        "bot": False,
        "discoverable": True,
        "indexable": False,
        "group": False,
        "created_at": _timestamp(row["joined_at"]),
        "note": row["note"],
        "url": row["account_url"],
        "uri": row["account_uri"],
        "avatar": "/static/avatars/missing.png",
        "avatar_static": "/static/avatars/missing.png",
        "header": "/static/headers/missing.png",
        "header_static": "/static/headers/missing.png",
        "followers_count": row["followers_count"],
        "following_count": row["following_count"],
        "statuses_count": row["statuses_count"],
        "last_status_at": last_status_at and last_status_at.date().isoformat(),
        "hide_collections": False,
        "noindex": False,
        "emojis": [],
        "roles": [],
        "fields": [],
    }


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"
