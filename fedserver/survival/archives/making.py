"""Making the archives that people asked for, and removing them after some days."""

import logging
import tempfile
from datetime import timedelta
from typing import BinaryIO, Final, cast

from fedserver.context import Context
from fedserver.errors import FedserverError
from fedserver.services.account_archives import KEPT_FOR, SUFFIX
from fedserver.services.keeping import keep
from fedserver.services.mails import mail_archive
from fedserver.survival.archives.packing import pack_archive
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.archives import (
    ARCHIVE_FAILED,
    ARCHIVE_MADE,
    CLAIM_ARCHIVE,
    DROP_ARCHIVE_FILE,
    ArchiveRow,
)
from storage.users import USER_BY_ID

log = logging.getLogger(__name__)

_CLAIM_FOR: Final = timedelta(hours=2)
_IN_MEMORY_BYTES: Final = 4 * 1024 * 1024


async def make_due_archive(ctx: Context) -> int:
    """Make one archive that was asked for, or remove one whose days are over; give how many."""
    now = ctx.clock.now()
    due = await ctx.db.fetch(CLAIM_ARCHIVE, now, now + _CLAIM_FOR)
    for row in due:
        if row.made_at is not None:
            await ctx.db.execute(DROP_ARCHIVE_FILE, row.id)
            continue
        try:
            await _make(ctx, row)
        except (FedserverError, OSError) as error:
            log.warning("the archive of account %s cannot be made: %s", row.account_id, error)
            await ctx.db.execute(ARCHIVE_FAILED, row.id, str(error)[:500])
    return len(due)


async def _make(ctx: Context, row: ArchiveRow) -> None:
    person = await ctx.db.one(ACCOUNT_BY_ID, row.account_id)
    user = await ctx.db.one(USER_BY_ID, row.account_id)
    if person is None or user is None:
        return
    with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as file:
        posts, size, blob = await _packed(ctx, person, cast("BinaryIO", file))
    now = ctx.clock.now()
    async with ctx.db.transaction() as tx:
        await tx.execute(ARCHIVE_MADE, row.id, blob, size, posts, now, now + KEPT_FOR)
        await mail_archive(ctx, tx, user.email, user.username, KEPT_FOR.days)


async def _packed(ctx: Context, person: AccountRow, file: BinaryIO) -> tuple[int, int, str]:
    posts = await pack_archive(ctx, person, file)
    size = file.seek(0, 2)
    return posts, size, await keep(ctx, file, suffix=SUFFIX)
