"""What a new account's name, address and password must be (Mastodon API: accounts#create)."""

import re
from collections import defaultdict
from typing import Final

from fedserver.context import Context
from fedserver.errors import Invalid
from fedserver.services import passwords
from storage.database import Conflict
from storage.users import EMAIL_TAKEN, USERNAME_TAKEN

_MAX_USERNAME_CHARS: Final = 30
_USERNAME: Final = re.compile(r"[a-z0-9_]+")
# Names that strangers would take for the people who run this place; those may have them.
_RESERVED: Final = frozenset(
    {
        *("abuse", "hostmaster", "noreply", "postmaster", "root", "webmaster"),
        *("admin", "administrator", "mod", "moderator", "owner", "security", "staff", "system"),
        *("fedserver", "help", "info", "instance", "mastodon", "support"),
    }
)
# Less than RFC 5321 allows, on purpose: characters that mail servers read in different ways
# (routing by % and !, comments, quotes) have let addresses slip past rules on their domain.
_EMAIL: Final = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)"
    r"[A-Za-z0-9_+='~-]+(?:\.[A-Za-z0-9_+='~-]+)*"
    r"@(?:localhost|(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)",
    re.ASCII,
)
_FIELD_NAMES: Final = {
    "username": "Username",
    "email": "E-mail",
    "password": "Password",
    "agreement": "Agreement",
    "reason": "Reason",
    "date_of_birth": "Date of birth",
}
_TAKEN: Final = "has already been taken"


class Faults:
    """What is wrong with a sign-up, by field (Mastodon API: ValidationError)."""

    def __init__(self) -> None:
        self.found: dict[str, list[dict[str, str]]] = defaultdict(list)

    def add(self, field: str, code: str, description: str) -> None:
        """Note one fault: `code` for programs, `description` to follow the field's name."""
        self.found[field].append({"error": code, "description": description})

    def raise_if_any(self) -> None:
        """Raise Invalid with all of them, if there are any."""
        if self.found:
            raise self.as_invalid()

    def as_invalid(self) -> Invalid:
        """Give the error that tells of all of them."""
        texts = [
            f"{_FIELD_NAMES[field]} {one['description']}"
            for field, entries in self.found.items()
            for one in entries
        ]
        return Invalid(f"Validation failed: {', '.join(texts)}", dict(self.found))


def check_username(faults: Faults, username: str, *, staff: bool) -> None:
    """Note what is wrong with a user name; `staff` may have names that sound like it."""
    if username == "":
        faults.add("username", "ERR_BLANK", "can't be blank")
    elif len(username) > _MAX_USERNAME_CHARS:
        faults.add("username", "ERR_TOO_LONG", f"is longer than {_MAX_USERNAME_CHARS} characters")
    elif _USERNAME.fullmatch(username) is None:
        faults.add("username", "ERR_INVALID", "must contain only letters, numbers and underscores")
    elif username in _RESERVED and not staff:
        faults.add("username", "ERR_RESERVED", "is reserved")


def check_email(faults: Faults, email: str) -> None:
    """Note what is wrong with an address."""
    if _EMAIL.fullmatch(email) is None:
        faults.add("email", "ERR_INVALID", "is not a valid e-mail address")


def check_new_password(faults: Faults, password: str) -> None:
    """Note what is wrong with a password."""
    try:
        passwords.check_password(password)
    except Invalid as error:
        code = "ERR_INVALID"
        if len(password) < passwords.MIN_CHARS:
            code = "ERR_TOO_SHORT" if password else "ERR_BLANK"
        elif len(password) > passwords.MAX_CHARS:
            code = "ERR_TOO_LONG"
        faults.add("password", code, str(error).removeprefix("Validation failed: Password "))


async def check_free(ctx: Context, faults: Faults, username: str, email: str) -> None:
    """Note which of the two somebody has already, with an account or a sign-up."""
    if "username" not in faults.found and await ctx.db.value(USERNAME_TAKEN, username):
        faults.add("username", "ERR_TAKEN", _TAKEN)
    await check_email_free(ctx, faults, email)


async def check_email_free(ctx: Context, faults: Faults, email: str) -> None:
    """Note it if somebody has the address already."""
    if "email" not in faults.found and await ctx.db.value(EMAIL_TAKEN, email):
        faults.add("email", "ERR_TAKEN", _TAKEN)


def taken(conflict: Conflict) -> Invalid:
    """Give the error for what somebody took between our look and our insert."""
    faults = Faults()
    faults.add("email" if "_email" in str(conflict) else "username", "ERR_TAKEN", _TAKEN)
    return faults.as_invalid()
