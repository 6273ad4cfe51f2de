"""Examination of the contracts with other instances."""

from collections.abc import Sequence

from fedserver.cli.findings import Finding, ok, warn
from storage.mirrors import ContractRow

# The first schema that has contracts; `fedserver doctor` migrates nothing.
SINCE_SCHEMA = 29
_NEARLY_FULL = 0.9


def check_mirrors(contracts: Sequence[ContractRow]) -> list[Finding]:
    """Do the partners take our posts, can our words read what they keep, and is there room?"""
    return [_check(one) for one in contracts if one.state == "agreed"]


def _check(contract: ContractRow) -> Finding:
    subject = f"mirror {contract.host}"
    if contract.last_error is not None:
        return warn(
            subject,
            f"does not take our posts: {contract.last_error}",
            f"it is tried again; ask its admin, or `fedserver mirror end {contract.host}`",
        )
    if not _names_our_key(contract):
        return warn(
            subject,
            "the contract names no recovery key of ours: when all is lost, nobody can read it",
            "`fedserver recovery-key new`, then `fedserver mirror offer` again",
        )
    if contract.kept_bytes > contract.kept_quota * _NEARLY_FULL:
        return warn(
            subject,
            "has nearly used up what we keep for it",
            "agree on a larger quota, or let its admin delete old backups",
        )
    return ok(subject, "agreed")


def _names_our_key(contract: ContractRow) -> bool:
    """Of offer and acceptance one is ours; the recovery key that we know the other side's by is
    in the other one."""
    agreement = contract.agreement or {}
    named = [agreement.get("recovery"), agreement.get("offer", {}).get("recovery")]
    if contract.recovery_did in named:
        named.remove(contract.recovery_did)
    return any(named)
