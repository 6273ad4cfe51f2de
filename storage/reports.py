"""Reports: what people here and at peers want moderators to look at."""

from dataclasses import dataclass
from datetime import datetime

from storage.query import Command, Query, Value
from storage.statuses import STATUS_COLUMNS, StatusRow
from storage.visibility import visible


@dataclass(frozen=True, slots=True)
class ReportRow:
    """A Flag by `account_id` of `target_id` and some of what that account posted."""

    id: int
    uri: str
    account_id: int
    target_id: int
    status_ids: list[int]
    rule_ids: list[int] | None
    comment: str
    category: str
    forwarded: bool
    created_at: datetime
    action_taken_at: datetime | None


_COLUMNS = ", ".join(f"r.{name}" for name in ReportRow.__dataclass_fields__)

INSERT_REPORT = Command(
    """
    INSERT INTO reports (id, uri, account_id, target_id, status_ids, rule_ids, comment, category,
        forwarded, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
    """
)
REPORT_BY_ID = Query(f"SELECT {_COLUMNS} FROM reports r WHERE r.id = $1", ReportRow)


@dataclass(frozen=True, slots=True)
class ReportToldOfRow(ReportRow):
    """A report, and the version of the account that it is about."""

    target_version: int


# For moderators, who were told of them.
REPORTS_TOLD_OF = Query(
    f"""
    SELECT {_COLUMNS}, t.xmin::text::bigint AS target_version
    FROM reports r JOIN accounts t ON t.id = r.target_id
    WHERE r.id = ANY($1::bigint[]) AND t.deleted_at IS NULL
    """,
    ReportToldOfRow,
)
# What one account reported since $2.
REPORTS_SINCE = Value("SELECT count(*) FROM reports WHERE account_id = $1 AND created_at > $2", int)
# $1 ids of statuses that $2 wrote; who reports them ($3) sees them.
REPORTABLE_STATUSES = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE s.id = ANY($1::bigint[]) AND s.account_id = $2 AND {visible("s", "$3::bigint")}
    ORDER BY s.id
    """,
    StatusRow,
)
LOCAL_STATUSES_BY_URIS = Query(
    f"""
    SELECT {STATUS_COLUMNS} FROM statuses s
    WHERE s.uri = ANY($1::text[]) AND s.local AND s.reblog_of_id IS NULL ORDER BY s.id
    """,
    StatusRow,
)


@dataclass(frozen=True, slots=True)
class OpenReportRow:
    """What a moderator sees of a report in a list."""

    id: int
    created_at: datetime
    category: str
    reporter: str
    target: str
    status_uris: list[str]
    comment: str


# The newest $1 of the reports that nobody has acted upon.
OPEN_REPORTS = Query(
    """
    SELECT r.id, r.created_at, r.category, a.uri AS reporter, t.uri AS target,
        (SELECT coalesce(jsonb_agg(s.uri ORDER BY s.id), '[]') FROM statuses s
         WHERE s.id = ANY(r.status_ids)) AS status_uris,
        r.comment
    FROM reports r JOIN accounts a ON a.id = r.account_id JOIN accounts t ON t.id = r.target_id
    WHERE r.action_taken_at IS NULL ORDER BY r.id DESC LIMIT $1
    """,
    OpenReportRow,
)
CLOSE_REPORT = Command(
    "UPDATE reports SET action_taken_at = $2 WHERE id = $1 AND action_taken_at IS NULL"
)
