"""Many callers, few writes; each gets its own answer or the error of its batch."""

import asyncio
from collections.abc import Sequence

import pytest

from storage.group_commit import GroupCommit


class Writer:
    """Doubles numbers, and waits until it may."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_write = asyncio.Event()

    async def write(self, batch: Sequence[int]) -> Sequence[int]:
        self.batches.append(list(batch))
        await self.may_write.wait()
        if 13 in batch:
            raise ValueError("13 brings bad luck")
        return [2 * number for number in batch]


async def test_what_comes_meanwhile_shares_the_next_write() -> None:
    writer = Writer()
    commits = GroupCommit(writer.write)
    first = asyncio.create_task(commits.put(1))
    while not writer.batches:
        await asyncio.sleep(0)
    others = [asyncio.create_task(commits.put(number)) for number in (2, 3, 4)]
    await asyncio.sleep(0)
    writer.may_write.set()
    assert await asyncio.gather(first, *others) == [2, 4, 6, 8]
    assert writer.batches == [[1], [2, 3, 4]]


async def test_a_batch_is_bounded() -> None:
    writer = Writer()
    writer.may_write.set()
    commits = GroupCommit(writer.write, max_batch=2)
    assert await asyncio.gather(*map(commits.put, range(5))) == [0, 2, 4, 6, 8]
    assert all(len(batch) <= 2 for batch in writer.batches)


async def test_an_error_reaches_its_batch_and_no_other() -> None:
    writer = Writer()
    writer.may_write.set()
    commits = GroupCommit(writer.write)
    with pytest.raises(ValueError, match="bad luck"):
        await commits.put(13)
    assert await commits.put(5) == 10


async def test_a_caller_who_goes_away_leaves_the_others_alone() -> None:
    writer = Writer()
    commits = GroupCommit(writer.write)
    gone = asyncio.create_task(commits.put(1))
    stays = asyncio.create_task(commits.put(2))
    while not writer.batches:
        await asyncio.sleep(0)
    gone.cancel()
    writer.may_write.set()
    assert await stays == 4
    with pytest.raises(asyncio.CancelledError):
        await gone
