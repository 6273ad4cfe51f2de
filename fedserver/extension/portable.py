"""Files of follows, blocks, mutes, lists, bookmarks and domains: out and in (see docs/api.md)."""

from typing import get_args

from fedserver.context import Context
from fedserver.entities import timestamp
from fedserver.errors import Invalid, NotFound
from fedserver.events import IMPORTS as IMPORTS_CHANNEL
from fedserver.events import NOTIFY
from fedserver.routing import JSON, Caller, Params, Reply, UploadedFile, endpoint
from fedserver.services.portable_lists import Kind, as_csv, begin_import, export
from storage.imports import IMPORT_FAILURES, IMPORTS, ImportRow

_KINDS = get_args(Kind)
_MAX_FILE_BYTES = 4 * 1024 * 1024


class ImportParams(Params, frozen=True, kw_only=True):
    """A file (or its text). `mode` overwrite: what is not in the file goes."""

    kind: str = ""
    mode: str = "merge"
    data: UploadedFile | str = ""


@endpoint("GET", "/api/fedserver/v1/exports/{kind}", scope="read")
async def export_file(ctx: Context, caller: Caller, kind: str) -> Reply:
    """Give a file (CSV, in Mastodon's form) of `kind`; 404 for what is no kind."""
    text = await export(ctx, caller.account_id, _kind(kind))
    headers = {"Content-Disposition": f'attachment; filename="{kind}.csv"'}
    return Reply(text.encode(), content_type="text/csv; charset=utf-8", headers=headers)


@endpoint("POST", "/api/fedserver/v1/imports", scope="write")
async def import_file(ctx: Context, caller: Caller, params: ImportParams) -> Reply:
    """Take a file of `kind`; its lines are done one after another, also over a restart.

    202 with the Import. 422 for a file that cannot be read, 404 for what is no kind.
    """
    if params.mode not in ("merge", "overwrite"):
        raise Invalid("Validation failed: Mode is merge or overwrite")
    import_id = await begin_import(
        ctx,
        caller.account_id,
        _kind(params.kind),
        _text(params.data),
        overwrite=params.mode == "overwrite",
    )
    await ctx.db.execute(NOTIFY, IMPORTS_CHANNEL, "")
    return Reply(await show_import(ctx, caller, import_id), status=202)


@endpoint("GET", "/api/fedserver/v1/imports", scope="read")
async def list_imports(ctx: Context, caller: Caller) -> JSON:
    """List the caller's newest imports."""
    return [_import(row) for row in await ctx.db.fetch(IMPORTS, caller.account_id, None)]


@endpoint("GET", "/api/fedserver/v1/imports/{import_id}", scope="read")
async def show_import(ctx: Context, caller: Caller, import_id: int) -> JSON:
    """Show how far an import is."""
    row = await ctx.db.one(IMPORTS, caller.account_id, import_id)
    if row is None:
        raise NotFound("Record not found")
    return _import(row)


@endpoint("GET", "/api/fedserver/v1/imports/{import_id}/failures", scope="read")
async def import_failures(ctx: Context, caller: Caller, import_id: int) -> Reply:
    """Give a file of the lines that could not be done, each with the reason."""
    if await ctx.db.one(IMPORTS, caller.account_id, import_id) is None:
        raise NotFound("Record not found")
    rows = await ctx.db.fetch(IMPORT_FAILURES, import_id, caller.account_id)
    text = as_csv([(str(row.entry["name"]), row.failure) for row in rows])
    return Reply(text.encode(), content_type="text/csv; charset=utf-8")


def _kind(text: str) -> Kind:
    for kind in _KINDS:
        if kind == text:
            return kind  # type: ignore[no-any-return]  # get_args forgets what it was given
    raise NotFound(f"There is no list of {text[:40]}; there are {', '.join(_KINDS)}")


def _text(data: UploadedFile | str) -> str:
    if isinstance(data, str):
        return data
    if len(data.data) > _MAX_FILE_BYTES:
        raise Invalid("Validation failed: The file is larger than 4 MB")
    try:
        return data.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("Validation failed: The file is not text in UTF-8") from error


def _import(row: ImportRow) -> JSON:
    finished = row.done + row.failed == row.total
    return {
        "id": str(row.id),
        "kind": row.kind,
        "mode": "overwrite" if row.overwrite else "merge",
        "state": "finished" if finished else "running",
        "total": row.total,
        "done": row.done,
        "failed": row.failed,
        "created_at": timestamp(row.created_at),
    }
