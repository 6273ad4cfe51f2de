"""The inbox worker: each item once, with an outcome; nothing that one item does stops the others,
and nothing that was answered 202 is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
import pytest

from activitypub.trust import Verified
from fedserver import effects
from fedserver.context import Context
from fedserver.effects import Outcome, OutcomeName
from fedserver.services.fetch import Budget
from fedserver.workers import inbox_worker
from fedserver.workers.inbox_worker import CLAIM_FOR, MAX_TRIES, process_always
from storage.inbox import CLAIM_ITEMS, SETTLE, InboxRow, NewItem
from storage.query import Command
from tests.federation.conftest import ItemRow, Server
from tests.federation.fake_peer import PeerActor, rsa_key
from tests.waiting import until

ALL_DUE = Command("UPDATE inbox_items SET next_try_at = '2020-01-01' WHERE outcome IS NULL")
Receive = Callable[..., Awaitable[Outcome]]


@asynccontextmanager
async def working(ctx: Context) -> AsyncIterator[None]:
    """Run the worker, and what it listens to, until the end of the block."""
    tasks = [asyncio.create_task(process_always(ctx)), asyncio.create_task(ctx.events.run())]
    try:
        yield
        assert not tasks[0].done(), "the worker ended"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def actor(name: str = "mallory") -> PeerActor:
    return PeerActor("http://peer.test", name, rsa_key("any"))


async def put(server: Server, sender: PeerActor, *numbers: int, kind: str = "Levitate") -> None:
    """Store activities as the inbox does."""
    for number in numbers:
        activity = sender.activity(kind, number, object="http://peer.test/broom")
        item = NewItem(activity["id"], sender.uri, kind, orjson.dumps(activity))
        await server.ctx.inbox.put(item, server.ctx.clock.now())


async def settled(server: Server, count: int) -> list[ItemRow]:
    """Wait until so many items have an outcome, and give all items."""

    async def find() -> list[ItemRow]:
        items = await server.items()
        return items if sum(item.outcome is not None for item in items) >= count else []

    return await until(find)


class Receiver:
    """Stands in for the effects: notes what comes, and does what the test says."""

    def __init__(self, behave: Receive | None = None) -> None:
        self.seen: list[str] = []
        self._behave = behave

    async def __call__(
        self, ctx: Context, verified: Verified, budget: Budget, *, item_id: int
    ) -> Outcome:
        self.seen.append(verified.activity.id or "")
        if self._behave is not None:
            return await self._behave(ctx, verified, item_id)
        await ctx.db.execute(SETTLE, item_id, "done", None, ctx.clock.now())
        return Outcome(OutcomeName.DONE)


@pytest.fixture
def receive_with(monkeypatch: pytest.MonkeyPatch) -> Callable[[Receive | None], Receiver]:
    def replace(behave: Receive | None = None) -> Receiver:
        receiver = Receiver(behave)
        monkeypatch.setattr(effects, "receive", receiver)
        return receiver

    return replace


async def test_an_activity_that_means_nothing_here_is_ignored_with_its_reason(
    server: Server,
) -> None:
    peer_actor = actor()
    await put(server, peer_actor, 1)
    async with working(server.ctx):
        (item,) = await settled(server, 1)
    assert item.outcome == "ignored"
    assert item.reason is not None
    assert "Levitate" in item.reason


async def test_what_comes_while_the_worker_sleeps_wakes_it(
    server: Server, receive_with: Any
) -> None:
    receive_with()
    async with working(server.ctx):
        await put(server, actor(), 1)
        await settled(server, 1)
        await put(server, actor(), 2)
        await settled(server, 2)


async def test_the_items_of_an_actor_keep_their_order(server: Server, receive_with: Any) -> None:
    async def yield_often(ctx: Context, _verified: Verified, item_id: int) -> Outcome:
        await asyncio.sleep(0)  # lets the others run: so many items could overtake each other
        await ctx.db.execute(SETTLE, item_id, "done", None, ctx.clock.now())
        return Outcome(OutcomeName.DONE)

    receiver = receive_with(yield_often)
    one, other = actor("one"), actor("other")
    for number in range(60):
        await put(server, one, number)
        await put(server, other, 1000 + number)
    async with working(server.ctx):
        await settled(server, 120)
    for sender, first in ((one, 0), (other, 1000)):
        expected = [sender.activity("Levitate", first + n)["id"] for n in range(60)]
        assert [uri for uri in receiver.seen if uri in expected] == expected


async def test_more_items_of_an_actor_come_while_it_is_under_way(
    server: Server, receive_with: Any
) -> None:
    going_on = asyncio.Event()

    async def wait(ctx: Context, _verified: Verified, item_id: int) -> Outcome:
        await going_on.wait()
        await ctx.db.execute(SETTLE, item_id, "done", None, ctx.clock.now())
        return Outcome(OutcomeName.DONE)

    receiver = receive_with(wait)
    async with working(server.ctx):
        await put(server, actor(), 1)
        await until(lambda: _seen(receiver, 1))
        await put(server, actor(), 2)
        await put(server, actor("other"), 3)
        await until(lambda: _seen(receiver, 2))  # the other actor does not wait
        assert actor().activity("Levitate", 2)["id"] not in receiver.seen
        going_on.set()
        await settled(server, 3)


async def _seen(receiver: Receiver, count: int) -> bool:
    return len(receiver.seen) >= count


async def test_slow_items_do_not_hold_up_the_others(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def receive(ctx: Context, verified: Verified, budget: Budget, *, item_id: int) -> Outcome:
        if "slow" in verified.signer:
            async with budget.asking():
                await asyncio.Event().wait()
        await ctx.db.execute(SETTLE, item_id, "done", None, ctx.clock.now())
        return Outcome(OutcomeName.DONE)

    monkeypatch.setattr(effects, "receive", receive)
    for number in range(inbox_worker.AT_ONCE * 2):
        await put(server, actor(f"slow{number}"), number)
    await put(server, actor("quick"), 1000)
    async with working(server.ctx):
        items = await settled(server, 1)
    assert [item.actor_uri for item in items if item.outcome] == [actor("quick").uri]


async def test_only_a_few_items_work_at_once(server: Server, receive_with: Any) -> None:
    """What waits for the database must not take all its connections."""
    at_once, most = 0, 0

    async def behave(ctx: Context, _verified: Verified, item_id: int) -> Outcome:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.005)  # as slow as a real item, so that they overlap
        at_once -= 1
        await ctx.db.execute(SETTLE, item_id, "done", None, ctx.clock.now())
        return Outcome(OutcomeName.DONE)

    receive_with(behave)
    for number in range(30):
        await put(server, actor(f"somebody{number}"), number)
    async with working(server.ctx):
        await settled(server, 30)
    assert most == inbox_worker.AT_ONCE


async def test_an_item_that_takes_too_long_is_tried_again_later(
    server: Server, receive_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_worker, "ITEM_WITHIN_S", 0.05)

    async def behave(_ctx: Context, _verified: Verified, _item_id: int) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    receive_with(behave)
    await put(server, actor(), 1)

    async def postponed() -> str | None:
        return (await server.items())[0].reason

    async with working(server.ctx):
        assert await until(postponed) == "it took too long"


async def test_a_poisonous_item_is_tried_again_and_then_given_up(
    server: Server, receive_with: Any
) -> None:
    async def behave(ctx: Context, verified: Verified, item_id: int) -> Outcome:
        if (verified.activity.id or "").endswith("/1"):
            raise RuntimeError("poison")
        await ctx.db.execute(SETTLE, item_id, "done", None, ctx.clock.now())
        return Outcome(OutcomeName.DONE)

    receiver = receive_with(behave)
    await put(server, actor(), 1, 2)
    async with working(server.ctx):
        await settled(server, 1)

        async def tried_to_the_end() -> bool:
            await server.ctx.db.execute(ALL_DUE)
            server.ctx.events.wake("fedserver_inbox")
            return all(item.outcome for item in await server.items())

        await until(tried_to_the_end)
    poison, other = await server.items()
    assert (poison.outcome, poison.reason) == ("failed", "RuntimeError: poison")
    assert poison.attempts == MAX_TRIES
    assert other.outcome == "done"
    assert receiver.seen.count(poison.activity_uri) == MAX_TRIES


async def test_a_peer_that_cannot_be_reached_is_asked_again_later(
    server: Server, receive_with: Any
) -> None:
    async def behave(_ctx: Context, _verified: Verified, _item_id: int) -> Outcome:
        return Outcome(OutcomeName.RETRY, "peer.test: refused")

    receive_with(behave)
    await put(server, actor(), 1)

    async def postponed() -> str | None:
        return (await server.items())[0].reason

    async with working(server.ctx):
        assert await until(postponed) == "peer.test: refused"
    (item,) = await server.items()
    assert item.outcome is None
    assert 20 < (item.next_try_at - server.ctx.clock.now()).total_seconds() <= 45


@pytest.mark.parametrize(
    "trouble",
    [
        asyncpg.ConnectionDoesNotExistError("gone"),
        asyncpg.AdminShutdownError("restarting"),
        ConnectionResetError("reset"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_the_worker_outlives_the_database_going_away_inside_an_item(
    server: Server, receive_with: Any, trouble: Exception
) -> None:
    failures = [trouble]

    async def behave(ctx: Context, _verified: Verified, item_id: int) -> Outcome:
        if failures:
            raise failures.pop()
        await ctx.db.execute(SETTLE, item_id, "done", None, ctx.clock.now())
        return Outcome(OutcomeName.DONE)

    receive_with(behave)
    await put(server, actor(), 1)
    async with working(server.ctx):

        async def done() -> bool:
            await server.ctx.db.execute(ALL_DUE)
            server.ctx.events.wake("fedserver_inbox")
            return (await server.items())[0].outcome == "done"

        await until(done)


async def test_the_worker_outlives_the_database_going_away_while_it_settles(
    server: Server, receive_with: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given back, and tried again as soon as the database is there."""

    async def behave(_ctx: Context, _verified: Verified, _item_id: int) -> Outcome:
        return Outcome(OutcomeName.IGNORED, "nothing for us")

    receive_with(behave)
    await put(server, actor(), 1)
    unbroken = inbox_worker._settle
    failures = [asyncpg.ConnectionDoesNotExistError("gone")]

    async def break_once(ctx: Context, row: InboxRow, outcome: Outcome) -> Outcome:
        if failures:
            raise failures.pop()
        return await unbroken(ctx, row, outcome)

    monkeypatch.setattr(inbox_worker, "_settle", break_once)
    async with working(server.ctx):
        (item,) = await settled(server, 1)
    assert item.outcome == "ignored"


