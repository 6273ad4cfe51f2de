"""The signed list of our other addresses, at a place of its own."""

from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import Reply, endpoint
from fedserver.services.own_doors import PATH, published_alternates

_CACHE_FOR = {"Cache-Control": "max-age=1800, public"}


@endpoint("GET", PATH, rate="none")
async def alternates(ctx: Context) -> Reply:
    """Give the list, as in NodeInfo. 404 where there is none."""
    published = await published_alternates(ctx)
    if published is None:
        raise NotFound("Record not found")
    return Reply(published, headers=_CACHE_FOR)
