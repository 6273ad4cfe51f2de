"""What notifications are about beside statuses: reports, collections, and follows that were
severed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from fedserver.context import Context
from fedserver.entities.collections import collections
from fedserver.entities.reports import report_json
from fedserver.entities.times import timestamp
from storage.notification_reads import NotificationRow
from storage.reports import REPORTS_TOLD_OF, ReportToldOfRow
from storage.severances import SEVERANCES, SeveranceRow

Json = dict[str, Any]

REPORT, SEVERED = "admin.report", "severed_relationships"
ADDED, CHANGED = "added_to_collection", "collection_update"


@dataclass(frozen=True, slots=True)
class Subjects:
    """What the notifications of a page are about, by id, and the accounts that this names, by
    version."""

    reports: Mapping[int, ReportToldOfRow] = field(default_factory=dict)
    severances: Mapping[int, SeveranceRow] = field(default_factory=dict)
    collections: Mapping[int, Json] = field(default_factory=dict)

    @property
    def people(self) -> dict[int, int]:
        return {one.target_id: one.target_version for one in self.reports.values()}

    def known_among(self, accounts: Mapping[int, bytes]) -> "Subjects":
        """Leave out the reports of accounts that are gone."""
        kept = {id_: one for id_, one in self.reports.items() if one.target_id in accounts}
        return replace(self, reports=kept)

    def has(self, row: NotificationRow) -> bool:
        """Whether what `row` is about is still there."""
        if row.type == REPORT:
            return row.subject_id in self.reports
        if row.type in (ADDED, CHANGED):
            return row.subject_id in self.collections
        return row.type != SEVERED or row.subject_id in self.severances

    def report(self, row: NotificationRow, accounts: Mapping[int, bytes]) -> Json | None:
        """Give the Report that `row` is about."""
        if row.type != REPORT or row.subject_id is None:
            return None
        found = self.reports[row.subject_id]
        return report_json(found, orjson.Fragment(accounts[found.target_id]))

    def collection(self, row: NotificationRow) -> Json | None:
        """Give the Collection that `row` is about."""
        return self.collections.get(row.subject_id or 0) if row.type in (ADDED, CHANGED) else None

    def severance(self, row: NotificationRow) -> Json | None:
        """Give the RelationshipSeveranceEvent that `row` is about."""
        if row.type != SEVERED or row.subject_id is None:
            return None
        found = self.severances[row.subject_id]
        return {
            "id": str(found.id),
            "type": found.type,
            "purged": found.purged,
            "target_name": found.target_name,
            "followers_count": found.followers_count,
            "following_count": found.following_count,
            "created_at": timestamp(found.created_at),
        }


async def subjects_of(ctx: Context, rows: Sequence[NotificationRow], viewer: int) -> Subjects:
    """Ask for what `rows` are about, in a fixed number of queries for each kind."""
    reports = [row.subject_id for row in rows if row.type == REPORT]
    severed = [row.subject_id for row in rows if row.type == SEVERED]
    found = await ctx.db.fetch(REPORTS_TOLD_OF, reports) if reports else []
    events = await ctx.db.fetch(SEVERANCES, severed, viewer) if severed else []
    named = [row.subject_id for row in rows if row.type in (ADDED, CHANGED) and row.subject_id]
    shown = await collections(ctx, named, viewer) if named else []
    return Subjects(
        {one.id: one for one in found},
        {one.id: one for one in events},
        {int(one["id"]): one for one in shown},
    )
