"""The account that a person names by handle or address, wherever it is."""

from activitypub.errors import ProtocolError
from activitypub.webfinger import Handle, parse_handle
from fedserver.context import Context
from fedserver.effects.bringing import find_by_url
from fedserver.effects.move import read_anew
from fedserver.errors import Gone, Invalid, NotFound
from fedserver.services import resolve
from fedserver.services.fetch import Budget
from storage.accounts import AccountRow

_FETCHES = 8  # the account, WebFinger at two hosts, and what leads to them


async def named_account(ctx: Context, named: str, *, anew: bool = False) -> AccountRow:
    """Give the account of a handle or URI, asking its server where that is needed, or where it
    is to be read `anew`. Raises NotFound, Invalid, or Unreachable."""
    budget = Budget(_FETCHES)
    try:
        found = await _found(ctx, named, budget)
        if found is not None and anew:
            found = await read_anew(ctx, found.uri, budget)
    except ProtocolError as error:
        raise Invalid(f"{named} cannot be read: {error.reason}") from error
    except (Gone, NotFound) as error:
        raise NotFound(f"There is no account {named}") from error
    if found is None or found.gone:
        raise NotFound(f"There is no account {named}")
    return found


async def _found(ctx: Context, named: str, budget: Budget) -> AccountRow | None:
    if "://" not in named:
        return await resolve.account_by_handle(ctx, handle_of(named), budget)
    found = await find_by_url(ctx, named, budget)
    return found if isinstance(found, AccountRow) else None


def handle_of(named: str) -> Handle:
    """Read a handle. Raises Invalid."""
    try:
        return parse_handle(named)
    except ProtocolError as error:
        raise Invalid(f"{named} is neither a handle (name@domain) nor an address") from error
