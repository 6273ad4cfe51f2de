"""Where the instance came from, and where it would go: for peers, and for those who look for it."""

from fedserver.context import Context
from fedserver.routing import Reply, endpoint
from fedserver.services import successions


@endpoint("GET", successions.PATH, rate="none")
async def succession(ctx: Context) -> Reply:
    """Give the evacuation certificates and the successors named ahead, as the recovery key has
    signed them."""
    return Reply(await successions.succession(ctx), headers={"Cache-Control": "max-age=60, public"})
