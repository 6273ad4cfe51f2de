"""Which domains this instance blocks or limits, for everybody to read."""

from hashlib import sha256

from fedserver.context import Context
from fedserver.errors import NotFound, Unauthorized
from fedserver.routing import JSON, Caller, endpoint
from storage.domains import PUBLIC_DOMAIN_RULES

_SEVERITIES = {"block": "suspend", "limit": "silence"}


@endpoint("GET", "/api/v1/instance/domain_blocks")
async def domain_blocks(ctx: Context, caller: Caller | None) -> JSON:
    """List the domains that are blocked or limited, and the public reasons.

    Mastodon API: instance#domain_blocks. 404 where the admin keeps it from everybody, 401 for
    strangers where only users may read it.
    """
    readers = ctx.config.federation.publish_domain_blocks
    if readers == "nobody":
        raise NotFound("Record not found")
    if readers == "users" and caller is None:
        raise Unauthorized("This method requires an authenticated user")
    return [
        {
            "domain": row.domain,
            "digest": sha256(row.domain.encode()).hexdigest(),
            "severity": _SEVERITIES[row.severity],
            "comment": row.reason,
        }
        for row in await ctx.db.fetch(PUBLIC_DOMAIN_RULES)
    ]
