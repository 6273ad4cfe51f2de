"""Quoting a status, and who may (Mastodon API: statuses, since 4.5)."""

from dataclasses import replace
from html import escape

from fedserver import effects, entities
from fedserver.context import Context
from fedserver.effects import Consents, NewQuote, NewStatus, QuoteRequest, RevokeQuote
from fedserver.effects import SetQuotePolicy as SetPolicy
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.mastodon.policies import InteractionPolicyParams, change_interaction_policy
from fedserver.mastodon.subjects import (
    acting_account,
    author_of,
    new_activity_uri,
    own_status,
    perform,
    shown_status,
    visible_status,
)
from fedserver.mastodon.timelines import viewer_of
from fedserver.routing import JSON, Caller, Page, PageParams, Params, endpoint
from fedserver.services.text_out import link_html
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.database import Transaction
from storage.paging import edges, fetch_page
from storage.quotes import QUOTE_OF_STATUS, QUOTE_RIGHT, QUOTES_OF_STATUS
from storage.statuses import STATUS_BY_ID, StatusRow
from storage.visibility import (
    AT_ONCE,
    EVERYBODY,
    FOLLOWERS,
    QUOTE_AUTOMATIC,
    QUOTE_DENIED,
    QUOTE_MANUAL,
)

POLICIES = {"public": EVERYBODY << AT_ONCE, "followers": FOLLOWERS << AT_ONCE, "nobody": 0}
_OPEN = ("public", "unlisted")


class PolicyParams(Params, frozen=True, kw_only=True):
    """Who may quote: `public`, `followers` or `nobody`. (The rest is GoToSocial's.)"""

    quote_approval_policy: str | None = None
    interaction_policy: InteractionPolicyParams | None = None


@endpoint("PUT", "/api/v1/statuses/{status_id}/interaction_policy", scope="write:statuses")
async def set_interaction_policy(
    ctx: Context, caller: Caller, status_id: int, params: PolicyParams
) -> JSON:
    """Change who may quote one's status. What is quoted already stays quoted.

    Mastodon API: statuses#edit_interaction_policy.
    """
    row = await own_status(ctx, status_id, caller)
    author = await acting_account(ctx, caller)
    await change_policy(ctx, author, row, params.quote_approval_policy)
    await change_interaction_policy(ctx, author, row, params.interaction_policy)
    return await entities.status(ctx, row.id, caller.account_id)


async def change_policy(
    ctx: Context, author: AccountRow, row: StatusRow, wanted: str | None
) -> None:
    """Let those quote `row` whom `wanted` names; nothing changes if it names nobody."""
    if wanted is None:
        return
    policy = quote_policy(wanted, row.visibility)
    uri = new_activity_uri(ctx)
    await perform(ctx, SetPolicy(actor=author, uri=uri, status=row, policy=policy))


def quote_policy(wanted: str, visibility: str) -> int:
    """Give who may quote, as bits; what not everybody sees only its author quotes."""
    if wanted not in POLICIES:
        raise Invalid("Validation failed: Quote approval policy is not included in the list")
    return POLICIES[wanted] if visibility in _OPEN else 0


@endpoint("GET", "/api/v1/statuses/{status_id}/quotes", scope="read:statuses")
async def quotes(ctx: Context, caller: Caller | None, status_id: int, params: PageParams) -> Page:
    """Show who quoted a status with its author's consent, the newest first.

    Mastodon API: statuses#quotes.
    """
    viewer = viewer_of(caller)
    await visible_status(ctx, status_id, viewer)
    cursor = params.cursor()
    heads = await fetch_page(ctx.db, QUOTES_OF_STATUS, cursor, viewer, status_id)
    shown = await entities.statuses_of(ctx, heads, viewer)
    return Page(shown, edges(heads, cursor, lambda head: head.cursor))


