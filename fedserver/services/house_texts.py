"""The privacy policy and the terms of service: files that the admin wrote, as HTML."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import nh3
from markdown_it import MarkdownIt

from fedserver.context import Context
from fedserver.errors import NotFound

TextName = Literal["privacy_policy", "terms_of_service"]
PRIVACY: Final[TextName] = "privacy_policy"
TERMS: Final[TextName] = "terms_of_service"
_MAX_BYTES: Final = 512 * 1024
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False})

# What this software keeps, whoever runs it.
_OWN_PRIVACY: Final = """\
## What this server keeps

- your account: user name, e-mail address, a hash of your password, your profile and settings;
- what you post, with its media, and what you do with others' posts;
- for each app and browser that is signed in: its name, when it was used, and a browser's address;
- copies of public posts and profiles of other servers that people here follow or look at.

## Who gets it

Public posts are for everybody. Posts for followers go to the servers of your followers, direct
posts to the servers of those whom you name: their admins can read them. Nothing is sold or given to
anybody else by this software.

## How long it is kept

Until you delete it. Two weeks after you ask for your account to be deleted everything of it goes,
and other servers are asked to delete their copies. Backups may be older.
"""
_WRITTEN_AT: Final = datetime(2026, 11, 23, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class HouseText:
    """A text as HTML, and when it was last changed."""

    html: str
    changed_at: datetime


async def house_text(ctx: Context, name: TextName) -> HouseText:
    """Give a text. Raises NotFound where the house has none."""
    policy = ctx.config.policy
    file = policy.privacy_policy if name == PRIVACY else policy.terms_of_service
    if file is not None:
        return await asyncio.to_thread(_read, file)
    if name == PRIVACY:
        return HouseText(_html(_OWN_PRIVACY), _WRITTEN_AT)
    raise NotFound("Record not found")


def _read(file: Path) -> HouseText:
    try:
        with file.open("rb") as opened:
            text = opened.read(_MAX_BYTES).decode("utf-8", "replace")
        changed_at = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    except OSError as error:
        raise NotFound(f"{file.name} cannot be read: {error.strerror}") from error
    return HouseText(_html(text), changed_at)


def _html(markdown: str) -> str:
    return nh3.clean(_MARKDOWN.render(markdown))
