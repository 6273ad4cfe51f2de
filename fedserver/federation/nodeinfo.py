"""NodeInfo 2.0 and 2.1: what runs here, and how many people use it (FEP-0151)."""

from datetime import timedelta
from typing import Any, Literal

from activitypub import nodeinfo
from fedserver import __version__
from fedserver.context import Context
from fedserver.routing import Reply, endpoint
from fedserver.services.instance_recovery import current_recovery
from fedserver.services.own_doors import published_alternates
from fedserver.services.successions import succession
from fedserver.uris import Uris
from storage.federation_reads import STAFF, USAGE, UsageRow
from storage.mirrored import MIRRORS_OF_OBJECTS
from storage.vault import LAST_PROVEN

_CACHE_FOR = {"Cache-Control": "max-age=1800, public"}
_NOBODY = UsageRow(0, 0, 0, 0)


@endpoint("GET", "/.well-known/nodeinfo", rate="none")
async def links(ctx: Context) -> Reply:
    """Say where the documents are."""
    return Reply(
        nodeinfo.links(ctx.config.base_url, Uris(ctx.config.base_url).instance_actor),
        headers=_CACHE_FOR,
    )


@endpoint("GET", "/nodeinfo/2.0", rate="none")
async def version_2_0(ctx: Context) -> Reply:
    """Give the document in schema 2.0, the newest that some clients read."""
    return await _document(ctx, "2.0")


@endpoint("GET", "/nodeinfo/2.1", rate="none")
async def version_2_1(ctx: Context) -> Reply:
    """Give the document in schema 2.1."""
    return await _document(ctx, "2.1")


async def _document(ctx: Context, version: Literal["2.0", "2.1"]) -> Reply:
    now = ctx.clock.now()
    usage = await ctx.db.one(USAGE, now - timedelta(days=30), now - timedelta(days=180)) or _NOBODY
    document = nodeinfo.document(
        version,
        software_name="fedserver",
        software_version=__version__,
        users_total=usage.users,
        active_month=usage.active_month,
        active_halfyear=usage.active_halfyear,
        local_posts=usage.local_posts,
        open_registrations=False,  # people come by invitation
        metadata=await _metadata(ctx),
    )
    return Reply(document, content_type=nodeinfo.content_type(version), headers=_CACHE_FOR)


async def _metadata(ctx: Context) -> dict[str, Any]:
    return {
        "nodeName": ctx.config.instance.title,
        "nodeDescription": ctx.config.instance.description,
        "staffAccounts": await ctx.db.values(STAFF),
        "federation": {"enabled": True},
        # Client libraries know a server by its upstream's API.
        "upstream": {"name": "mastodon"},
        **await _recovery(ctx),
        **await _alternates(ctx),
        **await _drill(ctx),
        # Who has our public posts when we do not answer.
        "mirrors": await ctx.db.values(MIRRORS_OF_OBJECTS),
    }


async def _alternates(ctx: Context) -> dict[str, Any]:
    """Give where else we are reached, signed; peers remember it."""
    published = await published_alternates(ctx)
    return {} if published is None else {"alternates": published}


async def _recovery(ctx: Context) -> dict[str, Any]:
    """Give what peers pin while we live: who may name our successor, and what signs until then."""
    row = await current_recovery(ctx)
    if row is None:
        return {}
    statements = (row.authorization_statement, row.rotation_statement)
    published = await succession(ctx)
    return {
        "recoveryKey": row.did,
        "recoveryStatements": [one for one in statements if one],
        "evacuations": published["certificates"],
        "successors": published["successors"],
    }


async def _drill(ctx: Context) -> dict[str, Any]:
    """Give when a restore from the vault was last proven to work, where the admin wishes."""
    if not ctx.config.vault.publish_drill:
        return {}
    proven = await ctx.db.value(LAST_PROVEN)
    return {} if proven is None else {"lastProvenRestore": f"{proven:%Y-%m-%d}"}
