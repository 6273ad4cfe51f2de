"""Threads that a person does not want to hear of any more."""

from storage.query import Command

# $1 who, $2 thread, $3 now.
MUTE_THREAD = Command(
    """
    INSERT INTO thread_mutes (account_id, thread_id, created_at) VALUES ($1, $2, $3)
    ON CONFLICT DO NOTHING
    """
)
UNMUTE_THREAD = Command("DELETE FROM thread_mutes WHERE account_id = $1 AND thread_id = $2")


def thread_muted(account: str, status: str) -> str:
    """Give SQL that is true where `account` muted the thread of the status with the id `status`,
    which may be NULL."""
    return f"""EXISTS (
        SELECT 1 FROM statuses ts JOIN thread_mutes tm ON tm.thread_id = ts.thread_id
        WHERE ts.id = {status} AND tm.account_id = {account} OFFSET 0)"""
