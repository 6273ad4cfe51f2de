"""From the model to JSON: the shape that Mastodon writes and every known peer accepts.

Public is written in full (snac knows no other spelling), `to` and `cc` are lists, times end in
`Z` and have whole seconds. Properties kept in `unknown` are written back where nothing of ours
has their name.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias, assert_never

from activitypub.contexts.terms import (
    ACTIVITYSTREAMS,
    AUTHORIZATION_CONTEXT,
    FEATURED_CONTEXT,
    activity_context,
    actor_context,
    object_context,
    request_context,
)
from activitypub.model import (
    Activity,
    Actor,
    ActorKey,
    Attachment,
    Authorization,
    Collection,
    Document,
    Emoji,
    Hashtag,
    InteractionPolicy,
    LanguageMap,
    Link,
    Mention,
    Object,
    Permission,
    Place,
    Poll,
    Tombstone,
)

Json: TypeAlias = dict[str, Any]

REQUESTS = frozenset({"QuoteRequest", "LikeRequest", "ReplyRequest", "AnnounceRequest"})
"""Activities that ask for consent; the interaction itself is their instrument."""

_PROFILED = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
_QUOTE_REL = "https://misskey-hub.net/ns#_misskey_quote"


def to_document(value: Document, *, context: bool = True) -> Json:
    """Return the JSON of `value`, with its `@context` unless that is not wanted.

    Parsing the result gives `value` again, but for fractions of a second.
    """
    document: Json = {"@context": _context(value)} if context else {}
    document.update((key, part) for key, part in _body(value).items() if part is not None)
    for key, kept in value.unknown.items():
        document.setdefault(key, kept)
    return document


def authorization_document(value: Authorization) -> Json:
    """Return the JSON of an authorization, with its `@context`."""
    return {
        "@context": AUTHORIZATION_CONTEXT,
        "id": value.id,
        "type": value.type,
        "attributedTo": value.attributed_to,
        "interactingObject": value.interacting_object,
        "interactionTarget": value.interaction_target,
    }


def _context(value: Document) -> Any:
    match value:
        case Actor():
            return actor_context(multikeys=any(key.multikey for key in value.keys))
        case Object():
            return object_context(
                quotes=value.quote is not None or value.quote_deleted,
                policies=value.interaction_policy is not None or value.authorization is not None,
                collections=bool(value.collections),
            )
        case Activity():
            return _activity_context(value)
        case Collection():
            whole = _embeds(value) or "items" in value.unknown
            return object_context(quotes=True, policies=True) if whole else ACTIVITYSTREAMS
        case Tombstone():
            return ACTIVITYSTREAMS
        case _:
            assert_never(value)


def _activity_context(activity: Activity) -> Any:
    if _is_about_featured(activity):
        return FEATURED_CONTEXT
    if activity.type in REQUESTS or activity.authorization is not None:
        return request_context()
    if activity.object is not None and not isinstance(activity.object, str | Tombstone):
        return _context(activity.object)
    return activity_context(
        reacts=bool(activity.emojis)
        or activity.type == "EmojiReact"
        or "_misskey_reaction" in activity.unknown
        or "object" in activity.unknown
    )


def _is_about_featured(activity: Activity) -> bool:
    """Whether it needs the terms of FEP-7aa9, whose documents the model knows as JSON only."""
    embedded = activity.unknown.get("object")
    kind = embedded.get("type") if isinstance(embedded, dict) else activity.type
    return str(kind).startswith("Feature")


def _embeds(collection: Collection) -> bool:
    return not all(isinstance(item, str) for item in (collection.first or "", *collection.items))


def _body(value: Document) -> Json:
    match value:
        case Object():
            return _object(value)
        case Actor():
            return _actor(value)
        case Activity():
            return _activity(value)
        case Collection():
            return _collection(value)
        case Tombstone():
            return _tombstone(value)
        case _:
            assert_never(value)


def _object(value: Object) -> Json:
    return {
        "id": value.id,
        "type": value.type,
        **_texts(value),
        "source": _source(value),
        "mediaType": value.media_type,
        "attributedTo": _one_or_list(value.attributed_to),
        "published": _time(value.published),
        "updated": _time(value.updated),
        "startTime": _time(value.start_time),
        "endTime": _time(value.end_time),
        "duration": _duration(value.duration_s),
        "location": _place(value.location),
        "to": list(value.to),
        "cc": list(value.cc),
        "audience": _one_or_list(value.audience),
        "inReplyTo": value.in_reply_to,
        "context": value.context,
        "conversation": value.conversation,
        "url": [_link(link) for link in value.urls] or value.url,
        "attachment": [_attachment(one) for one in value.attachments],
        "image": _attachment(value.image) if value.image else None,
        "tag": [
            *_tags(value.mentions, value.hashtags, value.emojis),
            *({"type": "FeaturedCollection", "id": one} for one in value.collections),
            *_quote_link(value.quote),
        ],
        "sensitive": value.sensitive,
        **_quote(value),
        "replyAuthorization": value.authorization,
        "approvedBy": value.authorization,
        "interactionPolicy": _policy(value.interaction_policy),
        "replies": value.replies,
        "likes": value.likes,
        "shares": value.shares,
        **_poll(value.poll),
    }


def _place(place: Place | None) -> Json | None:
    if place is None:
        return None
    return _given(type="Place", name=place.name, address=place.address, url=place.url)


def _quote(value: Object) -> Json:
    """Return a quote in the ways that peers read: FEP-044f and two older ones."""
    if value.quote is None:
        return {"quote": {"type": "Tombstone"}} if value.quote_deleted else {}
    return {
        "quote": None if value.legacy_quote else value.quote,
        "quoteUri": value.quote,
        "_misskey_quote": value.quote,
        "quoteAuthorization": value.quote_authorization,
    }


def _quote_link(quote: str | None) -> list[Json]:
    """Return the link that FEP-e232 wants in `tag`."""
    if quote is None:
        return []
    return [
        _given(type="Link", href=quote, mediaType=_PROFILED, rel=_QUOTE_REL, name=f"RE: {quote}")
    ]


def _policy(policy: InteractionPolicy | None) -> Json | None:
    if policy is None:
        return None
    return _given(
        canQuote=_permission(policy.can_quote),
        canReply=_permission(policy.can_reply),
        canLike=_permission(policy.can_like),
        canAnnounce=_permission(policy.can_announce),
        canFeature=_permission(policy.can_feature),
    )


def _permission(permission: Permission | None) -> Json | None:
    """Return a permission under the names of its lists that peers read, the older ones too."""
    if permission is None:
        return None
    automatic, manual = list(permission.automatic), list(permission.manual)
    found: Json = {"automaticApproval": automatic, "always": automatic}
    if manual:
        found |= {"manualApproval": manual, "approvalRequired": manual}
    return found


def _texts(value: Object) -> Json:
    """Return name, summary and content; a known language goes into a map of one entry."""
    content_map, name_map = value.content_map, value.name_map
    if value.language and not content_map and not name_map:
        if value.content is not None:
            content_map = {value.language: value.content}
        elif value.name is not None:
            name_map = {value.language: value.name}
    return {
        "name": value.name,
        "nameMap": _language_map(name_map),
        "summary": value.summary,
        "summaryMap": _language_map(value.summary_map),
        "content": value.content,
        "contentMap": _language_map(content_map),
    }


def _language_map(translations: LanguageMap) -> Json | None:
    return dict(translations) if translations else None


def _source(value: Object) -> Json | None:
    if value.source is None:
        return None
    return _given(content=value.source.content, mediaType=value.source.media_type)


def _poll(poll: Poll | None) -> Json:
    if poll is None:
        return {}
    options = [
        {
            "type": "Note",
            "name": option.name,
            "replies": {"type": "Collection", "totalItems": option.votes},
        }
        for option in poll.options
    ]
    closed = _time(poll.closed) if isinstance(poll.closed, datetime) else poll.closed or None
    return {
        "anyOf" if poll.multiple else "oneOf": options,
        "endTime": _time(poll.end_time),
        "closed": closed,
        "votersCount": poll.voters_count,
    }


def _actor(value: Actor) -> Json:
    return {
        "id": value.id,
        "type": value.type,
        "preferredUsername": value.preferred_username,
        "name": value.name,
        "summary": value.summary,
        "url": value.url,
        "inbox": value.inbox,
        "outbox": value.outbox,
        "followers": value.followers,
        "following": value.following,
        "featured": value.featured,
        "featuredTags": value.featured_tags,
        "endpoints": {"sharedInbox": value.shared_inbox} if value.shared_inbox else None,
        **_keys(value.keys),
        "icon": _image(value.icon_url, value.icon_media_type, value.icon_description),
        "image": _image(value.image_url, value.image_media_type, value.image_description),
        "manuallyApprovesFollowers": value.manually_approves_followers,
        "discoverable": value.discoverable,
        "indexable": value.indexable,
        "memorial": value.memorial,
        "suspended": value.suspended or None,
        "alsoKnownAs": list(value.also_known_as) or None,
        "movedTo": value.moved_to,
        "published": _time(value.published),
        "updated": _time(value.updated),
        "attachment": [
            *(
                {"type": "PropertyValue", "name": row.name, "value": row.value}
                for row in value.fields
            ),
            *value.statements,
        ],
        "tag": _tags((), value.hashtags, value.emojis),
        "webfinger": value.webfinger,
        "showFeatured": value.show_featured,
        "showMedia": value.show_media,
        "showRepliesInMedia": value.show_replies_in_media,
        "attributionDomains": list(value.attribution_domains) or None,
        "interactionPolicy": _policy(value.interaction_policy),
        "featuredCollections": value.featured_collections,
    }


def _keys(keys: Iterable[ActorKey]) -> Json:
    pem_keys: list[Json] = []
    multikeys: list[Json] = []
    for key in keys:
        end = _given(expires=_time(key.expires))
        if key.public_key_pem is not None:
            pem = key.public_key_pem
            pem_keys.append({"id": key.id, "owner": key.owner, "publicKeyPem": pem, **end})
        elif key.multikey is not None:
            named = {"id": key.id, "type": "Multikey", "controller": key.owner}
            multikeys.append({**named, "publicKeyMultibase": key.multikey, **end})
    return {"publicKey": _one_or_list(pem_keys), "assertionMethod": multikeys or None}


def _activity(value: Activity) -> Json:
    first = value.object
    if first is not None and not isinstance(first, str):
        objects: list[Any] = [to_document(first, context=False), *value.other_objects]
    else:
        objects = [part for part in (first, *value.other_objects) if part is not None]
    addressed = bool(value.to or value.cc)
    return {
        "id": value.id,
        "type": value.type,
        "actor": value.actor,
        "published": _time(value.published),
        "to": list(value.to) if addressed else None,
        "cc": list(value.cc) if addressed else None,
        "audience": _one_or_list(value.audience),
        "object": _one_or_list(objects),
        "target": value.target,
        "origin": value.origin,
        "instrument": _enclosed(value),
        **_authorization(value),
        "result": value.result,
        "content": value.content,
        "tag": _tags((), (), value.emojis) or None,
    }


def _enclosed(value: Activity) -> Any:
    if value.enclosed is None:
        return value.instrument
    return to_document(value.enclosed, context=False)


def _authorization(value: Activity) -> Json:
    if value.authorization is None:
        return {}
    given = value.authorization
    return {f"{value.type.lower()}Authorization": given, "approvedBy": given}


def _collection(value: Collection) -> Json:
    items = [
        item if isinstance(item, str) else to_document(item, context=False) for item in value.items
    ]
    ordered = value.type.startswith("Ordered")
    # An empty list beside a number of items would say that there are none.
    elsewhere = value.first is not None or bool(value.total_items)
    return {
        "id": value.id,
        "type": value.type,
        "attributedTo": _one_or_list(value.attributed_to),
        "totalItems": value.total_items,
        "first": (
            to_document(value.first, context=False)
            if isinstance(value.first, Collection)
            else value.first
        ),
        "last": value.last,
        "partOf": value.part_of,
        "prev": value.prev,
        "next": value.next,
        "orderedItems" if ordered else "items": None if elsewhere and not items else items,
    }


def _tombstone(value: Tombstone) -> Json:
    return {
        "id": value.id,
        "type": "Tombstone",
        "formerType": value.former_type,
        "deleted": _time(value.deleted),
    }


def _tags(
    mentions: Iterable[Mention], hashtags: Iterable[Hashtag], emojis: Iterable[Emoji]
) -> list[Json]:
    return [
        *(_given(type="Mention", href=one.href, name=one.name) for one in mentions),
        *(_given(type="Hashtag", href=one.href, name=f"#{one.name}") for one in hashtags),
        *(_emoji(one) for one in emojis),
    ]


def _emoji(emoji: Emoji) -> Json:
    return _given(
        id=emoji.id,
        type="Emoji",
        name=f":{emoji.shortcode}:",
        updated=_time(emoji.updated),
        icon=_image(emoji.url, emoji.media_type),
    )


def _link(link: Link) -> Json:
    return _given(
        type="Link",
        href=link.href,
        mediaType=link.media_type,
        name=link.name,
        rel=list(link.rel) or None,
        width=link.width,
        height=link.height,
    )


def _attachment(value: Attachment) -> Json:
    return _given(
        type=value.type,
        mediaType=value.media_type,
        **{"href" if value.type == "Link" else "url": value.url},
        name=value.description,
        width=value.width,
        height=value.height,
        blurhash=value.blurhash,
        focalPoint=list(value.focal_point) if value.focal_point else None,
        duration=_duration(value.duration_s),
        icon=_image(value.preview_url, None),
    )


def _image(url: str | None, media_type: str | None, description: str | None = None) -> Json | None:
    if not url:
        return None
    return _given(type="Image", mediaType=media_type, url=url, summary=description or None)


def _given(**properties: Any) -> Json:
    return {key: value for key, value in properties.items() if value is not None}


def _one_or_list(values: Iterable[str | Mapping[str, Any]]) -> Any:
    """Return nothing for none, one as itself, several as a list: the shapes all peers take."""
    members = list(values)
    return members if len(members) > 1 else next(iter(members), None)


def _time(value: datetime | None) -> str | None:
    if value is None:
        return None
    moment = value.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    return f"{moment.isoformat()}Z"


def _duration(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return f"PT{seconds:.3f}".rstrip("0").rstrip(".") + "S"
