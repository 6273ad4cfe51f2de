"""Passkeys (WebAuthn): a person's device signs a challenge for exactly this domain.

A passkey replaces password and code at once: the device has asked for a finger, a face or a PIN.
"""

import asyncio
from typing import Final
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.services.mails import mail_changed
from storage.database import Conflict
from storage.second_factors import (
    DELETE_PASSKEY,
    INSERT_PASSKEY,
    PASSKEY,
    PASSKEYS,
    USE_PASSKEY,
    PasskeyRow,
)
from storage.users import USER_BY_ID, UserRow

MAX_PASSKEYS: Final = 20
MAX_NAME_CHARS: Final = 60
_CHALLENGE_AGE_S: Final = 300
_NOT_ACCEPTED: Final = "Validation failed: This passkey cannot be used here"


async def registration_options(ctx: Context, user: UserRow, browser: str) -> str:
    """Give what a browser's `credentials.create` takes, as JSON. `browser` binds the challenge."""
    known = await ctx.db.fetch(PASSKEYS, user.account_id)
    options = generate_registration_options(
        rp_id=_rp_id(ctx),
        rp_name=ctx.config.instance.title,
        user_id=str(user.account_id).encode(),
        user_name=user.username,
        challenge=_challenge(ctx, f"register {user.account_id} {browser}"),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=one.credential_id) for one in known],
    )
    return options_to_json(options)


async def register(ctx: Context, user: UserRow, browser: str, credential: str, name: str) -> None:
    """Keep the passkey that a browser has made. Raises Invalid."""
    try:
        made = parse_registration_credential_json(credential)
        challenge = _checked_challenge(
            ctx, made.response.client_data_json, f"register {user.account_id} {browser}"
        )
        verified = await asyncio.to_thread(
            verify_registration_response,
            credential=made,
            expected_challenge=challenge,
            expected_rp_id=_rp_id(ctx),
            expected_origin=ctx.config.base_url,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise Invalid(_NOT_ACCEPTED) from error
    if len(await ctx.db.fetch(PASSKEYS, user.account_id)) >= MAX_PASSKEYS:
        raise Invalid(f"Validation failed: There are {MAX_PASSKEYS} passkeys already")
    try:
        async with ctx.db.transaction() as tx:
            await tx.execute(
                INSERT_PASSKEY,
                ctx.ids.new(),
                user.account_id,
                verified.credential_id,
                verified.credential_public_key,
                verified.sign_count,
                name.strip()[:MAX_NAME_CHARS] or "Passkey",
                ctx.clock.now(),
            )
            what = "a passkey was added"
            await mail_changed(ctx, tx, user.email, user.username, what)
    except Conflict as conflict:
        raise Invalid("Validation failed: This passkey is known already") from conflict


def sign_in_options(ctx: Context, browser: str) -> str:
    """Give what a browser's `credentials.get` takes, as JSON: any passkey of this domain."""
    options = generate_authentication_options(
        rp_id=_rp_id(ctx),
        challenge=_challenge(ctx, f"sign in {browser}"),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


async def authenticate(ctx: Context, browser: str, credential: str) -> int:
    """Give the account whose passkey has signed. Raises Invalid."""
    try:
        given = parse_authentication_credential_json(credential)
        challenge = _checked_challenge(ctx, given.response.client_data_json, f"sign in {browser}")
        row = await ctx.db.one(PASSKEY, given.raw_id)
        if row is None:
            raise Invalid(_NOT_ACCEPTED)
        verified = await asyncio.to_thread(
            verify_authentication_response,
            credential=given,
            expected_challenge=challenge,
            expected_rp_id=_rp_id(ctx),
            expected_origin=ctx.config.base_url,
            credential_public_key=row.public_key,
            credential_current_sign_count=row.sign_count,
            require_user_verification=True,
        )
    except WebAuthnException as error:
        raise Invalid(_NOT_ACCEPTED) from error
    await ctx.db.execute(USE_PASSKEY, row.id, verified.new_sign_count, ctx.clock.now())
    return row.account_id


async def list_passkeys(ctx: Context, account_id: int) -> list[PasskeyRow]:
    """Give a person's passkeys, the oldest first."""
    return await ctx.db.fetch(PASSKEYS, account_id)


async def remove(ctx: Context, account_id: int, passkey_id: int) -> None:
    """Forget a passkey."""
    async with ctx.db.transaction() as tx:
        if not await tx.execute(DELETE_PASSKEY, passkey_id, account_id):
            return
        user = await tx.one(USER_BY_ID, account_id)
        if user is not None:
            await mail_changed(ctx, tx, user.email, user.username, "a passkey was removed")


def _rp_id(ctx: Context) -> str:
    return urlsplit(ctx.config.base_url).hostname or "localhost"


def _challenge(ctx: Context, binding: str) -> bytes:
    # Signed and bound to the browser, so nothing has to be kept until the answer comes.
    return ctx.secrets.sign_value(binding, purpose="passkey").encode()


def _checked_challenge(ctx: Context, client_data_json: bytes, binding: str) -> bytes:
    """Give the challenge that a credential answers, if it is one of ours for this browser."""
    challenge = parse_client_data_json(client_data_json).challenge
    signed = ctx.secrets.read_value(
        challenge.decode("utf-8", "replace"), purpose="passkey", max_age_s=_CHALLENGE_AGE_S
    )
    if signed != binding:
        raise Invalid(_NOT_ACCEPTED)
    return challenge
