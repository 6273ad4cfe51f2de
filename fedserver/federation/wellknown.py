"""WebFinger and host-meta: from a name to an actor (RFC 7033, RFC 6415)."""

from urllib.parse import urlsplit

from aiohttp import web

from activitypub.errors import DocumentError
from activitypub.hostmeta import XRD_TYPE, host_meta_json, host_meta_xml
from activitypub.origins import same_origin
from activitypub.webfinger import JRD_TYPE, parse_handle, server_jrd, with_rels
from fedserver import documents
from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import Params, Reply, endpoint
from fedserver.routing.doors import is_own_host, own_address
from fedserver.services.resolve import is_our_domain
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_URI, LOCAL_ACCOUNT_BY_NAME, AccountRow

_CACHE_FOR = {"Cache-Control": "max-age=3600, public"}


class WebFingerParams(Params, frozen=True, kw_only=True):
    """`resource`: `acct:name@domain`, or the address of an actor or profile."""

    resource: str | None = None


@endpoint("GET", "/.well-known/webfinger", rate="none")
async def webfinger(ctx: Context, request: web.Request, params: WebFingerParams) -> Reply:
    """Say which actor a handle or address names. 400 without a resource, 404 for nobody here."""
    if not params.resource:
        return Reply({"error": "resource is missing"}, status=400)
    rels = request.query.getall("rel", [])
    if _is_our_address(ctx, params.resource):
        actor_uri = Uris(ctx.config.base_url).instance_actor
        document = with_rels(server_jrd(params.resource, actor_uri), rels)
        return Reply(document, content_type=JRD_TYPE, headers=_CACHE_FOR)
    account = await _find(ctx, params.resource)
    if account is None or account.suspended_at is not None:
        raise NotFound("Record not found")
    if account.deleted_at is not None:
        return Reply({"error": "the account was deleted"}, status=410)
    return Reply(
        with_rels(documents.webfinger(ctx, account), rels),
        content_type=JRD_TYPE,
        headers=_CACHE_FOR,
    )


def _is_our_address(ctx: Context, resource: str) -> bool:
    """Whether the server itself is meant (FEP-d556), by the address of its pages or names."""
    address = own_address(ctx.config, resource.removesuffix("/"))
    return address == ctx.config.base_url


async def _find(ctx: Context, resource: str) -> AccountRow | None:
    if resource.startswith(("http://", "https://")):
        return await _find_by_url(ctx, own_address(ctx.config, resource))
    try:
        handle = parse_handle(resource)
    except DocumentError:
        return None
    if not is_our_domain(ctx, handle.domain) and not is_own_host(ctx.config, handle.domain):
        return None
    if handle.username.lower() == handle.domain.partition(":")[0]:
        # Mastodon's way to name the server itself.
        return await ctx.db.one(ACCOUNT_BY_URI, Uris(ctx.config.base_url).instance_actor)
    return await _find_by_name(ctx, handle.username)


async def _find_by_url(ctx: Context, url: str) -> AccountRow | None:
    known = await ctx.db.one(ACCOUNT_BY_URI, url)
    if known is not None:
        return known if known.local else None
    path = urlsplit(url).path
    if not path.startswith("/@") or not same_origin(url, ctx.config.base_url):
        return None
    return await _find_by_name(ctx, path.removeprefix("/@"))


async def _find_by_name(ctx: Context, username: str) -> AccountRow | None:
    return await ctx.db.one(LOCAL_ACCOUNT_BY_NAME, username)


@endpoint("GET", "/.well-known/host-meta", rate="none")
async def host_meta(ctx: Context) -> Reply:
    """Say where WebFinger is, in XML."""
    document = host_meta_xml(ctx.config.base_url)
    return Reply(document, content_type=XRD_TYPE, headers=_CACHE_FOR)


@endpoint("GET", "/.well-known/host-meta.json", rate="none")
async def host_meta_as_json(ctx: Context) -> Reply:
    """Say where WebFinger is, in JSON."""
    return Reply(host_meta_json(ctx.config.base_url), headers=_CACHE_FOR)
