"""What a Note says of quotes, of who may do what with it, and of consents to it."""

from collections.abc import Mapping
from dataclasses import replace

from activitypub.addressing import PUBLIC
from activitypub.build import authorization_document
from activitypub.json_bytes import dumps
from activitypub.model import Authorization, InteractionPolicy, Object, Permission
from fedserver.documents.policies import chosen_permissions
from storage.quotes import AuthorizationRow, ConsentRow
from storage.visibility import AT_ONCE, EVERYBODY, FOLLOWED, FOLLOWERS


def with_consents(note: Object, followers_url: str | None, row: ConsentRow | None) -> Object:
    """Give `note` with its quote (FEP-044f, and older spellings) and its interaction policy."""
    if row is None:
        return note
    accepted = row.quote_state == "accepted"
    return replace(
        note,
        quote=row.quoted_uri,
        quote_deleted=row.quote_state is not None and row.quoted_uri is None,
        quote_authorization=row.quote_authorization_uri if accepted else None,
        authorization=row.reply_authorization_uri,
        interaction_policy=_policy(note, followers_url, row),
    )


def _policy(note: Object, followers_url: str | None, row: ConsentRow) -> InteractionPolicy:
    """Where its author says nothing else, whom it reaches may like and answer it; what not
    everybody sees is not shown to more."""
    everybody = Permission((PUBLIC,))
    nobody_else = Permission(note.attributed_to)
    open_to_all = PUBLIC in (*note.to, *note.cc)
    chosen = chosen_permissions(note, followers_url, row)
    return InteractionPolicy(
        can_quote=_can_quote(note, followers_url, row),
        can_reply=chosen.get("reply", everybody),
        can_like=chosen.get("like", everybody),
        can_announce=chosen.get("announce", everybody if open_to_all else nobody_else),
    )


def _can_quote(note: Object, followers_url: str | None, row: ConsentRow) -> Permission:
    known = {
        EVERYBODY: PUBLIC,
        FOLLOWERS: followers_url,
        FOLLOWED: row.following_url,
    }
    granted = [url for bit, url in known.items() if row.quote_policy >> AT_ONCE & bit and url]
    asked = [url for bit, url in known.items() if row.quote_policy & bit and url]
    return Permission(tuple(granted) or note.attributed_to, tuple(asked))


def quote_authorization(uri: str, row: AuthorizationRow) -> bytes:
    """Give the QuoteAuthorization that is served at `uri`, as JSON."""
    authorization = Authorization(
        id=uri,
        type="QuoteAuthorization",
        attributed_to=row.attributed_to,
        interacting_object=row.interacting_object,
        interaction_target=row.interaction_target,
    )
    return dumps(authorization_document(authorization))


def by_status(rows: list[ConsentRow]) -> Mapping[int, ConsentRow]:
    """Give the rows by their status."""
    return {row.status_id: row for row in rows}
