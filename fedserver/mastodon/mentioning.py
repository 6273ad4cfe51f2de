"""Whom a text names, and the HTML of it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from activitypub.errors import ProtocolError
from activitypub.webfinger import Handle, normalise_domain
from fedserver.context import Context
from fedserver.errors import FedserverError
from fedserver.services import resolve, text_out
from fedserver.services.fetch import Budget
from fedserver.services.text_out import MentionedName, MentionKey, MentionTarget
from storage.accounts import AccountRow
from storage.profiles import ACCOUNTS_BY_HANDLES, LOCAL_EMOJIS_NAMED

Json = dict[str, Any]
_Address = tuple[str, str | None]

# Clients wait while unknown accounts are looked up; what takes longer stays plain text.
_LOOK_UP_WITHIN_S = 8.0
_MAX_STRANGERS = 20
_FETCHES_FOR_ONE = 4  # WebFinger there and back, the actor, one redirect


async def known_mentions(
    ctx: Context, names: Iterable[MentionedName]
) -> dict[MentionKey, AccountRow]:
    """Give those of `names` that are known here, without asking anybody."""
    addresses = _addresses(ctx, names)
    known = await _known(ctx, set(addresses.values()))
    return {key: known[address] for key, address in addresses.items() if address in known}


async def resolve_mentions(
    ctx: Context, names: Iterable[MentionedName]
) -> dict[MentionKey, AccountRow]:
    """Give the accounts of `names`; unknown ones are asked for at their servers, all at once."""
    addresses = _addresses(ctx, names)
    known = await _known(ctx, set(addresses.values()))
    strangers = [one for one in dict.fromkeys(addresses.values()) if one not in known and one[1]]
    known.update(await _look_up(ctx, strangers[:_MAX_STRANGERS]))
    return {key: known[address] for key, address in addresses.items() if address in known}


def _addresses(ctx: Context, names: Iterable[MentionedName]) -> dict[MentionKey, _Address]:
    """Give how each name is kept: in lower case, the domain in A-labels and None for our own."""
    addresses = {}
    for name in names:
        try:
            domain = normalise_domain(name.domain) if name.domain else None
        except ProtocolError:
            continue
        ours = domain is not None and resolve.is_our_domain(ctx, domain)
        addresses[name.key] = (name.username.lower(), None if ours else domain)
    return addresses


async def _known(ctx: Context, addresses: set[_Address]) -> dict[_Address, AccountRow]:
    if not addresses:
        return {}
    usernames, domains = zip(*addresses, strict=True)
    rows = await ctx.db.fetch(ACCOUNTS_BY_HANDLES, usernames, domains)
    return {(row.username.lower(), row.domain): row for row in rows}


async def _look_up(ctx: Context, addresses: Sequence[_Address]) -> dict[_Address, AccountRow]:
    if not addresses:
        return {}
    tasks = {asyncio.create_task(_ask(ctx, one)): one for one in addresses}
    try:
        done, _ = await asyncio.wait(tasks, timeout=_LOOK_UP_WITHIN_S)
    finally:
        for task in tasks:
            task.cancel()
    found = {tasks[task]: task.result() for task in done}
    return {address: row for address, row in found.items() if row is not None and not row.gone}


async def _ask(ctx: Context, address: _Address) -> AccountRow | None:
    username, domain = address
    try:
        handle = Handle(username, domain or ctx.config.instance.domain)
        return await resolve.account_by_handle(ctx, handle, Budget(_FETCHES_FOR_ONE))
    except (FedserverError, ProtocolError):
        return None


def to_html(ctx: Context, text: str, mentions: Mapping[MentionKey, AccountRow]) -> str:
    """Give the HTML of `text`; only the given `mentions` become links."""
    uris = ctx.uris
    return text_out.render(
        text,
        mentions={key: _target(row) for key, row in mentions.items()},
        hashtag_url=lambda name: uris.tag(name.lower()),
        local_domain=ctx.config.instance.domain,
    )


def _target(row: AccountRow) -> MentionTarget:
    acct = f"{row.username}@{row.domain}" if row.domain else row.username
    return MentionTarget(row.url, row.username, acct)


async def emojis_in(ctx: Context, *texts: str) -> list[Json]:
    """Give our custom emoji that `texts` use, as accounts and statuses keep them."""
    shortcodes = text_out.emoji_shortcodes("\n".join(texts))
    if not shortcodes:
        return []
    uris = ctx.uris
    entries = []
    for row in await ctx.db.fetch(LOCAL_EMOJIS_NAMED, shortcodes):
        url = uris.media(row.image_blob) if row.image_blob else row.image_remote_url
        if url:
            entries.append({"shortcode": row.shortcode, "url": url, "static_url": url})
    return entries
