"""Local accounts as Actor documents."""

from collections.abc import Sequence
from typing import Any

from activitypub.addressing import PUBLIC
from activitypub.keys import load_public_key, multikey_encode
from activitypub.model import (
    Actor,
    ActorKey,
    Emoji,
    InteractionPolicy,
    Permission,
    PropertyValue,
)
from fedserver.context import Context
from fedserver.uris import Uris
from storage.accounts import AccountRow, KeyRow

_IMPLEMENTS = [
    {
        "type": "Link",
        "href": "https://datatracker.ietf.org/doc/html/rfc9421",
        "name": "RFC-9421: HTTP Message Signatures",
    }
]


def actor(
    ctx: Context, account: AccountRow, keys: Sequence[KeyRow], *, moved_to: str | None = None
) -> Actor:
    """Give the Actor of a local account (ActivityPub §4.1, FEP-521a for the Ed25519 key and
    the person's recovery key, which FEP-c390 says to be theirs).

    `indexable` is FEP-5feb's. `moved_to` is the id of the account that it goes on as.
    """
    uris = Uris(ctx.config.base_url)
    return Actor(
        id=account.uri,
        type=account.actor_type,
        preferred_username=account.username,
        name=account.display_name,
        summary=account.note,
        url=account.url,
        inbox=account.inbox_url,
        outbox=account.outbox_url,
        followers=account.followers_url,
        following=account.following_url,
        featured=account.featured_url,
        featured_tags=uris.featured_tags(account.uri) if account.featured_url else None,
        shared_inbox=account.shared_inbox_url,
        keys=tuple(_key(row) for row in keys),
        icon_url=uris.media(account.avatar_blob) if account.avatar_blob else None,
        image_url=uris.media(account.header_blob) if account.header_blob else None,
        manually_approves_followers=account.locked,
        discoverable=bool(account.discoverable),
        indexable=account.indexable,
        memorial=account.memorial,
        also_known_as=tuple(account.also_known_as),
        moved_to=moved_to,
        published=account.created_at,
        fields=tuple(PropertyValue(one["name"], one["value"]) for one in account.fields),
        statements=tuple(one for row in keys for one in row.statements),
        emojis=tuple(emoji(one) for one in account.emojis),
        webfinger=f"{account.username}@{ctx.config.instance.domain}",
        icon_description=account.avatar_description or None,
        image_description=account.header_description or None,
        attribution_domains=tuple(account.attribution_domains),
        **_of_person(uris, account),
        unknown=_capabilities(account),
    )


def _of_person(uris: Uris, account: AccountRow) -> dict[str, Any]:
    """What only people have: settings of their profile, and collections (FEP-7aa9)."""
    if account.outbox_url is None:
        return {}
    return {
        "show_featured": account.show_featured,
        "show_media": account.show_media,
        "show_replies_in_media": account.show_media_replies,
        "interaction_policy": InteractionPolicy(can_feature=_featurable(account)),
        "featured_collections": uris.featured_collections(account.uri),
    }


def _featurable(account: AccountRow) -> Permission:
    """Whoever wants to be found may be put in collections; by followers only, where one chooses
    who follows (as Mastodon does, and storage/feature_rights.py)."""
    if not account.discoverable:
        return Permission((account.uri,))
    return Permission((account.followers_url or account.uri if account.locked else PUBLIC,))


def _capabilities(account: AccountRow) -> dict[str, Any]:
    """What this server can do that cannot be seen in its documents (FEP-844e): said by the instance
    actor of itself, and by people of what generated them."""
    if account.actor_type == "Application" and account.outbox_url is None:
        return {"implements": _IMPLEMENTS}
    return {"generator": {"type": "Application", "implements": _IMPLEMENTS}}


def emoji(entry: dict[str, str]) -> Emoji:
    """Give the Emoji tag of an entry kept with an account or a status."""
    return Emoji(id=entry["url"], shortcode=entry["shortcode"], url=entry["url"])


def _key(row: KeyRow) -> ActorKey:
    if row.kind == "rsa":
        return ActorKey(id=row.uri, owner=row.identity_uri, public_key_pem=row.public_key)
    multikey = multikey_encode(load_public_key(row.public_key))
    return ActorKey(id=row.uri, owner=row.identity_uri, multikey=multikey)
