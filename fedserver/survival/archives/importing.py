"""Bringing an archive of another server in: its lists, then its posts, sent to nobody."""

import asyncio
import contextlib
import logging
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import BinaryIO, Final, cast

from fedserver.context import Context
from fedserver.errors import FedserverError, Invalid, NotFound
from fedserver.events import IMPORTS, NOTIFY
from fedserver.services.portable_lists import begin_import
from fedserver.survival.archives.posts import bring_posts
from fedserver.survival.archives.sources import ArchiveSource, open_archive
from storage.accounts import ACCOUNT_BY_ID
from storage.archives import (
    CLAIM_ARCHIVE_IMPORT,
    END_ARCHIVE_IMPORT,
    NOTE_ARCHIVE_IMPORT,
    ArchiveImportRow,
)

log = logging.getLogger(__name__)

_CLAIM_FOR: Final = timedelta(minutes=10)
_NOTED_EVERY: Final = 25
_MAX_REASONS: Final = 20
_MAX_REASON_CHARS: Final = 200


@dataclass(slots=True)
class Brought:
    """What has been brought in so far. `reasons`: why posts were left out, with how many."""

    lists: list[str] = field(default_factory=list)
    total: int = 0
    done: int = 0
    failed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def note_fault(self, fault: str) -> None:
        """Count a reason; of very many different ones the first."""
        if fault and (fault in self.reasons or len(self.reasons) < _MAX_REASONS):
            self.reasons[fault[:_MAX_REASON_CHARS]] += 1


async def bring_archive(
    ctx: Context, account_id: int, file: BinaryIO, former: str = "", *, with_lists: bool = True
) -> AsyncIterator[Brought]:
    """Bring the archive in `file` into the account, and tell after each piece how far it is.

    Again it goes on where it was: posts that are here are passed over. Raises Invalid for what is
    no archive that we know, NotFound for an account that is not here.
    """
    source = await asyncio.to_thread(open_archive, file, former)
    account = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    if account is None or not account.local or account.gone:
        raise NotFound("There is no such account here")
    if source.uri == account.uri:
        raise Invalid("This is the archive of this very account: all of it is here")
    brought = Brought()
    if with_lists:
        await _bring_lists(ctx, account_id, source, brought)
    yield brought
    if source.items:
        async for at in bring_posts(ctx, source, account):
            brought.total, brought.done, brought.failed = at.total, at.done, at.failed
            brought.note_fault(at.fault)
            yield brought


async def _bring_lists(
    ctx: Context, account_id: int, source: ArchiveSource, brought: Brought
) -> None:
    """Hand the lists to the worker that does them line by line."""
    for kind, text in source.lists.items():
        # One that is empty or cannot be read: the rest is worth bringing.
        with contextlib.suppress(Invalid):
            await begin_import(ctx, account_id, kind, text, overwrite=False)
            brought.lists.append(kind)
    await ctx.db.execute(NOTIFY, IMPORTS, "")


async def bring_due_archive(ctx: Context) -> int:
    """Bring one archive in that somebody uploaded; give how many there were."""
    now = ctx.clock.now()
    due = await ctx.db.fetch(CLAIM_ARCHIVE_IMPORT, now, now + _CLAIM_FOR)
    for row in due:
        failure = None
        try:
            await _bring_uploaded(ctx, row)
        except (FedserverError, OSError) as error:
            log.info("an archive of account %s is not brought in: %s", row.account_id, error)
            failure = str(error)[:500]
        except (ValueError, OverflowError, RecursionError) as error:
            # What a stranger's file raises must not end the server, again after each start.
            log.warning("an archive of account %s is unreadable: %s", row.account_id, error)
            failure = "This archive cannot be read"
        await ctx.db.execute(END_ARCHIVE_IMPORT, row.id, failure, ctx.clock.now())
    return len(due)


async def _bring_uploaded(ctx: Context, row: ArchiveImportRow) -> None:
    with tempfile.TemporaryFile() as copy:
        with await ctx.blobs.open(row.blob or "") as kept:
            await asyncio.to_thread(shutil.copyfileobj, kept, copy)
        # Lists come before posts: where a count is noted, they are done.
        steps = bring_archive(
            ctx, row.account_id, cast("BinaryIO", copy), row.former, with_lists=row.total == 0
        )
        number, last = 0, Brought()
        async for last in steps:
            if number % _NOTED_EVERY == 0:
                await _note(ctx, row, last)
            number += 1
        await _note(ctx, row, last)


async def _note(ctx: Context, row: ArchiveImportRow, at: Brought) -> None:
    claim = ctx.clock.now() + _CLAIM_FOR
    await ctx.db.execute(
        NOTE_ARCHIVE_IMPORT, row.id, at.total, at.done, at.failed, dict(at.reasons), claim
    )