@endpoint(
    "POST", "/api/v1/statuses/{status_id}/quotes/{quoting_status_id}/revoke", scope="write:statuses"
)
async def revoke(ctx: Context, caller: Caller, status_id: int, quoting_status_id: int) -> JSON:
    """Take back the consent to a quote of one's status. 403 for somebody else's.

    Mastodon API: statuses#revoke_quote.
    """
    status = await visible_status(ctx, status_id, caller.account_id)
    quote = await ctx.db.one(QUOTE_OF_STATUS, quoting_status_id)
    quoting = await ctx.db.one(STATUS_BY_ID, quoting_status_id)
    if quote is None or quoting is None or quote.quoted_id != status.id:
        raise NotFound("Record not found")
    if status.account_id != caller.account_id:
        raise Forbidden("This action is not allowed")
    act = RevokeQuote(
        actor=await acting_account(ctx, caller),
        uri=new_activity_uri(ctx),
        quote=quote,
        quoter=await author_of(ctx, quoting),
        quoting=quoting,
    )
    await perform(ctx, act)
    return await entities.status(ctx, quoting.id, caller.account_id)


async def new_quote(ctx: Context, author: AccountRow, quoted_id: int | None) -> NewQuote | None:
    """Give the quote of a new status. Raises NotFound for what its author may not quote."""
    if quoted_id is None:
        return None
    quoted = await _quotable(ctx, author, quoted_id)
    if quoted.account_id == author.id:
        return NewQuote(quoted.uri, quoted, "accepted")
    if not quoted.local:
        return NewQuote(quoted.uri, quoted, "pending")
    right = await ctx.db.value(QUOTE_RIGHT, quoted.id, author.id)
    if right == QUOTE_MANUAL:
        return NewQuote(quoted.uri, quoted, "pending")
    if right != QUOTE_AUTOMATIC:
        raise _not_quotable()
    quoted_author = await author_of(ctx, quoted)
    uris = Uris(ctx.config.base_url)
    authorization = uris.quote_authorization(quoted_author.username, ctx.ids.new())
    return NewQuote(quoted.uri, quoted, "accepted", authorization_uri=authorization)


async def _quotable(ctx: Context, author: AccountRow, quoted_id: int) -> StatusRow:
    try:
        quoted = await shown_status(ctx, quoted_id, author.id)
    except NotFound as error:
        raise _not_quotable() from error
    right = await ctx.db.value(QUOTE_RIGHT, quoted.id, author.id)
    others_private = quoted.account_id != author.id and quoted.visibility not in _OPEN
    if right == QUOTE_DENIED or others_private:
        raise _not_quotable()
    return quoted


def _not_quotable() -> NotFound:
    return NotFound("The post you are trying to quote does not appear to exist.")


def quoting(status: NewStatus, quote: NewQuote | None, policy: str) -> NewStatus:
    """Give `status` with what it quotes and who may quote it. A quote of one's private post is
    not shown to more people than that."""
    visibility = status.visibility
    if quote and quote.quoted and quote.quoted.visibility == "private" and visibility in _OPEN:
        visibility = "private"
    return replace(
        status,
        visibility=visibility,
        content=with_fallback(status.content, quote.quoted if quote else None),
        consents=Consents(quote, quote_policy(policy, visibility)),
    )


def with_fallback(html: str, quoted: StatusRow | None) -> str:
    """Give `html` with the paragraph that leads to the quoted status where quotes are not shown;
    apps that show them hide it by its class, as Mastodon writes it."""
    if quoted is None or quoted.url in html or escape(quoted.url) in html:
        return html
    return f'<p class="quote-inline">RE: {link_html(quoted.url)}</p>{html}'


async def fallback_again(ctx: Context, status_id: int, html: str) -> str:
    """Give the new text of an edited status, which still quotes what it quoted."""
    quote = await ctx.db.one(QUOTE_OF_STATUS, status_id)
    if quote is None or quote.quoted_id is None:
        return html
    quoted = await ctx.db.one(STATUS_BY_ID, quote.quoted_id)
    return with_fallback(html, quoted)


async def ask_for_consent(
    ctx: Context, tx: Transaction, author: AccountRow, status: NewStatus
) -> None:
    """Ask the author of what a new status quotes, where that is a peer's to answer."""
    quote = status.consents.quote if status.consents else None
    if quote is None or quote.quoted is None or quote.state != "pending":
        return
    posted = await tx.one(STATUS_BY_ID, status.id)
    quoted_author = await tx.one(ACCOUNT_BY_ID, quote.quoted.account_id)
    if posted is None or quoted_author is None:
        return
    act = QuoteRequest(
        actor=author,
        uri=new_activity_uri(ctx),
        status=quote.quoted,
        author=quoted_author,
        quoting=posted,
        instrument=posted.uri,
    )
    await effects.perform_in(ctx, tx, act)
