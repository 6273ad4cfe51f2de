"""Documents that say one thing to a JSON reader and another to a JSON-LD reader.

Peers that process JSON-LD and peers that read JSON must see the same activity; what would make
them differ is refused (the lesson of CVE-2026-46349 and CVE-2026-42462).
"""

from collections.abc import Mapping
from typing import Any

from activitypub.errors import Untrusted
from activitypub.json_bytes import dumps
from activitypub.parse.types import (
    ACTIVITY_TYPES,
    ACTOR_TYPES,
    COLLECTION_TYPES,
    OBJECT_TYPES,
    names,
)

_AS = "https://www.w3.org/ns/activitystreams#"
_SEC = "https://w3id.org/security#"
_LDP = "http://www.w3.org/ns/ldp#"
_EXTENSION_TYPES = names("""
    AnnounceRequest ChatMessage EmojiReact FeatureRequest LikeRequest Lock Playlist QuoteRequest
    ReplyRequest""")

_KEYWORDS = {"id": "@id", "type": "@type"}
_PREFIXES = {
    "as": _AS,
    "sec": _SEC,
    "security": _SEC,
    "ldp": _LDP,
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
_AS_TERMS = (
    names("""
    Hashtag Link Mention Public Tombstone actor alsoKnownAs attachment attributedTo audience
    bcc bto cc content deleted endpoints first followers following formerType href icon image
    inReplyTo instrument items last movedTo name next object oneOf anyOf origin outbox partOf
    preferredUsername prev published replies result sharedInbox source streams summary tag
    target to totalItems updated url""").union(
        ACTIVITY_TYPES, ACTOR_TYPES, COLLECTION_TYPES, OBJECT_TYPES
    )
    - _EXTENSION_TYPES
)
_SEC_TERMS = names("""
    assertionMethod controller owner proof proofPurpose proofValue publicKey publicKeyPem
    publicKeyMultibase signature signatureValue verificationMethod Multikey""")
# Where one word is several things by the standards themselves, each of them will do.
_OTHER_MEANINGS = {
    "assertionMethod": {f"{_SEC}assertionMethod", f"{_SEC}assertion"},
    "inbox": {f"{_LDP}inbox"},
    "items": {f"{_AS}items", f"{_AS}orderedItems"},
}
_STRUCTURE = frozenset({"@graph", "@id", "@included", "@nest", "@reverse", "@type"})
_PLAIN_CONTAINERS = frozenset({"@language", "@list", "@set"})
_MAX_DEPTH = 64


def refuse_confusing(document: Mapping[str, Any]) -> None:
    """Raise Untrusted if a JSON-LD reader could see another document than a JSON reader.

    Refused are the keywords that rearrange a graph (`@graph`, `@included`, `@reverse`,
    `@nest`), `@id` and `@type` beside plain properties, and inline contexts that clear or
    import contexts, alias keywords, move well-known prefixes, or give an ActivityStreams or
    security term another meaning. Compact unusual documents first (`jsonld.normalise`).
    """
    _refuse_in(document, _MAX_DEPTH)


def _refuse_in(value: Any, levels: int) -> None:
    if levels == 0:
        raise Untrusted("document is nested too deeply")
    if isinstance(value, list):
        for member in value:
            if member.__class__ is dict or member.__class__ is list:
                _refuse_in(member, levels - 1)
        return
    for key, member in value.items():
        if key in _STRUCTURE and not (key == "@type" and "@value" in value):
            raise Untrusted(f"document uses {key}")
        if key == "@context":
            _check_known_contexts(member)
        elif member.__class__ is dict or member.__class__ is list:
            _refuse_in(member, levels - 1)


# The same few contexts come with nearly every document: what was found harmless stays so.
_harmless: set[bytes] = set()
_MAX_HARMLESS = 1_000


def _check_known_contexts(contexts: Any) -> None:
    if isinstance(contexts, str):
        return
    written = dumps({"@context": contexts})
    if written in _harmless:
        return
    _check_contexts(contexts)
    if len(_harmless) >= _MAX_HARMLESS:
        _harmless.clear()
    _harmless.add(written)


def _check_contexts(contexts: Any) -> None:
    if isinstance(contexts, list):
        for context in contexts:
            if context is None or isinstance(context, list):
                raise Untrusted("context is cleared or nested")
            _check_context(context)
    else:
        _check_context(contexts)


def _check_context(context: Any) -> None:
    if context is None or isinstance(context, str):
        return
    if not isinstance(context, dict):
        raise Untrusted("context is malformed")
    if "@import" in context or "@base" in context or "@propagate" in context:
        raise Untrusted("context imports or rebases")
    for term, definition in context.items():
        if not term.startswith("@"):
            _check_term(term, definition, context)


def _check_term(term: str, definition: Any, context: Mapping[str, Any]) -> None:
    target = definition
    if isinstance(definition, dict):
        if "@reverse" in definition or "@context" in definition or "@nest" in definition:
            raise Untrusted(f"context rearranges {term[:100]}")
        target = definition.get("@id", term if ":" in term else None)
    meanings = _meanings(term)
    if isinstance(target, str) and target.startswith("@") and target != _KEYWORDS.get(term):
        raise Untrusted(f"context makes {term[:100]} an alias of a keyword")
    if meanings and not (_means(target, meanings, context) and _is_plain(definition)):
        raise Untrusted(f"context redefines {term[:100]}")


def _meanings(term: str) -> frozenset[str] | set[str]:
    """Return what a term may stand for; nothing for terms that are not ours to guard."""
    if term in _OTHER_MEANINGS:
        return _OTHER_MEANINGS[term]
    if term in _AS_TERMS:
        return {_AS + term}
    if term in _SEC_TERMS:
        return {_SEC + term}
    fixed = _KEYWORDS.get(term) or _PREFIXES.get(term)
    return {fixed} if fixed else set()


def _is_plain(definition: Any) -> bool:
    """Tell whether a term's values are written as plain JSON values, objects or lists."""
    container = definition.get("@container") if isinstance(definition, dict) else None
    kinds = container if isinstance(container, list) else [container]
    return all(
        kind is None or (isinstance(kind, str) and kind in _PLAIN_CONTAINERS) for kind in kinds
    )


def _means(target: Any, meanings: frozenset[str] | set[str], context: Mapping[str, Any]) -> bool:
    if not isinstance(target, str):
        return False
    prefix, colon, rest = target.partition(":")
    if colon and not rest.startswith("//"):
        space = context.get(prefix, _PREFIXES.get(prefix))
        target = f"{space}{rest}" if isinstance(space, str) else target
    return target in meanings
