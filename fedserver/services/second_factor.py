"""One-time codes beside the password (RFC 6238), and recovery codes for a lost device."""

import hmac
import secrets
from dataclasses import dataclass
from typing import Final

import pyotp
import segno

from fedserver.context import Context
from fedserver.errors import Invalid, NotFound
from fedserver.secrets import token_hash
from fedserver.services.mails import mail_changed
from storage.second_factors import (
    COUNT_RECOVERY_CODES,
    DELETE_RECOVERY_CODES,
    DISABLE_TOTP,
    ENABLE_TOTP,
    HAS_SECOND_FACTOR,
    INSERT_RECOVERY_CODES,
    PUT_TOTP_SECRET,
    TAKE_RECOVERY_CODE,
    TOTP,
    USE_TOTP_STEP,
)
from storage.users import USER_BY_ID

PURPOSE: Final = "one-time codes"
_STEP_S: Final = 30
# A code of the step before and after counts too: clocks differ, and people type slowly.
_DRIFT: Final = 1
_RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_WRONG: Final = "Validation failed: That code is not right"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app is shown: the secret as text, and as a picture (SVG)."""

    secret: str
    picture: str


async def is_on(ctx: Context, account_id: int) -> bool:
    """Say whether signing in takes a code."""
    return await ctx.db.value(HAS_SECOND_FACTOR, account_id) is True


async def codes_left(ctx: Context, account_id: int) -> int:
    """Give how many recovery codes were not used yet."""
    return await ctx.db.value(COUNT_RECOVERY_CODES, account_id) or 0


async def begin(ctx: Context, account_id: int) -> Enrolment:
    """Make a new secret, which holds once `turn_on` has seen a code of it. Raises Invalid."""
    user = await ctx.db.one(USER_BY_ID, account_id)
    if user is None:
        raise NotFound("Record not found")
    secret = pyotp.random_base32()
    wrapped = ctx.secrets.wrap(secret.encode(), purpose=PURPOSE)
    if not await ctx.db.execute(PUT_TOTP_SECRET, account_id, wrapped):
        raise Invalid("Validation failed: One-time codes are on already")
    domain = ctx.config.instance.domain
    uri = pyotp.TOTP(secret).provisioning_uri(
        name=f"{user.username}@{domain}", issuer_name=ctx.config.instance.title
    )
    picture = segno.make(uri, micro=False).svg_inline(scale=5, border=3, light="#fff")
    return Enrolment(secret, picture)


async def turn_on(ctx: Context, account_id: int, code: str) -> list[str]:
    """Ask for codes from now on; gives the recovery codes, the only copy that there will ever be.

    Raises Invalid for a code that is not right.
    """
    step = _matching_step(ctx, await _secret(ctx, account_id), code)
    if step is None:
        raise Invalid(_WRONG)
    codes = [secrets.token_hex(_RECOVERY_BYTES // 2) for _ in range(_RECOVERY_CODES)]
    async with ctx.db.transaction() as tx:
        if not await tx.execute(ENABLE_TOTP, account_id, ctx.clock.now(), step):
            raise Invalid("Validation failed: One-time codes are on already")
        await tx.execute(DELETE_RECOVERY_CODES, account_id)
        hashes = [_code_hash(account_id, one) for one in codes]
        await tx.execute(INSERT_RECOVERY_CODES, account_id, hashes)
        user = await tx.one(USER_BY_ID, account_id)
        if user is not None:
            what = "signing in takes a one-time code from now on"
            await mail_changed(ctx, tx, user.email, user.username, what)
    return codes


async def turn_off(ctx: Context, account_id: int) -> None:
    """Ask for no codes any more."""
    async with ctx.db.transaction() as tx:
        if not await tx.execute(DISABLE_TOTP, account_id):
            return
        await tx.execute(DELETE_RECOVERY_CODES, account_id)
        user = await tx.one(USER_BY_ID, account_id)
        if user is not None:
            what = "signing in takes no one-time code any more"
            await mail_changed(ctx, tx, user.email, user.username, what)


async def check(ctx: Context, account_id: int, code: str) -> bool:
    """Say whether `code` is a code of now, or an unused recovery code. Each serves once."""
    text = "".join(code.split()).lower()
    step = _matching_step(ctx, await _secret(ctx, account_id), text)
    if step is not None:
        return bool(await ctx.db.execute(USE_TOTP_STEP, account_id, step))
    return bool(await ctx.db.execute(TAKE_RECOVERY_CODE, account_id, _code_hash(account_id, text)))


async def _secret(ctx: Context, account_id: int) -> str:
    row = await ctx.db.one(TOTP, account_id)
    if row is None or row.secret is None:
        raise Invalid(_WRONG)
    return ctx.secrets.unwrap(row.secret, purpose=PURPOSE).decode()


def _matching_step(ctx: Context, secret: str, code: str) -> int | None:
    now_step = int(ctx.clock.now().timestamp()) // _STEP_S
    totp = pyotp.TOTP(secret, interval=_STEP_S)
    given = code.strip().encode("utf-8", "surrogatepass")
    for step in range(now_step - _DRIFT, now_step + _DRIFT + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), given):
            return step
    return None


def _code_hash(account_id: int, code: str) -> bytes:
    # 40 bits and a limit on tries; the account keeps equal codes of two people apart.
    return token_hash(f"{account_id} {code}")
