"""How long a host asks us to wait."""

import re
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_RETRY_AFTER: Final = timedelta(days=1)
# What has more digits is longer than the longest anyway.
_SECONDS = re.compile(r"\s*[0-9]+\s*", re.ASCII)
_MAX_DIGITS = 9


def read_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds or a date (RFC 9110 §10.2.3); None for neither."""
    if not value:
        return None
    if _SECONDS.fullmatch(value):
        return min(timedelta(seconds=int(value[:_MAX_DIGITS])), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(timedelta(), moment - now) if moment.tzinfo else None
