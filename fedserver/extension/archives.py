"""Archives: of one's account, and of another server's (documented in docs/api.md)."""

from aiohttp import web

from fedserver.context import Context
from fedserver.entities import timestamp
from fedserver.errors import Invalid
from fedserver.extension.people import calling_user
from fedserver.routing import JSON, Caller, Params, Reply, UploadedFile, endpoint
from fedserver.routing.files import send_file
from fedserver.services.account_archives import (
    SUFFIX,
    archive_imports_of,
    archives_of,
    ask_for_archive,
    hand_in_archive,
    open_archive_file,
)
from storage.archives import ArchiveImportRow, ArchiveRow


class ArchiveParams(Params, frozen=True, kw_only=True):
    """An archive of another server. `former`: the account it is of, where it does not say."""

    data: UploadedFile | str = ""
    former: str = ""


@endpoint("GET", "/api/fedserver/v1/archives", scope="read")
async def list_archives(ctx: Context, caller: Caller) -> JSON:
    """List the caller's archives, the newest first."""
    return [_archive(row) for row in await archives_of(ctx, caller.account_id)]


@endpoint("POST", "/api/fedserver/v1/archives", scope="read")
async def request_archive(ctx: Context, caller: Caller) -> Reply:
    """Have an archive of everything made: 202 with all Archives. 422 within seven days."""
    await ask_for_archive(ctx, caller.account_id)
    return Reply(await list_archives(ctx, caller), status=202)


@endpoint("GET", "/api/fedserver/v1/archives/{archive_id}/file", scope="read")
async def archive_file(
    ctx: Context, request: web.Request, caller: Caller, archive_id: int
) -> web.StreamResponse:
    """Give the file (tar). 404 until it is made, and after seven days."""
    user = await calling_user(ctx, caller)
    file, size = await open_archive_file(ctx, caller.account_id, archive_id)
    return await send_file(request, file, size, name=f"{user.username}{SUFFIX}")


@endpoint("GET", "/api/fedserver/v1/archive_imports", scope="read")
async def list_archive_imports(ctx: Context, caller: Caller) -> JSON:
    """List the archives that the caller handed in, the newest first."""
    return [_import(row) for row in await archive_imports_of(ctx, caller.account_id)]


@endpoint("POST", "/api/fedserver/v1/archive_imports", scope="write", rate="media")
async def import_archive(ctx: Context, caller: Caller, params: ArchiveParams) -> Reply:
    """Hand an archive in: 202 with all of them. 422 without a file, or while one is brought in."""
    if isinstance(params.data, str) or params.data.size == 0:
        raise Invalid("Validation failed: Data can't be blank")
    await hand_in_archive(ctx, caller.account_id, params.data.file, params.former)
    return Reply(await list_archive_imports(ctx, caller), status=202)


def _archive(row: ArchiveRow) -> JSON:
    return {
        "id": str(row.id),
        "requested_at": timestamp(row.requested_at),
        "made_at": timestamp(row.made_at) if row.made_at else None,
        "available": row.blob is not None,
        "bytes": row.bytes,
        "posts": row.posts,
        "failure": row.failure,
    }


def _import(row: ArchiveImportRow) -> JSON:
    return {
        "id": str(row.id),
        "state": "running" if row.finished_at is None else "finished",
        "created_at": timestamp(row.created_at),
        "total": row.total,
        "done": row.done,
        "failed": row.failed,
        "reasons": row.reasons,
        "failure": row.failure,
    }
