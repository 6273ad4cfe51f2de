"""WebFinger and NodeInfo: from a handle to an actor, and what software a peer runs."""

from collections.abc import Mapping
from typing import Any

from activitypub.errors import DocumentError, ProtocolError, Untrusted
from activitypub.hostmeta import parse_host_meta_template
from activitypub.json_bytes import loads
from activitypub.nodeinfo import Software, parse_document, parse_links, parse_mirrors
from activitypub.origins import host_of, same_origin
from activitypub.signatures import Dialect
from activitypub.webfinger import Handle, Jrd, parse_jrd, webfinger_url
from fedserver.context import Context
from fedserver.errors import Denied, Gone, Refused, Unreachable
from fedserver.outgoing import Response
from fedserver.services import fetch, signing, successions
from fedserver.services.fetch import Budget
from fedserver.services.peer_doors import learn_doors
from storage.hosts import LEARN_SOFTWARE
from storage.mirrored import LEARN_MIRRORS

_SOFTWARE_FETCHES = 2
_JRD_ACCEPT = "application/jrd+json, application/json"


async def find_actor_uri(ctx: Context, handle: Handle, budget: Budget) -> str:
    """Ask the handle's domain which actor it names (RFC 7033).

    Raises Gone where the domain does not know it, Unreachable or Denied where it does not
    answer, ProtocolError for an answer that is not to be believed.
    """
    jrd = await _ask(ctx, handle, budget)
    if jrd.actor_uri is None:
        raise Gone(f"acct:{handle}")
    return jrd.actor_uri


async def confirmed_handle(ctx: Context, handle: Handle, actor_uri: str, budget: Budget) -> Handle:
    """Give the handle that an actor goes by, starting from its name at its id's own host.

    Where that host names another domain (a split domain), the other domain must itself lead back
    to the actor. Raises as `find_actor_uri`, and Untrusted where it does not.
    """
    jrd = await _ask(ctx, handle, budget)
    subject = jrd.subject or handle
    if jrd.actor_uri != actor_uri:
        raise Untrusted("WebFinger leads to another actor")
    if subject.domain == handle.domain:
        return handle
    if subject.username.lower() != handle.username.lower():
        # Whoever has one name there must not be shown under another, which may be somebody else's.
        raise Untrusted("the handle has another name than the actor")
    if await find_actor_uri(ctx, subject, budget) != actor_uri:
        raise Untrusted("the domain of the handle leads to another actor")
    return subject


async def _ask(ctx: Context, handle: Handle, budget: Budget) -> Jrd:
    base = f"{ctx.config.scheme_of(handle.domain)}://{handle.domain}"
    url = webfinger_url(base, handle.acct)
    try:
        return parse_jrd(loads((await _get(ctx, url, budget)).body))
    except Gone:
        elsewhere = await _host_meta_url(ctx, base, handle, budget)
        if elsewhere is None or elsewhere == url:
            raise
        return parse_jrd(loads((await _get(ctx, elsewhere, budget)).body))


async def _host_meta_url(ctx: Context, base: str, handle: Handle, budget: Budget) -> str | None:
    """A domain may say in host-meta that WebFinger lives on another host (RFC 6415)."""
    try:
        answer = await _get(ctx, f"{base}/.well-known/host-meta", budget)
        template = parse_host_meta_template(answer.body.decode("utf-8", "replace"))
    except (Gone, Denied, Unreachable, ProtocolError):
        return None
    return template.replace("{uri}", handle.acct) if template else None


async def learn_software(ctx: Context, host: str) -> Software | None:
    """Ask a peer's NodeInfo what it runs, and by what other doors one of our kind is reached, and
    keep the answers: it cannot be asked when the peer is dead, and moving away from it takes to
    know. None where it does not say."""
    base = f"{ctx.config.scheme_of(host)}://{host}"
    document = await _ask_nodeinfo(ctx, base, Budget(_SOFTWARE_FETCHES))
    software = _software(document)
    name, version = (software.name, software.version) if software else (None, None)
    await ctx.db.execute(LEARN_SOFTWARE, host, name, version, ctx.clock.now())
    if document is not None:
        await ctx.db.execute(LEARN_MIRRORS, host, parse_mirrors(document))
        await _pin(ctx, host, document)
    return software


def _software(document: Mapping[str, Any] | None) -> Software | None:
    try:
        return None if document is None else parse_document(document)
    except DocumentError:
        return None


async def _ask_nodeinfo(ctx: Context, base: str, budget: Budget) -> Mapping[str, Any] | None:
    try:
        href = parse_links(loads((await _get(ctx, f"{base}/.well-known/nodeinfo", budget)).body))
        if href is None or not same_origin(href, base):
            return None
        return loads((await _get(ctx, href, budget)).body)
    except (Gone, Denied, Refused, Unreachable, ProtocolError):
        return None


async def _pin(ctx: Context, host: str, document: Mapping[str, Any]) -> None:
    metadata = document.get("metadata")
    if isinstance(metadata, dict):
        await successions.pin(ctx, host, metadata)
        if "alternates" in metadata:
            await learn_doors(ctx, host, metadata["alternates"])


async def _get(ctx: Context, url: str, budget: Budget) -> Response:
    fetch.refuse_unfederated(ctx, host_of(url))
    budget.spend()
    key = await signing.instance_key(ctx)
    async with budget.asking():
        response = await ctx.out.request(
            "GET",
            url,
            headers={"Accept": _JRD_ACCEPT},
            limits=fetch.limits(ctx),
            signer=signing.signer(ctx, key, Dialect.CAVAGE),
            follow_redirects=True,
        )
    return fetch.accepted(url, response)
