"""A person's sealed kit: how it is, made anew, and the file (documented in docs/api.md)."""

from aiohttp import web

from fedserver.context import Context
from fedserver.entities import timestamp
from fedserver.extension.people import calling_user
from fedserver.routing import JSON, Caller, Params, endpoint
from fedserver.routing.files import send_file
from fedserver.services.kits import ask_for_kit, kit_of, open_kit_file


class KitParams(Params, frozen=True, kw_only=True):
    """`media`: whether the files of one's posts go into the kit."""

    media: bool = False


@endpoint("GET", "/api/fedserver/v1/kit", scope="read:accounts")
async def show_kit(ctx: Context, caller: Caller) -> JSON:
    """Show how the caller's kit is. `made_at` is null until it was made once."""
    user = await calling_user(ctx, caller)
    kit = await kit_of(ctx, user.account_id)
    if kit is None:
        return {
            "made_at": None,
            "next_at": None,
            "bytes": 0,
            "posts": 0,
            "media": False,
            "sealed_to": None,
            "failure": None,
        }
    return {
        "made_at": timestamp(kit.made_at) if kit.made_at else None,
        "next_at": timestamp(kit.due_at),
        "bytes": kit.bytes,
        "posts": kit.posts,
        "media": kit.with_media,
        "sealed_to": kit.did,
        "failure": kit.failure,
    }


@endpoint("POST", "/api/fedserver/v1/kit", scope="write:accounts")
async def make_kit(ctx: Context, caller: Caller, params: KitParams) -> JSON:
    """Have the caller's kit made anew now. 422 without a recovery key."""
    user = await calling_user(ctx, caller)
    await ask_for_kit(ctx, user.account_id, with_media=params.media)
    return await show_kit(ctx, caller)


@endpoint("GET", "/api/fedserver/v1/kit/file", scope="read")
async def kit_file(ctx: Context, request: web.Request, caller: Caller) -> web.StreamResponse:
    """Give the sealed kit (age). 404 until it is made."""
    user = await calling_user(ctx, caller)
    file, size = await open_kit_file(ctx, user.account_id)
    return await send_file(request, file, size, name=f"{user.username}.kit.age")
