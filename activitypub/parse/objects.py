"""Objects: what people write and publish, and the tombstones of it."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from activitypub.errors import DocumentError
from activitypub.model import LanguageMap, Object, Poll, PollOption, Source, Tombstone
from activitypub.parse import scalars
from activitypub.parse.interaction import parse_policy
from activitypub.parse.limits import (
    MAX_AUTHORS,
    MAX_CONTENT_CHARS,
    MAX_CONTEXTS,
    MAX_NAME_CHARS,
    MAX_POLL_OPTIONS,
    MAX_SUMMARY_CHARS,
)
from activitypub.parse.media import parse_attachments, parse_image, parse_urls
from activitypub.parse.places import parse_location
from activitypub.parse.tags import parse_tags
from activitypub.parse.types import MAX_TYPE_CHARS, Family, expect_type, names

_KNOWN_OBJECT = names("""
    @context id type attributedTo name nameMap summary summaryMap content contentMap source
    mediaType published updated startTime endTime duration location to cc bto bcc audience inReplyTo
    context conversation url attachment image icon tag sensitive oneOf anyOf closed votersCount
    quote quoteUrl quoteUri _misskey_quote quoteAuthorization replyAuthorization approvedBy
    interactionPolicy replies likes shares""")
_KNOWN_TOMBSTONE = names("@context id type formerType deleted bto bcc")
_OLDER_QUOTES = ("quoteUri", "quoteUrl", "_misskey_quote")


def parse_object(document: Mapping[str, Any], *, language: str | None = None) -> Object:
    """Read an object of any type; `language` is the default that surrounds it (`@language`).

    Raises DocumentError if it has no usable id or type, is an actor, activity, collection or
    tombstone, or its content is longer than any we store.
    """
    type_ = expect_type(document, Family.OBJECT)
    get = document.get
    texts = _texts(document, language)
    summary_map = scalars.language_map(get("summaryMap"), MAX_SUMMARY_CHARS)
    url, urls = parse_urls(get("url"))
    tags = parse_tags(get("tag"))
    poll = parse_poll(document)
    quote = scalars.reference(get("quote"))
    return Object(
        id=required_id(document),
        type=type_,
        attributed_to=scalars.references(get("attributedTo"), MAX_AUTHORS),
        name=texts.name,
        name_map=texts.name_map,
        summary=_with_map(scalars.text(get("summary"), MAX_SUMMARY_CHARS), summary_map),
        summary_map=summary_map,
        content=texts.content,
        content_map=texts.content_map,
        source=_source(get("source")),
        media_type=scalars.token(get("mediaType")),
        language=texts.language,
        published=scalars.time(get("published")),
        updated=scalars.time(get("updated")),
        start_time=scalars.time(get("startTime")),
        end_time=None if poll else scalars.time(get("endTime")),
        duration_s=scalars.duration(get("duration")),
        location=parse_location(get("location")),
        to=scalars.recipients(get("to")),
        cc=scalars.recipients(get("cc")),
        audience=scalars.recipients(get("audience")),
        in_reply_to=scalars.reference(get("inReplyTo")),
        context=scalars.opaque_id(get("context")),
        conversation=scalars.opaque_id(get("conversation")),
        url=url,
        urls=urls,
        attachments=parse_attachments(get("attachment")),
        image=parse_image(get("image")) or parse_image(get("icon")),
        mentions=tags.mentions,
        hashtags=tags.hashtags,
        emojis=tags.emojis,
        collections=tags.collections,
        sensitive=scalars.flag(get("sensitive")),
        poll=poll,
        quote=quote or _older_quote(document) or tags.quote,
        legacy_quote=quote is None and bool(_older_quote(document) or tags.quote),
        quote_deleted=quote is None and _is_tombstone(get("quote")),
        quote_authorization=scalars.reference(get("quoteAuthorization")),
        authorization=scalars.reference(get("replyAuthorization") or get("approvedBy")),
        interaction_policy=parse_policy(get("interactionPolicy")),
        replies=scalars.reference(get("replies")),
        likes=scalars.reference(get("likes")),
        shares=scalars.reference(get("shares")),
        unknown=scalars.unknown(document, _KNOWN_OBJECT),
    )


def parse_tombstone(document: Mapping[str, Any]) -> Tombstone:
    """Read a Tombstone. Raises DocumentError if it is none or has no usable id."""
    if expect_type(document, Family.TOMBSTONE) != "Tombstone":
        raise DocumentError("document is no Tombstone")
    return Tombstone(
        id=required_id(document),
        former_type=scalars.token(document.get("formerType"), MAX_TYPE_CHARS),
        deleted=scalars.time(document.get("deleted")),
        unknown=scalars.unknown(document, _KNOWN_TOMBSTONE),
    )


def parse_poll(document: Mapping[str, Any]) -> Poll | None:
    """Read the choices of a Question: `oneOf`, or `anyOf` where several may be chosen."""
    multiple = bool(document.get("anyOf"))
    choices = document.get("anyOf") if multiple else document.get("oneOf")
    if not choices:
        return None
    found = [_poll_option(one) for one in scalars.objects(choices, MAX_POLL_OPTIONS)]
    options = tuple(option for option in found if option is not None)
    if not options:
        return None
    return Poll(
        options,
        multiple,
        end_time=scalars.time(document.get("endTime")),
        closed=scalars.time(document.get("closed")) or bool(document.get("closed")),
        voters_count=scalars.count(document.get("votersCount")),
    )


def _poll_option(choice: Mapping[str, Any]) -> PollOption | None:
    name = scalars.text(choice.get("name"), MAX_NAME_CHARS)
    replies = choice.get("replies")
    votes = scalars.count(replies.get("totalItems")) if isinstance(replies, dict) else None
    return PollOption(name, votes or 0) if name else None


def required_id(document: Mapping[str, Any]) -> str:
    """Return the id of a document that must have one. Raises DocumentError without it."""
    value = document.get("id")
    id_ = scalars.reference(value) if isinstance(value, str) else None
    if id_ is None:
        raise DocumentError("document has no usable id")
    return id_


def default_language(document: Mapping[str, Any], surrounding: str | None) -> str | None:
    """Return the `@language` of the document's own context, else the surrounding one."""
    contexts = document.get("@context")
    if contexts.__class__ is not list and contexts.__class__ is not dict:
        return surrounding
    for context in scalars.objects(contexts, MAX_CONTEXTS):
        if "@language" in context:
            surrounding = scalars.language_tag(context["@language"])
    return surrounding


