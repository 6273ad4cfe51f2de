"""Times as the Mastodon API writes them."""

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """Give UTC with exactly three decimals and Z, which strict clients insist on."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def optional_timestamp(moment: datetime | None) -> str | None:
    """As timestamp, None for None."""
    return None if moment is None else timestamp(moment)


def stored_timestamp(text: str | None) -> str | None:
    """Give an ISO time that was kept as text in the API's form; None for what is not a time."""
    if not text:
        return None
    try:
        return timestamp(datetime.fromisoformat(text))
    except ValueError:
        return None


def day(moment: datetime | None) -> str | None:
    """Give the date alone."""
    return None if moment is None else moment.astimezone(UTC).date().isoformat()


def midnight(moment: datetime) -> str:
    """Give the start of the day, as Mastodon does for an account's age."""
    start = moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return timestamp(start)
