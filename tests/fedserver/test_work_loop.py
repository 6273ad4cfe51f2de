"""The loop of the workers: woken, full, put off by the database, ended by what nobody foresaw."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from fedserver.clock import FixedClock
from fedserver.context import Context
from fedserver.events import MAILS
from fedserver.services import work_loop
from fedserver.services.work_loop import Work, work_always
from storage.database import Database, StorageError
from storage.query import Value
from tests.waiting import until
from tests.web_server import START, make_context


@dataclass
class Job:
    """Gives what it was told to, one after the other, then 0."""

    ctx: Context
    answers: list[int | Exception] = field(default_factory=list)
    done: int = 0

    async def do(self, _: Context) -> int:
        self.done += 1
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def has_run(self, times: int) -> None:
        async def ran() -> bool:
            return self.done == times

        await until(ran)

    async def has_used_up_its_answers(self) -> None:
        async def used_up() -> bool:
            return not self.answers

        await until(used_up)


@pytest.fixture
def job(db: Database) -> Iterator[Job]:
    ctx = make_context(db, FixedClock(START), 8080, rate_limits=False)
    yield Job(ctx)
    ctx.key_pool.close()


@asynccontextmanager
async def at_work(job: Job, work: Work) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work_always(job.ctx, work))
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_work_is_taken_until_there_is_less_than_a_full_load(job: Job) -> None:
    job.answers = [3, 3, 2]
    async with at_work(job, Work("tests", job.do, MAILS, full=3)):
        await job.has_run(3)
        job.ctx.events.wake(MAILS)
        await job.has_run(4)


async def test_without_a_signal_it_looks_again_after_a_while(job: Job) -> None:
    job.answers = [0, 0]
    async with at_work(job, Work("tests", job.do, sweep_s=0.01)):
        await job.has_used_up_its_answers()


async def test_it_sleeps_no_longer_than_until_something_is_due(job: Job) -> None:
    due = Value("SELECT '2000-01-01'::timestamptz", datetime)
    job.answers = [0, 0]
    async with at_work(job, Work("tests", job.do, MAILS, due, least_s=0.01)):
        await job.has_used_up_its_answers()


async def test_a_database_that_is_away_puts_work_off_and_ends_nothing(
    job: Job, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(work_loop, "FIRST_PAUSE_S", 0.01)
    job.answers = [StorageError("restarting"), ConnectionResetError(), 1]
    async with at_work(job, Work("tests", job.do, MAILS)) as task:
        await job.has_run(4)
        assert not task.done()
    assert "tests: the database is away: restarting" in caplog.text


async def test_what_nobody_foresaw_ends_the_worker(job: Job) -> None:
    job.answers = [ZeroDivisionError()]
    with pytest.raises(ZeroDivisionError):
        await work_always(job.ctx, replace(Work("tests", job.do), first_after_s=0.01))
