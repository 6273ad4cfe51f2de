"""What our people change of what they did under a former domain is said by the actor they were
then, under an id of that domain: from anybody else a peer would refuse it."""

from typing import Any, Final

from activitypub.errors import DocumentError
from activitypub.origins import host_of
from fedserver.context import Context
from fedserver.documents.former import rebased
from storage.accounts import FORMER_IDENTITIES, AccountRow
from storage.database import Transaction

# Only these are about something that the actor itself has made.
_OWN: Final = frozenset({"Update", "Delete", "Undo"})


async def in_former_voice(
    ctx: Context, tx: Transaction, actor: AccountRow, document: dict[str, Any]
) -> dict[str, Any] | None:
    """Give `document` as the former identity says it; None where it is today's to say."""
    if not ctx.domains.has_moved or document.get("type") not in _OWN:
        return None
    host = _host_of_subject(document)
    if not ctx.domains.is_former(host):
        return None
    for identity in await tx.fetch(FORMER_IDENTITIES, actor.id):
        if host_of(identity.uri) == host:
            former_base = identity.uri.removesuffix(actor.uri.removeprefix(ctx.config.base_url))
            said: dict[str, Any] = rebased(document, actor.uri, identity.uri)
            said["id"] = rebased(document["id"], ctx.config.base_url, former_base)
            return said
    return None


def _host_of_subject(document: dict[str, Any]) -> str:
    subject = document.get("object")
    named = subject.get("id") if isinstance(subject, dict) else subject
    try:
        return host_of(named) if isinstance(named, str) else ""
    except DocumentError:
        return ""
