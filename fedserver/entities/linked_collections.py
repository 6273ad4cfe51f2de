"""The collections that statuses link to. They are the last thing in the JSON of a status, where the
kept bytes have their ids, since what they show changes by itself and with the viewer."""

import orjson

from fedserver.context import Context
from fedserver.entities.collections import collections

_KEY = b'"tagged_collections":'
_NONE = _KEY + b"[]}"


async def with_collections(
    ctx: Context, cores: dict[int, bytes], viewer: int | None
) -> dict[int, bytes]:
    """Give the cores of statuses with their collections in place of the ids, in at most two
    queries, and none where nothing on the page links to one."""
    linked = {
        status_id: core.rpartition(_KEY)
        for status_id, core in cores.items()
        if not core.endswith(_NONE)
    }
    if not linked:
        return cores
    named = {status_id: orjson.loads(parts[2][:-1]) for status_id, parts in linked.items()}
    wanted = list(dict.fromkeys(one for ids in named.values() for one in ids))
    shown = {int(one["id"]): one for one in await collections(ctx, wanted, viewer)}
    filled = {
        status_id: b"".join(
            (
                head,
                key,
                orjson.dumps([shown[one] for one in named[status_id] if one in shown]),
                b"}",
            )
        )
        for status_id, (head, key, _) in linked.items()
    }
    return cores | filled
