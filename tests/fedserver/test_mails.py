"""Mails go out through a real mail server, and wait where it does not take them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email.message import Message

import pytest
from aiosmtpd.controller import Controller  # type: ignore[import-untyped]  # ships no types
from aiosmtpd.handlers import Message as MessageHandler  # type: ignore[import-untyped]  # as above

from fedserver.clock import FixedClock
from fedserver.config.house_rules import MailConfig
from fedserver.context import Context
from fedserver.services.mails import write_mail
from fedserver.workers.mail_worker import retry_at, send_due
from storage.database import Database
from storage.query import Value
from tests.web_server import START, make_context

WAITING = Value("SELECT count(*) FROM mails", int)
LAST_ERROR = Value("SELECT last_error FROM mails", str)


class Postbox(MessageHandler):  # type: ignore[misc]  # its library ships no types
    """A mail server's handler: keeps what it takes, and refuses who it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[Message] = []
        self.refuse = ""

    async def handle_RCPT(
        self, server: object, session: object, envelope: object, address: str, options: list[str]
    ) -> str:
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)  # type: ignore[attr-defined]  # the library's object
        return "250 OK"

    def handle_message(self, message: Message) -> None:
        self.taken.append(message)


@contextmanager
def mail_server(port: int) -> Iterator[Postbox]:
    postbox = Postbox()
    controller = Controller(postbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield postbox
    finally:
        controller.stop()


@pytest.fixture
async def ctx(db: Database, free_port: int) -> AsyncIterator[Context]:
    mail = MailConfig(
        smtp_host="127.0.0.1",
        smtp_port=free_port,
        smtp_security="none",
        sender="Test House <house@here.example>",
    )
    context = make_context(db, FixedClock(START), 8080, rate_limits=False, sections={"mail": mail})
    yield context
    context.key_pool.close()


async def write(ctx: Context) -> None:
    async with ctx.db.transaction() as tx:
        await write_mail(ctx, tx, "alice@mail.example", "Hello", "Grüße\n")


async def test_mail_arrives_once(ctx: Context, free_port: int) -> None:
    await write(ctx)
    with mail_server(free_port) as postbox:
        assert await send_due(ctx) == 1
        assert await send_due(ctx) == 0
    (mail,) = postbox.taken
    assert mail["From"] == "Test House <house@here.example>"
    assert mail["X-MailFrom"] == "house@here.example"
    assert (mail["To"], mail["Subject"]) == ("alice@mail.example", "Hello")
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().startswith("Grüße\r\n")
    assert await ctx.db.value(WAITING) == 0


async def test_mail_waits_for_a_server_that_is_away(ctx: Context, free_port: int) -> None:
    await write(ctx)
    assert await send_due(ctx) == 1
    assert "refused" in (await ctx.db.value(LAST_ERROR) or "")
    assert await send_due(ctx) == 0, "not at once again"
    assert isinstance(ctx.clock, FixedClock)
    ctx.clock.move(timedelta(minutes=1))
    with mail_server(free_port) as postbox:
        assert await send_due(ctx) == 1
    assert len(postbox.taken) == 1


@pytest.mark.parametrize(
    ("answer", "waiting"), [("550 No such person", 0), ("451 Come back later", 1)]
)
async def test_what_a_server_says_no_to(
    ctx: Context, free_port: int, answer: str, waiting: int
) -> None:
    await write(ctx)
    with mail_server(free_port) as postbox:
        postbox.refuse = answer
        assert await send_due(ctx) == 1
    assert postbox.taken == []
    assert await ctx.db.value(WAITING) == waiting


async def test_old_mail_is_given_up(ctx: Context) -> None:
    await write(ctx)
    assert isinstance(ctx.clock, FixedClock)
    ctx.clock.move(timedelta(days=3))
    assert await send_due(ctx) == 1
    assert await ctx.db.value(WAITING) == 0


def test_retries_come_less_and_less() -> None:
    start = datetime(2026, 1, 1)
    waits = [(retry_at(start, attempt) - start).total_seconds() for attempt in (1, 2, 3, 20)]
    assert waits == [60, 120, 240, 6 * 3_600]
