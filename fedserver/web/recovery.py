"""The page on which people make their recovery key, and get their kit."""

from typing import Any

from aiohttp import web

from activitypub.errors import DocumentError
from activitypub.json_bytes import loads
from fedserver.context import Context
from fedserver.effects import recovery_key
from fedserver.effects.recovery_key import Offered
from fedserver.errors import FedserverError, Invalid, NotFound
from fedserver.recovery.keys import RecoveryPublic
from fedserver.routing import Media, Params, endpoint
from fedserver.routing.files import send_file
from fedserver.services.kits import ask_for_kit, kit_of, open_kit_file
from fedserver.uris import Uris
from fedserver.web.forms import check_form, form_page
from fedserver.web.settings import SettingParams, confirmed_person, own_page, signed_in

PAGE = "/auth/recovery"
_MAX_STATEMENT_BYTES = 16_384


class KeyParams(SettingParams, frozen=True, kw_only=True):
    """What the browser has made: the public half, and what the keys have signed, as JSON."""

    did: str = ""
    recipient: str = ""
    statement: str = ""
    rotation: str = ""
    removal: str = ""


class KitParams(Params, frozen=True, kw_only=True):
    """The form that has a kit made."""

    media: bool = False
    form_token: str = ""


@endpoint("GET", PAGE, media=Media.PAGE)
async def show_recovery(ctx: Context, request: web.Request) -> web.Response:
    """Show recovery key and kit; who is not signed in does that first."""
    return await own_page(ctx, request, _page)


async def _page(
    ctx: Context, request: web.Request, *, told: str = "", fault: str = ""
) -> web.Response:
    _, user = await signed_in(ctx, request)
    return form_page(
        ctx,
        request,
        "recovery.html",
        status=422 if fault else 200,
        scripts=True,
        user=user,
        actor=Uris(ctx.config.base_url).actor(user.username),
        now=ctx.clock.now().isoformat(),
        recovery=await recovery_key.recovery_of(ctx, user.account_id),
        kit=await kit_of(ctx, user.account_id),
        signing_keys=ctx.config.kits.allow_signing_keys,
        told=told,
        fault=fault,
    )


@endpoint("POST", f"{PAGE}/key", media=Media.PAGE)
async def set_key(ctx: Context, request: web.Request, params: KeyParams) -> web.Response:
    """Take the public half of a key that the browser has made, given the password."""
    try:
        _, user = await confirmed_person(ctx, request, params)
        public = RecoveryPublic.checked(params.did, params.recipient)
        offered = Offered(public, _json(params.statement))
        rotation = _json(params.rotation) if params.rotation else None
        at_once = await recovery_key.offer(ctx, user.account_id, offered, rotation=rotation)
    except Invalid as error:
        return await _refused(ctx, request, error)
    if not at_once:
        return await _page(ctx, request, told="The new key counts in 72 hours.")
    return await _page(ctx, request, told="The recovery key is in use. Your kit is being made.")


@endpoint("POST", f"{PAGE}/remove", media=Media.PAGE)
async def remove_key(ctx: Context, request: web.Request, params: KeyParams) -> web.Response:
    """Remove the key, given the password: at once with its own word, else in 72 hours."""
    try:
        _, user = await confirmed_person(ctx, request, params)
        removal = _json(params.removal) if params.removal else None
        at_once = await recovery_key.remove(ctx, user.account_id, removal=removal)
    except (Invalid, NotFound) as error:
        return await _refused(ctx, request, error)
    told = "The recovery key is removed." if at_once else "It will be removed in 72 hours."
    return await _page(ctx, request, told=told)


@endpoint("POST", f"{PAGE}/call_off", media=Media.PAGE)
async def call_off(ctx: Context, request: web.Request, params: KitParams) -> web.Response:
    """Call the change that waits off."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    await recovery_key.call_off(ctx, user.account_id)
    return await _page(ctx, request, told="It is called off.")


@endpoint("POST", f"{PAGE}/kit", media=Media.PAGE)
async def make_kit(ctx: Context, request: web.Request, params: KitParams) -> web.Response:
    """Have the kit made anew."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    try:
        await ask_for_kit(ctx, user.account_id, with_media=params.media)
    except Invalid as error:
        return await _refused(ctx, request, error)
    return await _page(ctx, request, told="Your kit is being made.")


@endpoint("GET", f"{PAGE}/kit", media=Media.PAGE)
async def download_kit(ctx: Context, request: web.Request) -> web.StreamResponse:
    """Give the sealed kit."""
    _, user = await signed_in(ctx, request)
    file, size = await open_kit_file(ctx, user.account_id)
    return await send_file(request, file, size, name=f"{user.username}.kit.age")


async def _refused(ctx: Context, request: web.Request, error: FedserverError) -> web.Response:
    return await _page(ctx, request, fault=str(error).removeprefix("Validation failed: "))


def _json(text: str) -> dict[str, Any]:
    try:
        return dict(loads(text.encode(), max_bytes=_MAX_STATEMENT_BYTES))
    except DocumentError:
        raise Invalid("The browser sent a statement that cannot be read") from None
