"""Domains that a person blocked elsewhere, blocked here too."""

from typing import Final

from activitypub.errors import DocumentError
from activitypub.webfinger import normalise_domain
from fedserver.context import Context
from fedserver.effects import BlockDomain, PartFromDomain
from fedserver.effects.performing import perform
from fedserver.errors import Invalid
from fedserver.services.portable_lists import read_entries
from storage.accounts import AccountRow

_HEADINGS: Final = frozenset({"#domain", "domain"})


def read_domains(text: str) -> tuple[list[str], int]:
    """Give the domains in Mastodon's blocked_domains.csv, and how many lines name none; a file
    that cannot be read has none."""
    try:
        lines = [str(one["name"]) for one in read_entries("blocks", text)]
    except Invalid:
        return [], 1
    domains, failed = [], 0
    for line in lines:
        if line.lower() in _HEADINGS:
            continue
        try:
            domains.append(normalise_domain(line))
        except DocumentError:
            failed += 1
    return domains, failed


async def block_domains(ctx: Context, account: AccountRow, domains: list[str]) -> None:
    """Block each, and end follows either way, as if the person did it; again changes nothing."""
    for domain in domains:
        await perform(ctx, BlockDomain(actor=account, domain=domain))
        while await perform(ctx, PartFromDomain(actor=account, domain=domain)):
            pass
