"""Who signs entries, and who may open them."""

from pathlib import Path

import pyrage

from activitypub.keys import did_key
from fedserver.context import Context
from fedserver.recovery import bech32
from fedserver.secrets import Secrets
from fedserver.services.instance_recovery import current_recovery, statement_key
from fedserver.survival.vault.chain import Keys


def vault_folder(data_folder: Path) -> Path:
    """Give where the vault keeps what is on its way."""
    return data_folder / "vault"


def own_identity(secrets: Secrets) -> pyrage.x25519.Identity:
    """Give the key with which this server opens its own copies."""
    text = bech32.encode("age-secret-key-", secrets.derived("vault opening"))
    return pyrage.x25519.Identity.from_str(text.upper())


async def vault_keys(ctx: Context) -> Keys | None:
    """Give who signs and to whom is sealed; None where nobody could open anything."""
    recovery = await current_recovery(ctx)
    recipients = list(ctx.config.vault.recipients)
    if recovery is not None:
        recipients.append(recovery.recipient)
    if not recipients:
        return None
    if ctx.config.vault.open_with_instance_key:
        recipients.append(str(own_identity(ctx.secrets).to_public()))
    signing = await statement_key(ctx)
    return Keys(signing, did_key(signing.public_key()), tuple(sorted(set(recipients))))
