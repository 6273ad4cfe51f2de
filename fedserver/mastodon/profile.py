"""One's own profile (Mastodon API: accounts#update_credentials, profile)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from fedserver import effects, entities
from fedserver.context import Context
from fedserver.effects import UpdateActor
from fedserver.errors import Invalid, NotFound
from fedserver.mastodon.composing import VISIBILITIES, language, posting_defaults
from fedserver.mastodon.mentioning import emojis_in, known_mentions, to_html
from fedserver.mastodon.profile_settings import (
    SettingsParams,
    changed_settings,
    write_settings,
)
from fedserver.mastodon.quoting import POLICIES
from fedserver.mastodon.subjects import acting_account, new_activity_uri
from fedserver.routing import JSON, Caller, UploadedFile, endpoint
from fedserver.services import text_out
from fedserver.services.attachments import image_limits
from fedserver.services.images import HEADER_SIZE, process_avatar
from fedserver.services.keeping import keep
from storage.accounts import UPDATE_PROFILE, AccountRow
from storage.database import Transaction
from storage.profiles import LOCK_PROFILE, SET_POSTING_DEFAULTS, PostingDefaultsRow

Json = dict[str, Any]

_MAX_NAME_CHARS: Final = 30
_MAX_NOTE_CHARS: Final = 500
_MAX_FIELDS: Final = 4
_MAX_FIELD_CHARS: Final = 255


class FieldParams(msgspec.Struct, frozen=True, kw_only=True):
    """`fields_attributes[]…`."""

    name: str = ""
    value: str = ""


class SourceParams(msgspec.Struct, frozen=True, kw_only=True):
    """`source[…]`: what new posts are."""

    privacy: str | None = None
    sensitive: bool | None = None
    language: str | None = None
    quote_policy: str | None = None


class ProfileParams(SettingsParams, frozen=True, kw_only=True):
    """What is left out stays as it is."""

    display_name: str | None = None
    note: str | None = None
    avatar: UploadedFile | str | None = None
    header: UploadedFile | str | None = None
    fields_attributes: list[FieldParams] | None = None


class CredentialParams(ProfileParams, frozen=True, kw_only=True):
    """And the defaults of new posts."""

    source: SourceParams | None = None


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts of a profile as they will be, and what they are shown as."""

    display_name: str
    note: str
    note_source: str
    fields: list[Json]
    emojis: list[Json]


@endpoint("PATCH", "/api/v1/accounts/update_credentials", scope="write:accounts")
async def update_credentials(ctx: Context, caller: Caller, params: CredentialParams) -> JSON:
    """Change the profile; peers hear of it (Mastodon API: accounts#update_credentials)."""
    account = await acting_account(ctx, caller)
    defaults = await _defaults(ctx, account, params.source)
    changes = await _changes(ctx, account, params)
    async with ctx.db.transaction() as tx:
        if defaults is not None:
            await _set_defaults(tx, account.id, defaults)
        await _change(ctx, tx, account.id, changes)
    return await entities.credential_account(ctx, account.id)


@endpoint("GET", "/api/v1/profile", scope=("read:accounts", "profile"))
async def show_profile(ctx: Context, caller: Caller) -> JSON:
    """Show the caller's profile as typed and as shown (Mastodon API: profile#get)."""
    return await entities.profile(ctx, caller.account_id)


@endpoint("PATCH", "/api/v1/profile", scope="write:accounts")
@endpoint("PUT", "/api/v1/profile", scope="write:accounts")
async def change_profile(ctx: Context, caller: Caller, params: ProfileParams) -> JSON:
    """Change the profile; peers hear of it (Mastodon API: profile#update)."""
    account = await acting_account(ctx, caller)
    changes = await _changes(ctx, account, params)
    async with ctx.db.transaction() as tx:
        await _change(ctx, tx, account.id, changes)
    return await entities.profile(ctx, account.id)


@endpoint("DELETE", "/api/v1/profile/avatar", scope="write:accounts")
async def delete_avatar(ctx: Context, caller: Caller) -> JSON:
    """Go back to the placeholder (Mastodon API: profile#delete-avatar)."""
    return await _remove_image(ctx, caller, "avatar_blob")


@endpoint("DELETE", "/api/v1/profile/header", scope="write:accounts")
async def delete_header(ctx: Context, caller: Caller) -> JSON:
    """Go back to the placeholder (Mastodon API: profile#delete-header)."""
    return await _remove_image(ctx, caller, "header_blob")


async def _remove_image(ctx: Context, caller: Caller, column: str) -> JSON:
    async with ctx.db.transaction() as tx:
        await _change(ctx, tx, caller.account_id, {column: None})
    return await entities.credential_account(ctx, caller.account_id)


async def _change(
    ctx: Context, tx: Transaction, account_id: int, changes: Mapping[str, Any]
) -> None:
    """Write the changed columns; only a real change is told to peers."""
    before = await tx.one(LOCK_PROFILE, account_id)
    if before is None:
        raise NotFound("Record not found")
    after = replace(before, **changes)
    if after == before:
        return
    await tx.execute(
        UPDATE_PROFILE,
        after.id,
        after.display_name,
        after.note,
        after.note_source,
        after.fields,
        after.emojis,
        after.locked,
        after.actor_type,
        after.discoverable,
        after.indexable,
        after.hide_collections,
        after.avatar_blob,
        after.header_blob,
    )
    await write_settings(tx, after)
    await effects.perform_in(ctx, tx, UpdateActor(actor=after, uri=new_activity_uri(ctx)))


