"""The page on which people bring the kit of an account that they had elsewhere."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import IO, Final

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import FedserverError, Invalid
from fedserver.recovery.keys import RecoveryKey
from fedserver.routing import Media, Params, UploadedFile, endpoint
from fedserver.web.forms import check_form, form_page
from fedserver.web.settings import own_page, signed_in
from storage.kits import COUNT_BROUGHT_POSTS, KIT_IMPORT
from storage.users import UserRow

# Brings a sealed kit into an account: what matters most before it returns, the rest behind it. The
# kit is a file, or what the mirror of that name keeps for the key. Raises what is wrong with kit or
# words. app.py puts it here.
Bring = Callable[[Context, int, IO[bytes] | str, RecoveryKey], Awaitable[None]]
BRING_KIT: web.AppKey[Bring] = web.AppKey("bring_kit")
PAGE: Final = "/auth/kit"


@dataclass(frozen=True, slots=True)
class Brought:
    """A sealed kit, or the mirror that has it, and the key that its words gave. In memory only."""

    kit: IO[bytes] | str
    key: RecoveryKey


class BringParams(Params, frozen=True, kw_only=True):
    """A sealed kit, or the name of a mirror, and the words."""

    kit: UploadedFile | str = ""
    mirror: str = ""
    words: str = ""
    form_token: str = ""


@endpoint("GET", PAGE, media=Media.PAGE)
async def show_form(ctx: Context, request: web.Request) -> web.Response:
    """Show the form, and how far a kit is that was brought before."""
    return await own_page(ctx, request, _own_kit_page)


async def _own_kit_page(ctx: Context, request: web.Request) -> web.Response:
    _, user = await signed_in(ctx, request)
    return await kit_page(ctx, request, user)


async def kit_page(
    ctx: Context, request: web.Request, user: UserRow, *, told: str = "", fault: str = ""
) -> web.Response:
    """Give the page; `fault` says why a kit was not brought."""
    return form_page(
        ctx,
        request,
        "bring_kit.html",
        status=422 if fault else 200,
        user=user,
        bringing=await ctx.db.one(KIT_IMPORT, user.account_id),
        posts=await ctx.db.value(COUNT_BROUGHT_POSTS, user.account_id) or 0,
        most_mb=request.client_max_size // 1_000_000,
        told=told,
        fault=fault,
    )


@endpoint("POST", PAGE, media=Media.PAGE)
async def bring(ctx: Context, request: web.Request, params: BringParams) -> web.Response:
    """Open the kit with its words, in memory, and bring it into the account."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    try:
        brought = read_kit(params.kit, params.words, mirror=params.mirror)
        if brought is None:
            raise Invalid("Choose the file of the kit, and type its 24 words")
        await bring_into(ctx, request, user.account_id, brought)
    except FedserverError as error:
        return await kit_page(ctx, request, user, fault=str(error))
    told = "Your followers are being told. Posts and files follow, the oldest first."
    return await kit_page(ctx, request, user, told=told)


def read_kit(kit: UploadedFile | str, words: str, *, mirror: str = "") -> Brought | None:
    """Give what a form holds; None where it was left empty. Raises Invalid for words that are none,
    and for a kit without words or words without a kit."""
    if isinstance(kit, str) or kit.size == 0:
        if not words.strip():
            return None
        if not mirror.strip():
            raise Invalid("Choose the file of the kit, or name a mirror that has it")
        return Brought(mirror.strip(), RecoveryKey.from_words(words))
    kit.file.seek(0)
    return Brought(kit.file, RecoveryKey.from_words(words))


async def bring_into(ctx: Context, request: web.Request, account_id: int, brought: Brought) -> None:
    """Bring a kit into an account. Raises what is wrong with it."""
    await request.app[BRING_KIT](ctx, account_id, brought.kit, brought.key)
