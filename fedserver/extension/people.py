"""Who calls: a person of ours, by name, and with the password where it matters."""

from fedserver.context import Context
from fedserver.errors import Forbidden, Invalid, NotFound
from fedserver.rate_limits import LOGINS_PER_ACCOUNT
from fedserver.routing import Caller
from fedserver.services import login_settings
from fedserver.services.counting import count
from storage.users import USER_BY_ID, UserRow


async def calling_user(ctx: Context, caller: Caller) -> UserRow:
    """Give the person who calls."""
    user = await ctx.db.one(USER_BY_ID, caller.account_id)
    if user is None:
        raise NotFound("Record not found")
    return user


async def confirmed_user(ctx: Context, caller: Caller, password: str) -> UserRow:
    """Give the person who calls and has given the password, too: a stolen token is not enough for
    what cannot be taken back. Raises Forbidden."""
    user = await calling_user(ctx, caller)
    count(ctx, LOGINS_PER_ACCOUNT, user.username)
    try:
        await login_settings.check_own_password(ctx, user.account_id, password)
    except Invalid as error:
        raise Forbidden("The password is not right") from error
    return user
