"""Who may answer, favourite and boost a status, as GoToSocial's API shows it: `interaction_policy`,
a key of Status that Mastodon does not have."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from fedserver.context import Context
from storage.leave_rules import ASK, DENIED, FREE, LISTED, RIGHTS
from storage.status_reads import HeadRow

Json = dict[str, Any]

_OPEN = ("public", "unlisted")
_KINDS = {"can_favourite": "like", "can_reply": "reply", "can_reblog": "announce"}


class Rights(NamedTuple):
    """What a viewer may do: each one of the numbers of storage.leave_rules."""

    like: int
    reply: int
    announce: int


NONE = Rights(DENIED, DENIED, DENIED)


def is_guarded(head: HeadRow) -> bool:
    """Whether the shown status has a policy of its own."""
    return head.policy.endswith("}")


async def rights_of(
    ctx: Context, heads: Sequence[HeadRow], viewer: int | None
) -> dict[int, Rights]:
    """Give what `viewer` may do with those of a page that have a policy, by the shown status; one
    query, if there is any."""
    guarded = [head.reblog_id or head.id for head in heads if is_guarded(head)]
    if viewer is None or not guarded:
        return {}
    rows = await ctx.db.fetch(RIGHTS, guarded, viewer)
    return {row.status_id: Rights(row.like, row.reply, row.announce) for row in rows}


def default_rights(head: HeadRow, viewer: int | None) -> Rights:
    """Give what `viewer` may do with a status that has no policy."""
    if viewer is None:
        return NONE
    author = head.reblog_account_id or head.account_id
    may_boost = head.policy in _OPEN or author == viewer
    return Rights(FREE, FREE, FREE if may_boost else DENIED)


def policy_json(policy: str, rights: Rights) -> Json:
    """Give an interaction_policy; `policy` as in HeadRow."""
    visibility, brace, rest = policy.partition("{")
    return policy_rules(visibility, orjson.loads(brace + rest) if brace else {}, rights)


def policy_rules(visibility: str, chosen: Json, rights: Rights = NONE) -> Json:
    """Give an interaction_policy: what was `chosen`, and the default for a visibility."""
    return {
        name: _rules(chosen.get(kind) or default_rules(kind, visibility), getattr(rights, kind))
        for name, kind in _KINDS.items()
    }


def default_rules(kind: str, visibility: str) -> Json:
    """Give who may do what with a status whose author did not say."""
    if visibility in _OPEN:
        return {"automatic": ["public"], "manual": []}
    if kind == "announce":
        return {"automatic": ["author"], "manual": []}
    lists = ["followers"] if visibility == "private" else []
    return {"automatic": ["author", *lists, "mentioned"], "manual": []}


def _rules(rules: Json, right: int) -> Json:
    """`always` and `with_approval` are the older names of the same."""
    automatic = [*rules["automatic"], *(["me"] if right in (FREE, LISTED) else [])]
    manual = [*rules["manual"], *(["me"] if right == ASK else [])]
    return {
        "automatic_approval": automatic,
        "manual_approval": manual,
        "always": automatic,
        "with_approval": manual,
    }