async def test_an_orderly_stop_gives_back_what_was_claimed(
    server: Server, receive_with: Any
) -> None:
    async def behave(_ctx: Context, _verified: Verified, _item_id: int) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    receiver = receive_with(behave)
    await put(server, actor(), 1, 2, 3)
    async with working(server.ctx):
        await until(lambda: _seen(receiver, 1))
    items = await server.items()
    assert all(item.outcome is None for item in items)
    soon = server.ctx.clock.now().timestamp() + 2
    assert all(item.next_try_at.timestamp() <= soon for item in items)


async def test_what_a_killed_process_had_claimed_becomes_due_again(server: Server) -> None:
    await put(server, actor(), 1)
    ctx = server.ctx
    now = ctx.clock.now()
    claim: tuple[Any, ...] = (now, now + CLAIM_FOR, 10, [])
    assert len(await ctx.db.fetch(CLAIM_ITEMS, *claim)) == 1
    assert await ctx.db.fetch(CLAIM_ITEMS, *claim) == []
    later = now + CLAIM_FOR
    (again,) = await ctx.db.fetch(CLAIM_ITEMS, later, later + CLAIM_FOR, 10, [])
    assert again.attempts == 2


async def test_a_body_that_is_not_to_be_believed_any_more_is_refused(server: Server) -> None:
    """What was stored under older rules is judged by the rules of today."""
    sender = actor()
    forged = orjson.dumps(sender.activity("Like", 1, id="http://elsewhere.test/1"))
    item = NewItem("http://elsewhere.test/1", sender.uri, "Like", forged)
    await server.ctx.inbox.put(item, server.ctx.clock.now())
    async with working(server.ctx):
        (settled_item,) = await settled(server, 1)
    assert settled_item.outcome == "refused"
