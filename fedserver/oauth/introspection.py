"""What a token is: for its application (RFC 7662), and for who holds it."""

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Unauthorized
from fedserver.oauth.tokens import authenticated, read_oauth_params, refusal, required
from fedserver.routing import JSON, AppToken, Reply, endpoint
from fedserver.secrets import token_hash
from fedserver.services.grants import OAuthError
from storage.oauth import TOKEN_FACTS, TOKEN_FACTS_BY_ID, TokenFactsRow


@endpoint("POST", "/oauth/introspect")
async def introspect(ctx: Context, request: web.Request) -> Reply:
    """Say whether a token of the calling application is good, and for what (RFC 7662 §2.2).

    A token of another application is as unknown as one that never was.
    """
    try:
        params = await read_oauth_params(request)
        application = await authenticated(ctx, request, params)
        token = required(params, "token")
    except OAuthError as error:
        return refusal(error)
    row = await ctx.db.one(TOKEN_FACTS, token_hash(token))
    if row is None or row.client_id != application.client_id:
        return Reply({"active": False})
    return Reply(
        {
            "active": True,
            "scope": row.scopes,
            "client_id": row.client_id,
            "token_type": "Bearer",
            "iat": int(row.created_at.timestamp()),
        }
    )


@endpoint("GET", "/oauth/token/info")
async def token_info(ctx: Context, app: AppToken) -> JSON:
    """Say what the token of this request is (as Doorkeeper, which Mastodon stands on)."""
    row = await ctx.db.one(TOKEN_FACTS_BY_ID, app.token.id)
    if row is None:
        raise Unauthorized("The access token is invalid")
    return _info(row)


def _info(row: TokenFactsRow) -> JSON:
    return {
        "resource_owner_id": row.account_id,
        "scope": row.scopes.split(),
        "expires_in": None,
        "application": {"uid": row.client_id},
        "created_at": int(row.created_at.timestamp()),
    }
