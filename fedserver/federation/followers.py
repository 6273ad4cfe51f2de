"""The part of a followers collection that a peer may see: its own people (FEP-8fcf)."""

from aiohttp import web

from activitypub.model import Collection
from fedserver.context import Context
from fedserver.errors import NotFound, Unauthorized
from fedserver.federation.actors import local_account
from fedserver.federation.replies import activity_reply
from fedserver.federation.requests import signer_of
from fedserver.routing import Media, Reply, endpoint
from fedserver.services.followers import origin_of
from fedserver.uris import followers_synchronization
from storage.conditions import RESTORE_INCOMPLETE
from storage.followers import FOLLOWERS_AT

# In one document: older Mastodon reads the first page only, and takes it for everything.
MAX_LISTED = 20_000


@endpoint("GET", "/users/{username}/followers_synchronization", media=Media.ACTIVITY, rate="none")
async def partial_followers(ctx: Context, request: web.Request, username: str) -> Reply:
    """Give who follows a person from the server that asks. 503 while a restore is incomplete."""
    reader = await signer_of(ctx, request)
    if reader is None:
        raise Unauthorized("Request not signed")
    if await ctx.db.value(RESTORE_INCOMPLETE):
        return Reply({"error": "Not all followers are back yet"}, status=503)
    account = await local_account(ctx, username)
    if account.deleted_at is not None or account.followers_url is None:
        raise NotFound("Record not found")
    uris = await ctx.db.values(FOLLOWERS_AT, account.id, origin_of(reader.uri), MAX_LISTED + 1)
    if len(uris) > MAX_LISTED:
        # A part of the list would say that all others do not follow any more.
        raise NotFound("Record not found")
    collection = Collection(
        type="OrderedCollection",
        id=followers_synchronization(account.followers_url),
        total_items=len(uris),
        items=tuple(uris),
    )
    return activity_reply(collection, public=False)
