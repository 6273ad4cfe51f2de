"""Quote, ShallowQuote and QuoteApproval: who quotes what, as one viewer may see it."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from storage.quotes import QuoteViewRow
from storage.visibility import (
    AT_ONCE,
    EVERYBODY,
    FOLLOWED,
    FOLLOWERS,
    QUOTE_AUTOMATIC,
    QUOTE_DENIED,
    QUOTE_MANUAL,
    QUOTE_UNKNOWN,
    UNNAMED,
)

Json = dict[str, Any]

# In these states the API shows what is quoted, for apps to hide or not.
_SHOWN = frozenset({"accepted", "blocked_account", "muted_account"})
_RIGHTS = {
    QUOTE_DENIED: "denied",
    QUOTE_MANUAL: "manual",
    QUOTE_AUTOMATIC: "automatic",
    QUOTE_UNKNOWN: "unknown",
}
_NAMED = {
    UNNAMED: "unsupported_policy",
    EVERYBODY: "public",
    FOLLOWERS: "followers",
    FOLLOWED: "following",
}


def approval_json(policy: int, right: int) -> Json:
    """Give a QuoteApproval (Mastodon API: QuoteApproval)."""
    return {
        "automatic": _named(policy >> AT_ONCE),
        "manual": _named(policy),
        "current_user": _RIGHTS[right],
    }


def _named(bits: int) -> list[str]:
    return [name for bit, name in _NAMED.items() if bits & bit]


def shown_ids(rows: Iterable[QuoteViewRow]) -> set[int]:
    """Give the quoted statuses that the viewer may see."""
    return {row.quoted_id for row in rows if row.quoted_id is not None and row.state in _SHOWN}


def shallow_quotes(rows: Iterable[QuoteViewRow]) -> dict[int, bytes]:
    """Give ShallowQuotes by what quotes: what a quoted status quotes is only named."""
    return {
        row.status_id: orjson.dumps(
            {
                "state": row.state,
                "quoted_status_id": str(row.quoted_id) if row.state in _SHOWN else None,
            }
        )
        for row in rows
    }


def full_quotes(rows: Iterable[QuoteViewRow], statuses: Mapping[int, bytes]) -> dict[int, bytes]:
    """Give Quotes by what quotes; `statuses` are the quoted Statuses as JSON."""
    return {row.status_id: _full(row, statuses) for row in rows}


def _full(row: QuoteViewRow, statuses: Mapping[int, bytes]) -> bytes:
    shown = statuses.get(row.quoted_id or 0) if row.state in _SHOWN else None
    # Deleted or hidden since the page was read.
    state = "unauthorized" if shown is None and row.state in _SHOWN else row.state
    quoted = None if shown is None else orjson.Fragment(shown)
    return orjson.dumps({"state": state, "quoted_status": quoted})
