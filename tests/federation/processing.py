"""Activities of a fake peer, sent and processed at once; and all that they could have changed."""

import asyncio
from datetime import timedelta

from fedserver.effects import Outcome
from fedserver.workers.inbox_worker import process_item
from storage.inbox import CLAIM_ITEMS
from storage.query import Value
from tests.federation.conftest import ItemRow, Server
from tests.federation.fake_peer import FakePeer, Json, PeerActor

_TABLES = """
    accounts actor_keys approvals blocks conversation_statuses conversations deliveries
    emoji_reactions favourites follows home_entries identities interaction_requests mentions
    media_attachments notification_requests
    notifications outbox_activities polls poll_votes reports
    statuses status_edits status_tags tags tombstones
""".split()
STATE = Value(
    " UNION ALL ".join(f"SELECT '{name} ' || to_jsonb(x)::text FROM {name} x" for name in _TABLES)
    + " ORDER BY 1",
    str,
)


async def state(server: Server) -> list[str]:
    """Give every row that an activity can write, but for the inbox itself."""
    return await server.ctx.db.values(STATE)


async def take(server: Server, peer: FakePeer, actor: PeerActor, activity: Json) -> ItemRow:
    """Send an activity that must be accepted, process it, and give it as it is kept."""
    answer = await peer.post(server.shared_inbox, activity, actor=actor)
    assert answer.status == 202, answer
    await process(server)
    return next(item for item in await server.items() if item.activity_uri == activity["id"])


async def process(server: Server) -> list[Outcome]:
    """Process what is due, in the order in which it came."""
    db, now = server.ctx.db, server.ctx.clock.now()
    outcomes = []
    while rows := await db.fetch(CLAIM_ITEMS, now, now + timedelta(minutes=5), 50, []):
        for row in sorted(rows, key=lambda row: row.id):
            places = asyncio.Semaphore(1)
            async with places:
                outcomes.append(await process_item(server.ctx, row, places))
    return outcomes


def mentioning(actor: PeerActor, whom: str, number: int, **changes: object) -> Json:
    """Give the Create of a Note that names `whom`, so that it is wanted here."""
    tag = [{"type": "Mention", "href": whom, "name": "@somebody"}]
    note = actor.note(number, tag=tag, cc=[whom]) | changes
    return actor.create(number, object=note, cc=[whom])
