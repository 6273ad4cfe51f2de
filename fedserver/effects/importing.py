"""Lines of what people bring from elsewhere become acts, one at a time."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from activitypub.errors import DocumentError
from activitypub.webfinger import normalise_domain
from fedserver.context import Context
from fedserver.effects.acts import Undoable
from fedserver.effects.block import Block
from fedserver.effects.block_domain import BlockDomain, PartFromDomain
from fedserver.effects.bringing import find_by_url
from fedserver.effects.follow import Follow
from fedserver.effects.named import named_account
from fedserver.effects.performing import perform
from fedserver.effects.private import Bookmark, Mute
from fedserver.effects.undo import Undo
from fedserver.errors import Invalid, NotFound
from fedserver.services.fetch import Budget
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.imports import LIST_BY_TITLE, ClaimedRow
from storage.lists import ADD_TO_LIST, INSERT_LIST, REMOVE_FROM_LIST
from storage.profiles import LOCK_PROFILE
from storage.relations import BLOCK_BETWEEN, FOLLOW_BETWEEN
from storage.statuses import VISIBLE_STATUS, StatusRow

_FETCHES: Final = 8
_MAX_TITLE_CHARS: Final = 256
Entry = dict[str, Any]


async def import_line(ctx: Context, row: ClaimedRow) -> None:
    """Do what a line says. Raises a FedserverError that says why it cannot be done (now)."""
    actor = await ctx.db.one(ACCOUNT_BY_ID, row.account_id)
    if actor is None or actor.gone:
        raise NotFound("the account is gone")
    if row.entry.get("remove"):
        await _REMOVE[row.kind](ctx, actor, row.entry)
    else:
        await _ADD[row.kind](ctx, actor, row.entry)


async def _follow(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    target = await named_account(ctx, entry["name"])
    act = Follow(
        actor=actor,
        uri=_new_uri(ctx),
        target=target,
        show_reblogs=entry.get("reblogs", True),
        notify=entry.get("notify", False),
        languages=tuple(entry.get("languages", ())),
    )
    await perform(ctx, act)


async def _unfollow(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    target = await named_account(ctx, entry["name"])
    before = await ctx.db.one(FOLLOW_BETWEEN, actor.id, target.id)
    if before is not None:
        await _take_back(ctx, actor, Follow(actor=actor, uri=before.uri, target=target))


async def _block(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    target = await named_account(ctx, entry["name"])
    await perform(ctx, Block(actor=actor, uri=_new_uri(ctx), target=target))


async def _unblock(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    target = await named_account(ctx, entry["name"])
    before = await ctx.db.one(BLOCK_BETWEEN, actor.id, target.id)
    if before is not None:
        await _take_back(ctx, actor, Block(actor=actor, uri=before.uri, target=target))


async def _mute(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    target = await named_account(ctx, entry["name"])
    hide = entry.get("notifications", True)
    await perform(ctx, Mute(actor=actor, target=target, hide_notifications=hide))


async def _unmute(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    target = await named_account(ctx, entry["name"])
    await _take_back(ctx, actor, Mute(actor=actor, target=target))


async def _list(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    """Who is listed is followed, as Mastodon's import does."""
    target = await named_account(ctx, entry["name"])
    if target.id != actor.id and await ctx.db.one(FOLLOW_BETWEEN, actor.id, target.id) is None:
        await perform(ctx, Follow(actor=actor, uri=_new_uri(ctx), target=target))
    title = entry["list"][:_MAX_TITLE_CHARS]
    async with ctx.db.transaction() as tx:
        await tx.one(LOCK_PROFILE, actor.id)  # two lines at once make one list
        list_id = await tx.value(LIST_BY_TITLE, actor.id, title)
        if list_id is None:
            list_id, now = ctx.ids.new(), ctx.clock.now()
            await tx.execute(INSERT_LIST, list_id, actor.id, title, "list", False, now)
        await tx.execute(ADD_TO_LIST, list_id, [ctx.ids.new()], [target.id], actor.id)


async def _unlist(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    target = await named_account(ctx, entry["name"])
    list_id = await ctx.db.value(LIST_BY_TITLE, actor.id, entry["list"])
    if list_id is not None:
        await ctx.db.execute(REMOVE_FROM_LIST, list_id, [target.id])


async def _bookmark(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    await perform(ctx, Bookmark(actor=actor, status=await _status(ctx, actor, entry["name"])))


async def _unbookmark(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    status = await _status(ctx, actor, entry["name"])
    await _take_back(ctx, actor, Bookmark(actor=actor, status=status))


async def _block_domain(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    domain = _domain(entry)
    await perform(ctx, BlockDomain(actor=actor, domain=domain))
    while await perform(ctx, PartFromDomain(actor=actor, domain=domain)):
        pass


async def _unblock_domain(ctx: Context, actor: AccountRow, entry: Entry) -> None:
    await _take_back(ctx, actor, BlockDomain(actor=actor, domain=_domain(entry)))


def _domain(entry: Entry) -> str:
    try:
        return normalise_domain(entry["name"])
    except DocumentError as error:
        raise Invalid(f"{entry['name']} is not the name of a domain") from error


async def _status(ctx: Context, actor: AccountRow, url: str) -> StatusRow:
    if "://" not in url:
        raise Invalid(f"{url} is not the address of a post")
    found = await find_by_url(ctx, url, Budget(_FETCHES))
    if isinstance(found, StatusRow):
        visible = await ctx.db.one(VISIBLE_STATUS, found.id, actor.id)
        if visible is not None:
            return visible
    raise NotFound(f"There is no post {url}")


async def _take_back(ctx: Context, actor: AccountRow, undone: Undoable) -> None:
    await perform(ctx, Undo(actor=actor, uri=_new_uri(ctx), undone=undone))


def _new_uri(ctx: Context) -> str:
    return Uris(ctx.config.base_url).activity(ctx.ids.new())


_Step = Callable[[Context, AccountRow, Entry], Awaitable[None]]
_ADD: Final[dict[str, _Step]] = {
    "follows": _follow,
    "blocks": _block,
    "mutes": _mute,
    "lists": _list,
    "bookmarks": _bookmark,
    "domain_blocks": _block_domain,
}
_REMOVE: Final[dict[str, _Step]] = {
    "follows": _unfollow,
    "blocks": _unblock,
    "mutes": _unmute,
    "lists": _unlist,
    "bookmarks": _unbookmark,
    "domain_blocks": _unblock_domain,
}
