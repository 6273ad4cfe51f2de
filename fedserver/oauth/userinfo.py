"""Who has signed in, in the claims of OpenID Connect (Mastodon API: oauth#userinfo)."""

from typing import Any

from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.routing import Caller, endpoint
from storage.accounts import ACCOUNT_BY_ID


@endpoint("GET", "/oauth/userinfo", scope="profile")
@endpoint("POST", "/oauth/userinfo", scope="profile")
async def userinfo(ctx: Context, caller: Caller) -> dict[str, Any]:
    """Give the claims about the caller (OpenID Connect Core §5.3)."""
    account = await ctx.db.one(ACCOUNT_BY_ID, caller.account_id)
    if account is None:
        raise NotFound
    uris = ctx.uris
    blob = account.avatar_blob
    return {
        "iss": f"{ctx.config.base_url}/",
        "sub": account.uri,
        "name": account.display_name,
        "preferred_username": account.username,
        "profile": account.url,
        "picture": uris.media(blob) if blob else uris.static("avatars/missing.png"),
    }
