"""Account and CredentialAccount."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.emojis import stored_emojis
from fedserver.entities.feature_approval import feature_approval, for_viewer
from fedserver.entities.times import day, midnight, stored_timestamp
from fedserver.errors import NotFound
from fedserver.uris import Uris
from storage.account_reads import (
    ACCOUNT_DETAILS,
    ACCOUNT_HEADS,
    OWN_SETTINGS,
    AccountDetailRow,
    AccountHeadRow,
    OwnSettingsRow,
)
from storage.collections import MAX_COLLECTIONS

Json = dict[str, Any]

_ROLES = {
    "user": ("-99", "", "0"),
    "moderator": ("1", "Moderator", "0"),
    "admin": ("2", "Admin", "0"),
    "owner": ("3", "Owner", "0"),
}


async def accounts(
    ctx: Context, ids: Iterable[int], viewer: int | None = None
) -> list[orjson.Fragment]:
    """Give Accounts in the order of `ids`; deleted and unknown ones are left out."""
    return await accounts_of(ctx, await ctx.db.fetch(ACCOUNT_HEADS, list(ids)), viewer)


async def account(ctx: Context, account_id: int, viewer: int | None = None) -> orjson.Fragment:
    """Give one Account. Raises NotFound where there is none."""
    found = await accounts(ctx, [account_id], viewer)
    if not found:
        raise NotFound("Record not found")
    return found[0]


async def accounts_of(
    ctx: Context, heads: Sequence[AccountHeadRow], viewer: int | None = None
) -> list[orjson.Fragment]:
    """Give the Accounts that a page of heads names, in its order."""
    known = await account_bytes(ctx, {head.id: head.version for head in heads}, viewer)
    return [orjson.Fragment(known[head.id]) for head in heads if head.id in known]


async def account_bytes(
    ctx: Context, versions: Mapping[int, int], viewer: int | None = None
) -> dict[int, bytes]:
    """Give Accounts as JSON by id; one query for all that is not at hand in its version, and one
    where who follows whom decides what `viewer` may do."""
    return await for_viewer(ctx, await kept_accounts(ctx, versions), viewer)


async def kept_accounts(ctx: Context, versions: Mapping[int, int]) -> dict[int, bytes]:
    """Give what `entities.feature_approval` makes Accounts of, for this viewer or that."""
    found: dict[int, bytes] = {}
    missing = []
    for account_id, version in versions.items():
        kept = ctx.entity_cache.get(("account", account_id, version))
        if kept is None:
            missing.append(account_id)
        else:
            found[account_id] = kept
    if missing:
        found.update(await _render(ctx, missing))
    return found


async def _render(ctx: Context, ids: Sequence[int]) -> dict[int, bytes]:
    rows = {row.id: row for row in await ctx.db.fetch(ACCOUNT_DETAILS, ids)}
    uris, mails = ctx.uris, ctx.config.mail.subscriptions
    rendered = {}
    for account_id in ids:
        row = rows.get(account_id)
        if row is None:
            continue
        moved_to = rows.get(row.moved_to_id) if row.moved_to_id is not None else None
        rendered[account_id] = orjson.dumps(account_json(uris, row, moved_to, mails=mails))
        ctx.entity_cache.put(("account", account_id, row.version), rendered[account_id])
    return rendered


def account_json(
    uris: Uris,
    row: AccountDetailRow,
    moved_to: AccountDetailRow | None = None,
    *,
    nested: bool = False,
    mails: bool = False,
) -> Json:
    """Give an Account (Mastodon API: Account). Of a suspended one hardly more than the name.

    `mails`: people here may offer their posts by mail, and the Account says who does.
    """
    hidden = row.gone
    mailed = bool(row.email_subscriptions) and not hidden if mails else None
    return {
        "id": str(row.id),
        "username": row.username,
        "acct": acct(row.username, row.domain),
        "display_name": "" if hidden else row.display_name,
        "locked": row.locked,
        "bot": row.actor_type in ("Service", "Application"),
        "discoverable": False if hidden else row.discoverable,
        "indexable": row.indexable and not hidden,
        "group": row.actor_type == "Group",
        "created_at": midnight(row.created_at),
        "note": "" if hidden else row.note,
        "url": row.url,
        "uri": row.uri,
        **_images(uris, row),
        "followers_count": 0 if hidden else row.followers_count,
        "following_count": 0 if hidden else row.following_count,
        "statuses_count": 0 if hidden else row.statuses_count,
        "last_status_at": None if hidden else day(row.last_status_at),
        "hide_collections": row.hide_collections,
        "noindex": row.local and not row.indexable,
        "emojis": [] if hidden else stored_emojis(uris, row.emojis),
        "roles": [] if hidden else _roles(row.role),
        "fields": [] if hidden else [stored_field(field) for field in row.fields],
        "suspended": row.suspended_at is not None,
        "limited": row.silenced_at is not None,
        "memorial": row.memorial,
        "moved": None
        if moved_to is None or moved_to.gone
        else account_json(uris, moved_to, nested=True),
        "show_media": row.show_media,
        "show_media_replies": row.show_media_replies,
        "show_featured": row.show_featured,
        **({} if mailed is None else {"email_subscriptions": mailed}),
        # For the viewer, who is written in last.
        "feature_approval": feature_approval(row, last=not nested),
    }


def _roles(name: str | None) -> list[Json]:
    """Give the roles that everybody is shown (Mastodon API: AccountRole)."""
    if name is None or name == "user":
        return []
    role_id, title, _ = _ROLES[name]
    return [{"id": role_id, "name": title, "color": ""}]


def acct(username: str, domain: str | None) -> str:
    """Give the name a client shows and looks up: with the domain where it is not ours."""
    return username if domain is None else f"{username}@{domain}"


def _images(uris: Uris, row: AccountDetailRow) -> Json:
    avatar = _image(uris, row, row.avatar_blob, row.avatar_remote_url)
    header = _image(uris, row, row.header_blob, row.header_remote_url)
    avatar = avatar or uris.static("avatars/missing.png")
    header = header or uris.static("headers/missing.png")
    return {
        "avatar": avatar,
        "avatar_static": avatar,
        "avatar_description": "" if row.gone else row.avatar_description,
        "header": header,
        "header_static": header,
        "header_description": "" if row.gone else row.header_description,
    }


def _image(
    uris: Uris, row: AccountDetailRow, blob: str | None, remote_url: str | None
) -> str | None:
    if row.gone:
        return None
    if blob or not remote_url:
        return uris.media(blob) if blob else None
    return uris.remote_media(remote_url)


def stored_field(field: Json) -> Json:
    """Give a Field of a profile (Mastodon API: Field)."""
    return {
        "name": field["name"],
        "value": field["value"],
        "verified_at": stored_timestamp(field.get("verified_at")),
    }


async def credential_account(ctx: Context, account_id: int) -> Json:
    """Give the CredentialAccount of a person of this instance. Raises NotFound for others."""
    rows = await ctx.db.fetch(ACCOUNT_DETAILS, [account_id])
    by_id = {row.id: row for row in rows}
    settings = await ctx.db.one(OWN_SETTINGS, account_id)
    if account_id not in by_id or settings is None:
        raise NotFound("Record not found")
    row = by_id[account_id]
    moved_to = by_id.get(row.moved_to_id) if row.moved_to_id is not None else None
    whole = account_json(ctx.uris, row, moved_to, mails=ctx.config.mail.subscriptions)
    shown = await for_viewer(ctx, {row.id: orjson.dumps(whole)}, row.id)
    return {
        **orjson.loads(shown[row.id]),
        "source": _source(row, settings),
        "role": role(settings.role),
    }


def _source(row: AccountDetailRow, settings: OwnSettingsRow) -> Json:
    return {
        "privacy": settings.default_visibility,
        "sensitive": settings.default_sensitive,
        "language": settings.default_language,
        "note": row.note_source,
        "fields": [
            {**stored_field(field), "value": field.get("source") or field["value"]}
            for field in row.fields
        ],
        "follow_requests_count": settings.follow_requests_count,
        "hide_collections": row.hide_collections,
        "discoverable": row.discoverable,
        "indexable": row.indexable,
        "attribution_domains": row.attribution_domains,
        "quote_policy": settings.default_quote_policy,
    }


def role(name: str) -> Json:
    """Give a Role (Mastodon API: Role)."""
    role_id, title, permissions = _ROLES[name]
    return {
        "id": role_id,
        "name": title,
        "color": "",
        "permissions": permissions,
        "highlighted": name != "user",
        "collection_limit": MAX_COLLECTIONS,
    }
