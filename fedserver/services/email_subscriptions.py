"""Somebody's public posts by mail, for readers without an account (Mastodon 4.6).

The person allows it for themself, and the house for everybody ([mail] subscriptions). An address is
written to only after it said yes; each mail says how it ends.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from fedserver.context import Context
from fedserver.errors import Invalid, NotFound, Refused
from fedserver.events import MAILS, NOTIFY
from fedserver.services.mails import foot, write_mail
from fedserver.services.sign_up_checks import Faults, check_email
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Transaction
from storage.email_subscriptions import (
    CONFIRM_SUBSCRIPTION,
    CONFIRMED_READERS,
    DELETE_SUBSCRIPTION,
    INSERT_POST_MAILS,
    MAIL_POST_SOON,
    MAILING_AUTHOR,
    OFFER_SUBSCRIPTIONS,
    OFFERS_SUBSCRIPTIONS,
    PUT_SUBSCRIPTION,
    SUBSCRIPTION,
    TAKE_MAILED_POSTS,
    MailedPostRow,
    ReaderRow,
    SubscriptionRow,
)

UNCONFIRMED_KEPT_FOR: Final = timedelta(days=2)
# Posts of some minutes go in one mail.
_TOGETHER: Final = timedelta(minutes=5)
_CONFIRMS: Final = "confirm a subscription"
_ENDS: Final = "end a subscription"
_FOR_EVER_S: Final = 20 * 365 * 86_400
_MAILS_AT_ONCE: Final = 500
_EXCERPT_CHARS: Final = 40
_NOT_VALID: Final = "This link is not valid any more."


async def offer(ctx: Context, account_id: int, *, on: bool) -> None:
    """Let everybody subscribe to somebody's posts, or nobody any more. Raises Refused where the
    house does not want that."""
    if on and not ctx.config.mail.subscriptions:
        raise Refused("This server does not send posts by mail")
    await ctx.db.execute(OFFER_SUBSCRIPTIONS, account_id, on)


async def is_offered(ctx: Context, account_id: int) -> bool:
    """Whether one can subscribe to somebody's posts."""
    if not ctx.config.mail.subscriptions:
        return False
    offers = await ctx.db.value(OFFERS_SUBSCRIPTIONS, account_id)
    return offers is True


async def subscribe(ctx: Context, account_id: int, email: str) -> None:
    """Ask the address whether it wants the posts of an account. One that has them hears nothing,
    and whoever asks cannot tell.

    Raises NotFound where one cannot subscribe, Invalid for what is no address.
    """
    if not await is_offered(ctx, account_id):
        raise NotFound("Record not found")
    address = email.strip().lower()
    faults = Faults()
    check_email(faults, address)
    faults.raise_if_any()
    author = await _author(ctx, account_id)
    now = ctx.clock.now()
    async with ctx.db.transaction() as tx:
        subscription = await tx.value(PUT_SUBSCRIPTION, ctx.ids.new(), account_id, address, now)
        if subscription is not None:
            await _ask(ctx, tx, subscription, author, address)


async def _author(ctx: Context, account_id: int) -> AccountRow:
    author = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    if author is None:
        raise NotFound("Record not found")
    return author


async def _ask(
    ctx: Context, tx: Transaction, subscription: int, author: AccountRow, email: str
) -> None:
    name, domain = author.username, ctx.config.instance.domain
    link = _link(ctx, "confirm", _CONFIRMS, subscription)
    text = f"""
Hello,

somebody, most likely you, wants to get the public posts of @{name}@{domain} at this address. Open
this link if you do. It works for two days:

{link}

If it was not you, ignore this mail: nothing happens then.
"""
    await write_mail(ctx, tx, email, f"Get the posts of @{name}@{domain}?", text)


def _link(ctx: Context, page: str, purpose: str, subscription: int) -> str:
    token = ctx.secrets.sign_value(subscription, purpose=purpose)
    return f"{ctx.config.base_url}/email_subscriptions/{page}?token={quote(token)}"


async def asked_to_confirm(ctx: Context, token: str) -> SubscriptionRow:
    """Give the subscription that a link confirms. Raises NotFound for one that is not valid."""
    return await _named(ctx, token, _CONFIRMS, UNCONFIRMED_KEPT_FOR.total_seconds())


