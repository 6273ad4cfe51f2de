"""Notification, and NotificationGroup with what groups share."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.fallbacks import fallback
from fedserver.entities.notified import Subjects, subjects_of
from fedserver.entities.statuses import Parts, gather
from fedserver.entities.times import timestamp
from storage.notification_groups import GroupRow
from storage.notification_reads import NotificationRow
from storage.status_reads import HEADS, WITHHELD_HEADS, HeadRow

Json = dict[str, Any]
# Which types a client says that it knows; None: it does not say, and gets no fallbacks.
Supported = Collection[str] | None


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a page of notifications is made of."""

    heads: Mapping[int, HeadRow]
    parts: Parts
    subjects: Subjects

    def has(self, row: NotificationRow) -> bool:
        """Whether all is there: things may be deleted between two queries."""
        return (
            row.from_account_id in self.parts.accounts
            and (row.status_id is None or row.status_id in self.heads)
            and self.subjects.has(row)
        )


async def notifications(
    ctx: Context, rows: Sequence[NotificationRow], viewer: int, supported: Supported = None
) -> list[Json]:
    """Give Notifications in the order of `rows`; those of statuses that `viewer` may no longer
    see are left out."""
    shown = await _gather(ctx, rows, viewer, {})
    return [_notification(ctx, row, shown, supported) for row in rows if shown.has(row)]


async def _gather(
    ctx: Context, rows: Sequence[NotificationRow], viewer: int, also: Mapping[int, int]
) -> _Shown:
    """Ask for all that a page shows, in a fixed number of queries."""
    heads = await _heads(ctx, rows, viewer)
    subjects = await subjects_of(ctx, rows, viewer)
    people = {row.from_account_id: row.from_account_version for row in rows}
    parts = await gather(ctx, heads, viewer, people | dict(also) | subjects.people)
    by_id = {head.id: head for head in heads if parts.has(head)}
    return _Shown(by_id, parts, subjects.known_among(parts.accounts))


async def _heads(ctx: Context, rows: Sequence[NotificationRow], viewer: int) -> list[HeadRow]:
    """What waits for the viewer's leave is shown where they are told that it waits."""
    waits = {row.status_id for row in rows if row.status_id and row.type.startswith("pending.")}
    ids = {row.status_id for row in rows if row.status_id is not None} - waits
    heads = await ctx.db.fetch(HEADS, list(ids), viewer) if ids else []
    return heads + (await ctx.db.fetch(WITHHELD_HEADS, list(waits), viewer) if waits else [])


def _notification(ctx: Context, row: NotificationRow, shown: _Shown, supported: Supported) -> Json:
    head = shown.heads[row.status_id] if row.status_id is not None else None
    entity = {
        "id": str(row.id),
        "type": row.type,
        "created_at": timestamp(row.created_at),
        "group_key": row.group_key,
        "account": orjson.Fragment(shown.parts.accounts[row.from_account_id]),
        "status": None if head is None else orjson.Fragment(shown.parts.join(head)),
        **_about(ctx, row, shown, supported, others=0),
    }
    return entity | {"filtered": True} if row.filtered else entity


def _about(
    ctx: Context, row: NotificationRow, shown: _Shown, supported: Supported, *, others: int
) -> Json:
    """Give what both forms say of a notification that is not about a status."""
    return {
        "report": shown.subjects.report(row, shown.parts.accounts),
        "event": shown.subjects.severance(row),
        "moderation_warning": None,
        "collection": shown.subjects.collection(row),
        "fallback": fallback(ctx, row, shown.subjects, shown.parts.accounts, supported, others),
    }


@dataclass(frozen=True, slots=True)
class Grouping:
    """What is known of the groups on a page, by key; `paged`: they are shown as a page."""

    groups: Mapping[str, GroupRow]
    paged: bool = True
    partial_avatars: bool = False


async def grouped_notifications(
    ctx: Context,
    rows: Sequence[NotificationRow],
    viewer: int,
    grouping: Grouping,
    supported: Supported = None,
) -> Json:
    """Give GroupedNotificationsResults of `rows`, each the newest of its group on the page."""
    versions: dict[int, int] = {}
    for group in grouping.groups.values():
        versions.update(zip(group.account_ids, group.account_versions, strict=True))
    shown = await _gather(ctx, rows, viewer, versions)
    kept = [row for row in rows if shown.has(row)]
    groups = [_group(ctx, row, shown, grouping, supported) for row in kept]
    statuses = dict.fromkeys(row.status_id for row in kept if row.status_id is not None)
    return {
        **_accounts([_sample(row, grouping) for row in kept], shown.parts, grouping),
        "statuses": [orjson.Fragment(shown.parts.join(shown.heads[one])) for one in statuses],
        "notification_groups": groups,
    }


def _sample(row: NotificationRow, grouping: Grouping) -> list[int]:
    """Give who caused the newest notifications of a group."""
    group = grouping.groups.get(row.group_key)
    return [row.from_account_id] if group is None else group.account_ids


def _group(
    ctx: Context,
    row: NotificationRow,
    shown: _Shown,
    grouping: Grouping,
    supported: Supported,
) -> Json:
    group = grouping.groups.get(row.group_key)
    newest = row.id if group is None else group.newest_id
    count = 1 if group is None else group.count
    entity = {
        "group_key": row.group_key,
        "notifications_count": count,
        "type": row.type,
        "most_recent_notification_id": newest,
        "sample_account_ids": [
            str(one) for one in _sample(row, grouping) if one in shown.parts.accounts
        ],
        "status_id": None if row.status_id is None else str(row.status_id),
        **_about(ctx, row, shown, supported, others=count - 1),
    }
    if not grouping.paged:
        return entity
    oldest = row.id if group is None else group.oldest_id
    newest_at = row.created_at if group is None else group.newest_at
    return entity | {
        "page_min_id": str(oldest),
        "page_max_id": str(newest),
        "latest_page_notification_at": timestamp(newest_at),
    }


def _accounts(samples: Sequence[Sequence[int]], parts: Parts, grouping: Grouping) -> Json:
    """Give the accounts of all groups once; with partial avatars all but the newest of each group
    in short."""
    everybody = dict.fromkeys(one for sample in samples for one in sample if one in parts.accounts)
    if not grouping.partial_avatars:
        return {"accounts": [orjson.Fragment(parts.accounts[one]) for one in everybody]}
    whole = {sample[0] for sample in samples if sample}
    return {
        "accounts": [orjson.Fragment(parts.accounts[one]) for one in everybody if one in whole],
        "partial_accounts": [
            _in_short(parts.accounts[one]) for one in everybody if one not in whole
        ],
    }


_SHORT = ("id", "acct", "locked", "bot", "url", "avatar", "avatar_static", "avatar_description")


def _in_short(account: bytes) -> Json:
    """Give PartialAccountWithAvatar of an Account."""
    whole = orjson.loads(account)
    return {name: whole[name] for name in _SHORT}