async def _changes(ctx: Context, account: AccountRow, params: ProfileParams) -> Json:
    """Check everything, then store the pictures; give the columns that will be different."""
    changes = changed_settings(params)
    texts = await _texts(ctx, account, params)
    if texts is not None:
        changes |= {name: getattr(texts, name) for name in _Texts.__dataclass_fields__}
    return changes | await _images(ctx, params)


async def _texts(ctx: Context, account: AccountRow, params: ProfileParams) -> _Texts | None:
    """Check and render the texts; None where the request has none."""
    if params.display_name is None and params.note is None and params.fields_attributes is None:
        return None
    name = account.display_name if params.display_name is None else _name(params.display_name)
    note = account.note_source if params.note is None else _note(params.note)
    fields = account.fields
    if params.fields_attributes is not None:
        fields = await _fields(ctx, account, params.fields_attributes)
    sources = [part for one in fields for part in (one["name"], one.get("source") or "")]
    return _Texts(
        display_name=name,
        note=account.note if params.note is None else await _html(ctx, note),
        note_source=note,
        fields=fields,
        emojis=await emojis_in(ctx, name, note, *sources),
    )


def _name(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > _MAX_NAME_CHARS:
        raise Invalid(
            f"Validation failed: Display name is too long (maximum is {_MAX_NAME_CHARS} characters)"
        )
    return name


def _note(text: str) -> str:
    note = text.strip()
    if len(note) > 100 * _MAX_NOTE_CHARS or text_out.length(note) > _MAX_NOTE_CHARS:
        raise Invalid(f"Validation failed: Note character limit of {_MAX_NOTE_CHARS} exceeded")
    return note


async def _html(ctx: Context, text: str) -> str:
    """Give the HTML of a text; nobody is asked who is named in it."""
    return to_html(ctx, text, await known_mentions(ctx, text_out.scan(text).mentions))


async def _fields(ctx: Context, account: AccountRow, given: list[FieldParams]) -> list[Json]:
    """Give the rows of the profile's table. A link keeps its verification while it stays."""
    rows = [(_field_text(one.name), _field_text(one.value)) for one in given]
    kept = [row for row in rows if any(row)]
    if len(kept) > _MAX_FIELDS:
        raise Invalid(f"Validation failed: Fields may not be more than {_MAX_FIELDS}")
    if any(not name for name, _ in kept):
        raise Invalid("Validation failed: Fields with values must have names")
    verified = {one.get("source"): one.get("verified_at") for one in account.fields}
    return [
        {
            "name": name,
            "value": await _field_html(ctx, value),
            "source": value,
            "verified_at": verified.get(value),
        }
        for name, value in kept
    ]


def _field_text(text: str) -> str:
    return " ".join(text.split())[:_MAX_FIELD_CHARS]


async def _field_html(ctx: Context, text: str) -> str:
    """Give one line of HTML, whose links say that they are the owner's (rel="me")."""
    line = (await _html(ctx, text)).removeprefix("<p>").removesuffix("</p>")
    return line.replace('rel="nofollow noopener"', 'rel="me nofollow noopener"')


async def _images(ctx: Context, params: ProfileParams) -> Json:
    """Store new pictures. An address of ours is what a client read and sent back: it stays."""
    images: Json = {}
    for name, given in (("Avatar", params.avatar), ("Header", params.header)):
        if isinstance(given, str) and given and not given.startswith(f"{ctx.config.base_url}/"):
            raise Invalid(f"Validation failed: {name} is not a picture. Upload it as a file")
    if isinstance(params.avatar, UploadedFile):
        avatar = await process_avatar(params.avatar.data, limits=image_limits(ctx))
        images["avatar_blob"] = await keep(ctx, avatar.data, suffix=avatar.suffix)
    if isinstance(params.header, UploadedFile):
        header = await process_avatar(
            params.header.data, size=HEADER_SIZE, limits=image_limits(ctx)
        )
        images["header_blob"] = await keep(ctx, header.data, suffix=header.suffix)
    return images


async def _defaults(
    ctx: Context, account: AccountRow, source: SourceParams | None
) -> PostingDefaultsRow | None:
    if source is None:
        return None
    # Posts to nobody but those they name are not a default anybody wants.
    if source.privacy and source.privacy not in VISIBILITIES[:3]:
        raise Invalid("Validation failed: Privacy is not included in the list")
    if source.quote_policy and source.quote_policy not in POLICIES:
        raise Invalid("Validation failed: Quote policy is not included in the list")
    before = await posting_defaults(ctx, account)
    return replace(
        before,
        default_visibility=source.privacy or before.default_visibility,
        default_sensitive=(
            before.default_sensitive if source.sensitive is None else source.sensitive
        ),
        default_language=_default_language(source.language, before.default_language),
        default_quote_policy=source.quote_policy or before.default_quote_policy,
    )


def _default_language(given: str | None, before: str | None) -> str | None:
    """An empty language is the one of the user interface."""
    return None if given == "" else language(given, before)


async def _set_defaults(tx: Transaction, account_id: int, defaults: PostingDefaultsRow) -> None:
    await tx.execute(
        SET_POSTING_DEFAULTS,
        account_id,
        defaults.default_visibility,
        defaults.default_sensitive,
        defaults.default_language,
        defaults.default_quote_policy,
    )