async def asked_to_end(ctx: Context, token: str) -> SubscriptionRow:
    """Give the subscription that a link ends. Raises NotFound for one that is not there."""
    return await _named(ctx, token, _ENDS, _FOR_EVER_S)


async def _named(ctx: Context, token: str, purpose: str, seconds: float) -> SubscriptionRow:
    try:
        value = ctx.secrets.read_value(token, purpose=purpose, max_age_s=int(seconds))
    except Invalid:
        raise NotFound(_NOT_VALID) from None
    if isinstance(value, int):
        row = await ctx.db.one(SUBSCRIPTION, value)
        if row is not None:
            return row
    raise NotFound(_NOT_VALID)


async def confirm(ctx: Context, token: str) -> SubscriptionRow:
    """Begin to send posts to the address that a link was sent to. Raises NotFound."""
    row = await asked_to_confirm(ctx, token)
    await ctx.db.execute(CONFIRM_SUBSCRIPTION, row.id, ctx.clock.now())
    return row


async def end(ctx: Context, token: str) -> None:
    """End a subscription; one that has ended is no error."""
    try:
        row = await asked_to_end(ctx, token)
    except NotFound:
        return
    await ctx.db.execute(DELETE_SUBSCRIPTION, row.id)


async def mail_soon(ctx: Context, tx: Transaction, author_id: int, status_id: int) -> None:
    """Mail a new public post of one of our people, with those of the next minutes."""
    if ctx.config.mail.subscriptions:
        due_at = ctx.clock.now() + _TOGETHER
        await tx.execute(MAIL_POST_SOON, status_id, author_id, due_at)


async def mail_posts_of_next(ctx: Context) -> int:
    """Write the mails of the author whose posts are due; give how many authors there were."""
    async with ctx.db.transaction() as tx:
        author_id = await tx.value(MAILING_AUTHOR, ctx.clock.now())
        if author_id is None:
            return 0
        posts = await tx.fetch(TAKE_MAILED_POSTS, author_id)
        readers = await tx.fetch(CONFIRMED_READERS, author_id) if posts else []
        if readers:
            await _mail_to(ctx, tx, await _author(ctx, author_id), posts, readers)
    return 1


async def _mail_to(
    ctx: Context,
    tx: Transaction,
    author: AccountRow,
    posts: Sequence[MailedPostRow],
    readers: Sequence[ReaderRow],
) -> None:
    name = author.display_name or author.username
    subject = _subject(name, posts)
    text = f"{_text(ctx, author, posts)}{foot(ctx)}\nNo more of these mails: "
    for start in range(0, len(readers), _MAILS_AT_ONCE):
        some = readers[start : start + _MAILS_AT_ONCE]
        await tx.execute(
            INSERT_POST_MAILS,
            [ctx.ids.new() for _ in some],
            [reader.email for reader in some],
            subject,
            text,
            [_link(ctx, "end", _ENDS, reader.id) for reader in some],
            ctx.clock.now(),
        )
    await tx.execute(NOTIFY, MAILS, "")


def _subject(name: str, posts: Sequence[MailedPostRow]) -> str:
    if len(posts) > 1:
        return " ".join(f"{len(posts)} new posts of {name}".split())
    first = " ".join((posts[0].spoiler_text or posts[0].text).split())
    cut = f"{first[:_EXCERPT_CHARS]}…" if len(first) > _EXCERPT_CHARS else first
    return " ".join(f"{name}: {cut or 'a new post'}".split())


def _text(ctx: Context, author: AccountRow, posts: Sequence[MailedPostRow]) -> str:
    handle = f"@{author.username}@{ctx.config.instance.domain}"
    parts = [f"{handle} posted on {one.created_at:%F %H:%M} UTC:\n\n{_body(one)}" for one in posts]
    profile = Uris(ctx.config.base_url).profile(author.username)
    return "\n\n* * *\n\n".join([*parts, f"All posts: {profile}"])


def _body(post: MailedPostRow) -> str:
    # What is under a warning is read on the page.
    shown = f"Content warning: {post.spoiler_text}" if post.spoiler_text else post.text
    return f"{shown}\n\n{post.url}".strip()
