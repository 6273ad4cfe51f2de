"""What the policy of a status says to somebody who would like to answer, favourite or boost it.

GoToSocial's interaction controls, for our people's statuses and peers' alike. Ours name whom they
mean by a word (`public`, `followers`, `following`, `mentioned`) or an actor's id, peers' by ids.
"""

from collections.abc import Collection
from enum import Enum
from typing import Any, Literal

from activitypub.addressing import PUBLIC
from storage.accounts import AccountRow
from storage.approvals import STANDING, StandingRow
from storage.database import Database, Transaction
from storage.statuses import StatusRow

Kind = Literal["like", "reply", "announce"]

EVERYBODY, FOLLOWERS, FOLLOWING, MENTIONED = "public", "followers", "following", "mentioned"


class Leave(Enum):
    """What the policy of a status says to somebody."""

    FREE = "free"
    LISTED = "listed"  # as one of a list that others cannot read: they need the author's word
    ASK = "ask"
    DENIED = "denied"


async def leave(
    db: Database | Transaction, kind: Kind, status: StatusRow, actor: AccountRow
) -> Leave:
    """Say whether `actor` may act upon `status`, or has to ask. One query at most.

    Authors may, and whom a status names or answers may answer it (implicit assumptions of
    GoToSocial's interaction controls).
    """
    permission = (status.interaction_policy or {}).get(kind)
    if permission is None or status.account_id == actor.id:
        return Leave.FREE
    standing = await db.one(STANDING, status.id, actor.id)
    if standing is None or (kind == "reply" and standing.named):
        return Leave.FREE
    return _said(permission, actor.uri, standing, _lists(status, actor, standing))


def _lists(status: StatusRow, actor: AccountRow, standing: StandingRow) -> set[str]:
    """The lists of the author on which `actor` is, or may be: who is on those of a peer we know of
    our people only, and not always."""
    followers, following = standing.author_followers_url or "", standing.author_following_url or ""
    if status.local:
        return ({FOLLOWERS, followers} if standing.follows else set()) | (
            {FOLLOWING, following} if standing.followed else set()
        )
    return {following} | ({followers} if standing.follows or not actor.local else set())


def _said(
    permission: dict[str, Any], actor_uri: str, standing: StandingRow, lists: Collection[str]
) -> Leave:
    """The more specific word counts; of two that are as specific, the kinder one."""
    themselves = {actor_uri, MENTIONED} if standing.named else {actor_uri}
    for names, granted in (
        (themselves, Leave.FREE),
        (set(lists) - {""}, Leave.LISTED),
        ({EVERYBODY, PUBLIC}, Leave.FREE),
    ):
        if names.intersection(permission["automatic"]):
            return granted
        if names.intersection(permission["manual"]):
            return Leave.ASK
    return Leave.DENIED
