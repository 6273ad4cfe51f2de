"""Examination of the contracts with other instances."""

from collections.abc import Sequence

from fedserver.cli.findings import Finding, ok, warn
from storage.mirrors import ContractRow

# The first schema that has contracts; `fedserver doctor` migrates nothing.
SINCE_SCHEMA = 29
_NEARLY_FULL = 0.9


def check_mirrors(contracts: Sequence[ContractRow], own_did: str | None) -> list[Finding]:
    """Do the partners take our posts, can our words read what they keep, and is there room?

    `own_did` is the public half of our recovery key, as it is now.
    """
    return [_check(one, own_did) for one in contracts if one.state == "agreed"]


def _check(contract: ContractRow, own_did: str | None) -> Finding:
    subject = f"mirror {contract.host}"
    if contract.last_error is not None:
        return warn(
            subject,
            f"does not take our posts: {contract.last_error}",
            f"it is tried again; ask its admin, or `fedserver mirror end {contract.host}`",
        )
    if own_did is None or not _names(contract, own_did):
        return warn(
            subject,
            "the contract does not name our recovery key: when all is lost, its words open nothing",
            "`fedserver recovery-key new` if there is none, then `fedserver mirror offer` again",
        )
    if contract.kept_bytes > contract.kept_quota * _NEARLY_FULL:
        return warn(
            subject,
            "has nearly used up what we keep for it",
            "agree on a larger quota, or let its admin delete old backups",
        )
    return ok(subject, "agreed")


def _names(contract: ContractRow, did: str) -> bool:
    """Of offer and acceptance one is ours, and says which recovery key is."""
    agreement = contract.agreement or {}
    return did in (agreement.get("recovery"), agreement.get("offer", {}).get("recovery"))
