"""Who does not want to be notified of what: one predicate for all that write notifications."""

from storage.thread_mutes import thread_muted
from storage.user_domains import domain_blocked


def unwelcome(receiver: str, actor: str, status: str, now: str) -> str:
    """Give SQL that is true where `receiver` blocks `actor`, mutes them with their notifications,
    blocks their domain without following them, or muted the thread of `status` (an id or NULL).

    Mastodon: NotifyService::DismissCondition.
    """
    return f"""(
        EXISTS (SELECT 1 FROM blocks wb
                WHERE wb.account_id = {receiver} AND wb.target_id = {actor} OFFSET 0)
        OR EXISTS (SELECT 1 FROM mutes wm
                   WHERE wm.account_id = {receiver} AND wm.target_id = {actor}
                     AND wm.hide_notifications
                     AND (wm.expires_at IS NULL OR wm.expires_at > {now}) OFFSET 0)
        OR ({domain_blocked(actor, receiver)} AND NOT EXISTS (
            SELECT 1 FROM follows wf
            WHERE wf.account_id = {receiver} AND wf.target_id = {actor}
              AND wf.accepted_at IS NOT NULL OFFSET 0))
        OR {thread_muted(receiver, status)})"""


def names_unwanted(status: str, reader: str, now: str, *, notifications: bool) -> str:
    """Give SQL that is true where the status with the id `status` names somebody whom `reader`
    blocks or mutes (with `notifications`: mutes with theirs). Mastodon: FeedManager."""
    kind = "AND xm.hide_notifications" if notifications else ""
    return f"""EXISTS (
        SELECT 1 FROM mentions xn
        WHERE xn.status_id = {status} AND NOT xn.silent AND (
            EXISTS (SELECT 1 FROM blocks xb
                    WHERE xb.account_id = {reader} AND xb.target_id = xn.account_id)
            OR EXISTS (SELECT 1 FROM mutes xm
                       WHERE xm.account_id = {reader} AND xm.target_id = xn.account_id {kind}
                         AND (xm.expires_at IS NULL OR xm.expires_at > {now}))) OFFSET 0)"""
