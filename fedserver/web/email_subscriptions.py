"""The pages that mails with posts lead to, and the switch in the settings.

Opening a link changes nothing; the button on its page does, and so does a mail program that is told
to end it (RFC 8058), which knows no cookie.
"""

from aiohttp import web

from fedserver.context import Context
from fedserver.routing import Media, Params, endpoint
from fedserver.services import email_subscriptions
from fedserver.web.forms import check_form, form_page
from fedserver.web.rendering import private_page
from fedserver.web.settings import PAGE, SettingParams, shown, signed_in


class LinkParams(Params, frozen=True, kw_only=True):
    """The link in a mail, and the form on its page."""

    token: str = ""
    form_token: str = ""


class OfferParams(SettingParams, frozen=True, kw_only=True):
    """The switch in the settings."""

    on: bool = False


@endpoint("GET", "/email_subscriptions/confirm", media=Media.PAGE)
async def show_confirmation(ctx: Context, request: web.Request, params: LinkParams) -> web.Response:
    """Show the button that begins a subscription. 404 for a link that is not valid any more."""
    row = await email_subscriptions.asked_to_confirm(ctx, params.token)
    return form_page(
        ctx, request, "email_subscription.html", row=row, token=params.token, ends=False
    )


@endpoint("POST", "/email_subscriptions/confirm", media=Media.PAGE)
async def confirm(ctx: Context, request: web.Request, params: LinkParams) -> web.Response:
    """Begin the subscription."""
    check_form(ctx, request, params.form_token)
    row = await email_subscriptions.confirm(ctx, params.token)
    text = f"New public posts of @{row.username}@{ctx.config.instance.domain} come to {row.email}."
    return private_page(ctx, "message.html", title="Subscribed", text=text)


@endpoint("GET", "/email_subscriptions/end", media=Media.PAGE)
async def show_end(ctx: Context, request: web.Request, params: LinkParams) -> web.Response:
    """Show the button that ends a subscription. 404 for one that has ended."""
    row = await email_subscriptions.asked_to_end(ctx, params.token)
    return form_page(
        ctx, request, "email_subscription.html", row=row, token=params.token, ends=True
    )


@endpoint("POST", "/email_subscriptions/end", media=Media.PAGE)
async def end(ctx: Context, params: LinkParams) -> web.Response:
    """End the subscription: whoever has the link may."""
    await email_subscriptions.end(ctx, params.token)
    return private_page(
        ctx, "message.html", title="Ended", text="No more of these posts come to you by mail."
    )


@endpoint("POST", f"{PAGE}/email_subscriptions", media=Media.PAGE)
async def offer(ctx: Context, request: web.Request, params: OfferParams) -> web.Response:
    """Offer one's public posts by mail, or offer them no more."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    doing = email_subscriptions.offer(ctx, user.account_id, on=params.on)
    told = "Everybody can get your public posts by mail." if params.on else "No more mails go out."
    return await shown(ctx, request, doing, told)
