"""The page on which people get an archive of their account, and hand one of another server in."""

from aiohttp import web

from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.routing import Media, Params, UploadedFile, endpoint
from fedserver.routing.files import send_file
from fedserver.services import account_archives
from fedserver.web.forms import check_form, form_page
from fedserver.web.settings import own_page, signed_in

PAGE = "/auth/archive"


class AskParams(Params, frozen=True, kw_only=True):
    """The form that has an archive made."""

    form_token: str = ""


class HandInParams(Params, frozen=True, kw_only=True):
    """An archive, and the account it is of where it does not say."""

    archive: UploadedFile | str = ""
    former: str = ""
    form_token: str = ""


@endpoint("GET", PAGE, media=Media.PAGE)
async def show_archives(ctx: Context, request: web.Request) -> web.Response:
    """Show archives and what is brought in; who is not signed in does that first."""
    return await own_page(ctx, request, _page)


async def _page(
    ctx: Context, request: web.Request, *, told: str = "", fault: str = ""
) -> web.Response:
    _, user = await signed_in(ctx, request)
    return form_page(
        ctx,
        request,
        "archives.html",
        status=422 if fault else 200,
        user=user,
        archives=await account_archives.archives_of(ctx, user.account_id),
        imports=await account_archives.archive_imports_of(ctx, user.account_id),
        days=account_archives.EVERY.days,
        most_mb=request.client_max_size // 1_000_000,
        told=told,
        fault=fault.removeprefix("Validation failed: "),
    )


@endpoint("POST", PAGE, media=Media.PAGE)
async def ask(ctx: Context, request: web.Request, params: AskParams) -> web.Response:
    """Have an archive made."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    try:
        await account_archives.ask_for_archive(ctx, user.account_id)
    except Invalid as error:
        return await _page(ctx, request, fault=str(error))
    return await _page(ctx, request, told="It is being made. A mail comes when it is ready.")


@endpoint("GET", f"{PAGE}/{{archive_id}}", media=Media.PAGE)
async def download(ctx: Context, request: web.Request, archive_id: int) -> web.StreamResponse:
    """Give the file. 404 until it is made, and after some days."""
    _, user = await signed_in(ctx, request)
    file, size = await account_archives.open_archive_file(ctx, user.account_id, archive_id)
    name = f"{user.username}{account_archives.SUFFIX}"
    return await send_file(request, file, size, name=name)


@endpoint("POST", f"{PAGE}/import", media=Media.PAGE)
async def hand_in(ctx: Context, request: web.Request, params: HandInParams) -> web.Response:
    """Take an archive of another server."""
    check_form(ctx, request, params.form_token)
    _, user = await signed_in(ctx, request)
    try:
        if isinstance(params.archive, str) or params.archive.size == 0:
            raise Invalid("Choose the file of the archive")
        file = params.archive.file
        await account_archives.hand_in_archive(ctx, user.account_id, file, params.former)
    except Invalid as error:
        return await _page(ctx, request, fault=str(error))
    return await _page(ctx, request, told="It is being brought in, the oldest posts first.")
