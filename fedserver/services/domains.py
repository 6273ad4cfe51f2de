"""Blocking, limiting and allowing other domains. What is said holds in every process at once."""

from typing import Literal

from activitypub.errors import DocumentError
from activitypub.webfinger import normalise_domain
from fedserver.context import Context
from fedserver.errors import NotFound, Refused
from fedserver.services.severing import sever
from storage.database import Transaction
from storage.domains import (
    APPLY_RULES_TO_ACCOUNTS,
    DELETE_DOMAIN_RULE,
    DOMAIN_RULES,
    DROP_DELIVERIES_TO_BLOCKED,
    PUT_DOMAIN_RULE,
    REMOVE_AUTHORS_FROM_HOMES,
    TELL_RULES_CHANGED,
    DomainRuleRow,
)

Severity = Literal["block", "limit", "allow"]


async def put_rule(
    ctx: Context, text: str, severity: Severity, *, reason: str = "", private_comment: str = ""
) -> str:
    """Set the rule for a domain and all below it; give the domain in normal form.

    A block hides its accounts, ends follows either way without telling it (our people are told
    what they lost), and drops what waits for it; nothing else is deleted, so that lifting the
    block brings accounts and posts back.
    Raises Refused for what is no domain, and for our own.
    """
    domain = normal_domain(text)
    own = ctx.config.instance.domain
    if severity != "allow" and (own == domain or own.endswith(f".{domain}")):
        raise Refused(f"{domain} is this server, or above it")
    async with ctx.db.transaction() as tx:
        now = ctx.clock.now()
        await tx.execute(PUT_DOMAIN_RULE, domain, severity, reason, private_comment, now)
        await _apply(ctx, tx, domain)
    await take_over(ctx)
    return domain


async def remove_rule(ctx: Context, text: str) -> str:
    """Forget the rule for a domain, so that the one above it counts, or none.

    Raises Refused for what is no domain, NotFound where it has no rule.
    """
    domain = normal_domain(text)
    async with ctx.db.transaction() as tx:
        if not await tx.execute(DELETE_DOMAIN_RULE, domain):
            raise NotFound(f"there is no rule for {domain}")
        await _apply(ctx, tx, domain)
    await take_over(ctx)
    return domain


async def take_over(ctx: Context) -> None:
    """Let this process follow the rules as they are now; who may sign here is asked anew."""
    await ctx.domains.load(ctx.db)
    ctx.signer_keys.clear()


async def list_rules(ctx: Context) -> list[DomainRuleRow]:
    """Give every rule."""
    return await ctx.db.fetch(DOMAIN_RULES)


def normal_domain(text: str) -> str:
    """Read a domain as people write it ("*.example.org" is the same as "example.org").

    Raises Refused for what is none.
    """
    bare = text.strip().removeprefix("https://").removeprefix("http://")
    try:
        return normalise_domain(bare.rstrip("/").removeprefix("*."))
    except DocumentError as error:
        raise Refused(f"{text} is not a domain: {error.reason}") from error


async def _apply(ctx: Context, tx: Transaction, domain: str) -> None:
    blocked = await tx.values(APPLY_RULES_TO_ACCOUNTS, domain, ctx.clock.now())
    if blocked:
        await sever(ctx, tx, blocked, "domain_block", domain)
        await tx.execute(REMOVE_AUTHORS_FROM_HOMES, blocked)
    await tx.execute(DROP_DELIVERIES_TO_BLOCKED, domain)
    await tx.execute(TELL_RULES_CHANGED)
