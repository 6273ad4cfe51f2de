"""Atom feeds (RFC 4287) of people's last posts."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from fedserver.services.text_in import html_to_text
from storage.accounts import AccountRow
from storage.statuses import StatusRow

ENTRIES: Final = 50
_MAX_TITLE_CHARS: Final = 80


def feed(domain: str, account: AccountRow, posts: Sequence[StatusRow]) -> bytes:
    """Give the feed of a person, with their newest public posts first."""
    address = f"@{account.username}@{domain}"
    newest = [one for one in posts if one.visibility == "public"][-ENTRIES:][::-1]
    updated = max((_changed(one) for one in newest), default=account.created_at)
    return "".join(
        [
            '<?xml version="1.0" encoding="utf-8"?>\n',
            '<feed xmlns="http://www.w3.org/2005/Atom">\n',
            f"<id>{escape(account.uri)}</id>\n",
            f"<title>{escape(account.display_name or account.username)}</title>\n",
            f"<subtitle>{escape(address)}</subtitle>\n",
            f"<updated>{_time(updated)}</updated>\n",
            f"<author><name>{escape(address)}</name><uri>{escape(account.url)}</uri></author>\n",
            f"<link rel={quoteattr('alternate')} href={quoteattr(account.url)}/>\n",
            f"<link rel={quoteattr('self')} href={quoteattr(account.url + '.atom')}/>\n",
            *(_entry(one) for one in newest),
            "</feed>\n",
        ]
    ).encode()


def _entry(post: StatusRow) -> str:
    # Behind a warning only the warning.
    words = post.spoiler_text or html_to_text(post.content)
    title = words[:_MAX_TITLE_CHARS] or "Post"
    content = escape(post.spoiler_text) if post.spoiler_text else post.content
    return (
        f"<entry>\n<id>{escape(post.uri)}</id>\n<title>{escape(title)}</title>\n"
        f"<published>{_time(post.created_at)}</published>\n"
        f"<updated>{_time(_changed(post))}</updated>\n"
        f"<link rel={quoteattr('alternate')} href={quoteattr(post.url)}/>\n"
        f"<content type={quoteattr('html')}>{escape(content)}</content>\n</entry>\n"
    )


def _changed(post: StatusRow) -> datetime:
    return post.edited_at or post.created_at


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat()}Z"