class _Texts(NamedTuple):
    name: str | None
    name_map: LanguageMap
    content: str | None
    content_map: LanguageMap
    language: str | None


def _texts(document: Mapping[str, Any], surrounding: str | None) -> _Texts:
    """Read name and content with their language; a default language becomes a map's."""
    content_map = scalars.language_map(document.get("contentMap"), MAX_CONTENT_CHARS)
    name_map = scalars.language_map(document.get("nameMap"), MAX_NAME_CHARS)
    content = _with_map(scalars.content(document.get("content")), content_map)
    name = _with_map(scalars.text(document.get("name"), MAX_NAME_CHARS), name_map)
    if content_map or name_map:
        language = _language_of(content, content_map) or _language_of(name, name_map)
        return _Texts(name, name_map, content, content_map, language)
    language = default_language(document, surrounding)
    if language is not None and content is not None:
        return _Texts(name, {}, content, {language: content}, language)
    if language is not None and name is not None:
        return _Texts(name, {language: name}, None, {}, language)
    return _Texts(name, {}, content, {}, None)


def _with_map(value: str | None, translations: LanguageMap) -> str | None:
    """Return the text, or the first translation where a peer writes only the map."""
    if value is not None or not translations:
        return value
    return next(iter(translations.values()))


def _language_of(value: str | None, translations: LanguageMap) -> str | None:
    """Return the language of the text: the only one of its map, or the one that is its equal."""
    if len(translations) == 1:
        return scalars.language_tag(next(iter(translations)))
    for tag, translation in translations.items():
        if translation == value:
            return scalars.language_tag(tag)
    return None


def _source(value: Any) -> Source | None:
    if not isinstance(value, dict):
        return None
    typed = scalars.content(value.get("content"))
    return None if typed is None else Source(typed, scalars.token(value.get("mediaType")))


def _older_quote(document: Mapping[str, Any]) -> str | None:
    for spelling in _OLDER_QUOTES:
        if spelling in document and (found := scalars.reference(document[spelling])) is not None:
            return found
    return None


def _is_tombstone(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "Tombstone"
