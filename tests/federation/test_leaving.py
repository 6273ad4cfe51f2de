"""One of our people leaves for good: peers are told, nothing of theirs stays but the name."""

from datetime import timedelta

import orjson

from fedserver.clock import Clock
from fedserver.effects.leaving import delete_departed
from fedserver.services import users
from fedserver.services.login_settings import GRACE
from storage.accounts import ACCOUNT_BY_ID
from storage.query import Command, Value
from storage.users import ASK_FOR_DELETION
from tests.federation.conftest import PASSWORD, Server, deliver
from tests.federation.fake_peer import FakePeer
from tests.federation.processing import take

ASKED_LONG_AGO = Command(
    "UPDATE users SET deletion_requested_at = deletion_requested_at - $1::interval"
)
LEFT = Value(
    """
    SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM oauth_tokens)
        + (SELECT count(*) FROM follows) + (SELECT count(*) FROM notifications)
    """,
    int,
)


async def test_who_leaves_is_gone_for_good(server: Server, peer: FakePeer) -> None:
    fan = peer.actor("fan")
    follow = fan.activity("Follow", 1, object=server.alice.uri)
    assert (await take(server, peer, fan, follow)).outcome == "done"
    await deliver(server)
    peer.received.clear()
    clock: Clock = server.ctx.clock
    await server.ctx.db.execute(ASK_FOR_DELETION, server.alice.id, clock.now())
    assert await delete_departed(server.ctx) == 0, "there is time to think"
    await server.ctx.db.execute(ASKED_LONG_AGO, GRACE + timedelta(seconds=1))
    assert await delete_departed(server.ctx) == 1
    assert await delete_departed(server.ctx) == 0
    await deliver(server)
    (delete,) = (one.document for one in peer.received)
    assert (delete["type"], delete["object"]) == ("Delete", server.alice.uri)
    assert await users.authenticate(server.ctx, "alice", PASSWORD) is None
    account = await server.ctx.db.one(ACCOUNT_BY_ID, server.alice.id)
    assert account is not None
    assert account.deleted_at is not None
    assert await server.ctx.db.value(LEFT) == 0
    answer = await peer.get(server.alice.uri)
    assert (answer.status, orjson.loads(answer.text)["type"]) == (410, "Tombstone")
