"""What a profile says beside its texts and pictures: what it shows, and who may credit it."""

import re
from typing import Any, Final

from fedserver.errors import Invalid
from fedserver.routing import Params
from storage.accounts import SET_PROFILE_SETTINGS, AccountRow
from storage.cards import ATTRIBUTE_CARDS
from storage.database import Transaction

Json = dict[str, Any]

MAX_IMAGE_DESCRIPTION_CHARS: Final = 150
MAX_ATTRIBUTION_DOMAINS: Final = 100
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")


class SettingsParams(Params, frozen=True, kw_only=True):
    """What is left out stays as it is."""

    locked: bool | None = None
    bot: bool | None = None
    discoverable: bool | None = None
    indexable: bool | None = None
    hide_collections: bool | None = None
    avatar_description: str | None = None
    header_description: str | None = None
    show_media: bool | None = None
    show_media_replies: bool | None = None
    show_featured: bool | None = None
    attribution_domains: list[str] | None = None


def changed_settings(params: SettingsParams) -> Json:
    """Give the columns that a request changes. Raises Invalid for what is too long or no domain."""
    given: Json = {
        "locked": params.locked,
        "discoverable": params.discoverable,
        "indexable": params.indexable,
        "hide_collections": params.hide_collections,
        "actor_type": None if params.bot is None else "Service" if params.bot else "Person",
        "avatar_description": _description("Avatar", params.avatar_description),
        "header_description": _description("Header", params.header_description),
        "show_media": params.show_media,
        "show_media_replies": params.show_media_replies,
        "show_featured": params.show_featured,
        "attribution_domains": _domains(params.attribution_domains),
    }
    return {column: value for column, value in given.items() if value is not None}


def _description(what: str, text: str | None) -> str | None:
    if text is not None and len(text.strip()) > MAX_IMAGE_DESCRIPTION_CHARS:
        most = f"(maximum is {MAX_IMAGE_DESCRIPTION_CHARS} characters)"
        raise Invalid(f"Validation failed: {what} description is too long {most}")
    return None if text is None else text.strip()


def _domains(given: list[str] | None) -> list[str] | None:
    """Give domains as they are compared: without scheme, without `*.`, each once."""
    if given is None:
        return None
    bare = [one.strip().removeprefix("http://").removeprefix("https://") for one in given]
    names = list(dict.fromkeys(one.removeprefix("*.").lower() for one in bare if one))
    if len(names) > MAX_ATTRIBUTION_DOMAINS:
        most = f"(maximum is {MAX_ATTRIBUTION_DOMAINS})"
        raise Invalid(f"Validation failed: Attribution domains are too many {most}")
    for name in names:
        if not _DOMAIN.fullmatch(_in_ascii(name)):
            raise Invalid("Validation failed: Attribution domains is not a valid domain name")
    return names


def _in_ascii(name: str) -> str:
    try:
        return name.encode("idna").decode()
    except UnicodeError:
        return ""


async def write_settings(tx: Transaction, row: AccountRow) -> None:
    """Write what storage.accounts.UPDATE_PROFILE has no column for."""
    await tx.execute(
        SET_PROFILE_SETTINGS,
        row.id,
        row.avatar_description,
        row.header_description,
        row.show_media,
        row.show_media_replies,
        row.show_featured,
        row.attribution_domains,
    )
    await tx.execute(ATTRIBUTE_CARDS, row.id, row.attribution_domains)
