"""Getting somebody's public posts by mail (Mastodon API: accounts/:id/email_subscriptions)."""

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import NotFound
from fedserver.ids import parse_id
from fedserver.rate_limits import (
    SUBSCRIPTION_MAILS_PER_ADDRESS,
    SUBSCRIPTION_MAILS_PER_RECEIVER,
    address_key,
)
from fedserver.routing import JSON, Params, endpoint
from fedserver.routing.client_address import ClientAddresses
from fedserver.services.counting import count
from fedserver.services.email_subscriptions import subscribe

_MAX_ADDRESS_CHARS = 320


class EmailParams(Params, frozen=True, kw_only=True):
    """Where the posts are to go."""

    email: str = ""


@endpoint("POST", "/api/v1/accounts/{account_id}/email_subscriptions")
async def subscribe_by_mail(
    ctx: Context, request: web.Request, account_id: str, params: EmailParams
) -> JSON:
    """Mail a link to the address, with which it subscribes to an account's public posts.

    404 where the account, or the house, does not offer that; 422 for what is no address.
    """
    known = parse_id(account_id)
    if known is None:
        raise NotFound("Record not found")
    address = ClientAddresses(ctx.config.server.trusted_proxies).of(request)
    count(ctx, SUBSCRIPTION_MAILS_PER_ADDRESS, address_key(address))
    count(ctx, SUBSCRIPTION_MAILS_PER_RECEIVER, params.email.strip().lower()[:_MAX_ADDRESS_CHARS])
    await subscribe(ctx, known, params.email)
    return {}
