"""Signing up with a client, and confirming the address (Mastodon API: accounts, emails)."""

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Forbidden, NotFound, Unauthorized
from fedserver.rate_limits import (
    CONFIRMATION_MAILS_PER_ACCOUNT,
    CONFIRMATION_MAILS_PER_ADDRESS,
    address_key,
)
from fedserver.routing import JSON, AppToken, Newcomer, Params, endpoint
from fedserver.routing.client_address import ClientAddresses
from fedserver.services import sign_ups, users
from fedserver.services.counting import count
from fedserver.services.grants import issue_sign_up_token

_CONFIRMED = "This method is only available while the e-mail is awaiting confirmation"


class SignUpParams(Params, frozen=True, kw_only=True):
    """What a client sends for a new account. `agreement` is to the rules and terms of the house."""

    username: str = ""
    email: str = ""
    password: str = ""
    agreement: bool = False
    locale: str = "en"
    reason: str = ""
    date_of_birth: str | None = None
    invite_code: str | None = None


class AddressParams(Params, frozen=True, kw_only=True):
    """Another address, where the first was wrong."""

    email: str | None = None


@endpoint("POST", "/api/v1/accounts", scope="write:accounts", rate="sign_ups")
async def create_account(ctx: Context, app: AppToken, params: SignUpParams) -> JSON:
    """Sign somebody up and mail them a link; gives the token that the account will have.

    403 where nobody may sign up, 422 with `details` for what does not fit.
    Mastodon API: accounts#create (Token).
    """
    if app.token.account_id is not None:
        raise Forbidden
    wish = sign_ups.Wish(
        username=params.username,
        email=params.email,
        password=params.password,
        agreement=params.agreement,
        locale=params.locale[:20] or "en",
        reason=params.reason,
        invitation=params.invite_code,
        date_of_birth=sign_ups.read_date(params.date_of_birth),
        application_id=app.token.application_id,
    )
    sign_up_id = await sign_ups.apply(ctx, wish)
    scopes = " ".join(sorted(app.token.scopes))
    issued = await issue_sign_up_token(ctx, app.token.application_id, sign_up_id, scopes)
    return issued.as_json()


@endpoint("POST", "/api/v1/emails/confirmations", scope=("write:accounts", "write"))
async def send_confirmation(
    ctx: Context, newcomer: Newcomer, request: web.Request, params: AddressParams
) -> JSON:
    """Send the mail with the link once more, to another address if one is given.

    403 once the address is confirmed. Mastodon API: emails#confirmation.
    """
    address = ClientAddresses(ctx.config.server.trusted_proxies).of(request)
    count(ctx, CONFIRMATION_MAILS_PER_ADDRESS, address_key(address))
    count(ctx, CONFIRMATION_MAILS_PER_ACCOUNT, str(newcomer.sign_up_id))
    if newcomer.sign_up_id is None:
        raise Forbidden(_CONFIRMED)
    try:
        await sign_ups.send_again(ctx, newcomer.sign_up_id, params.email)
    except NotFound as error:
        raise Forbidden(_CONFIRMED) from error
    return {}


@endpoint("GET", "/api/v1/emails/check_confirmation")
async def check_confirmation(ctx: Context, newcomer: Newcomer) -> JSON:
    """Say whether the address is confirmed: 200 then, 403 until then.

    Mastodon API: emails#check_confirmation (not documented there).
    """
    if newcomer.sign_up_id is not None and not await sign_ups.is_confirmed(
        ctx, newcomer.sign_up_id
    ):
        raise Forbidden("Your login is missing a confirmed e-mail address")
    return {}


@endpoint("GET", "/invite/{code}")
async def invitation(ctx: Context, code: str) -> JSON:
    """Tell a client whether an invitation is good, so that it can send it with a sign-up.

    401 where it is not, as Mastodon (not documented there).
    """
    try:
        await users.invited_role(ctx, code)
    except NotFound as error:
        raise Unauthorized(str(error)) from error
    return {"invite_code": code, "instance_api_url": f"{ctx.config.base_url}/api/v2/instance"}
