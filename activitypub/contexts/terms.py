"""The `@context` values that we write: what Mastodon writes, and a term for each addition."""

from typing import Any, TypeAlias

ACTIVITYSTREAMS = "https://www.w3.org/ns/activitystreams"
SECURITY_V1 = "https://w3id.org/security/v1"
DATA_INTEGRITY = "https://w3id.org/security/data-integrity/v1"

Context: TypeAlias = list[str | dict[str, Any]]

_TAG_TERMS: dict[str, Any] = {
    "toot": "http://joinmastodon.org/ns#",
    "Hashtag": "as:Hashtag",
    "Emoji": "toot:Emoji",
}
_OBJECT_TERMS: dict[str, Any] = {
    **_TAG_TERMS,
    "ostatus": "http://ostatus.org#",
    "conversation": "ostatus:conversation",
    "sensitive": "as:sensitive",
    "votersCount": "toot:votersCount",
    "blurhash": "toot:blurhash",
    "focalPoint": {"@id": "toot:focalPoint", "@container": "@list"},
}
# FEP-044f, and the two older spellings that peers still read.
_QUOTE_TERMS: dict[str, Any] = {
    "fedibird": "http://fedibird.com/ns#",
    "misskey": "https://misskey-hub.net/ns#",
    "quote": {"@id": "https://w3id.org/fep/044f#quote", "@type": "@id"},
    "quoteUri": "fedibird:quoteUri",
    "_misskey_quote": "misskey:_misskey_quote",
    "quoteAuthorization": {"@id": "https://w3id.org/fep/044f#quoteAuthorization", "@type": "@id"},
}


def _gotosocial_ids(*terms: str) -> dict[str, Any]:
    return {term: {"@id": f"gts:{term}", "@type": "@id"} for term in terms}


_POLICY_TERMS: dict[str, Any] = {
    "gts": "https://gotosocial.org/ns#",
    **_gotosocial_ids(
        "interactionPolicy",
        "canQuote",
        "canReply",
        "canLike",
        "canAnnounce",
        "automaticApproval",
        "manualApproval",
        "always",
        "approvalRequired",
        "replyAuthorization",
        "approvedBy",
    ),
}
_AUTHORIZATION_TERMS: dict[str, Any] = {
    "gts": "https://gotosocial.org/ns#",
    "QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization",
    "LikeAuthorization": "gts:LikeAuthorization",
    "ReplyAuthorization": "gts:ReplyAuthorization",
    "AnnounceAuthorization": "gts:AnnounceAuthorization",
    **_gotosocial_ids("interactingObject", "interactionTarget"),
}
_REQUEST_TERMS: dict[str, Any] = {
    "gts": "https://gotosocial.org/ns#",
    "QuoteRequest": "https://w3id.org/fep/044f#QuoteRequest",
    "LikeRequest": "gts:LikeRequest",
    "ReplyRequest": "gts:ReplyRequest",
    "AnnounceRequest": "gts:AnnounceRequest",
    **_gotosocial_ids("likeAuthorization", "announceAuthorization"),
}
# FEP-7aa9
_CAN_FEATURE: dict[str, Any] = {
    "canFeature": {"@id": "https://w3id.org/fep/7aa9#canFeature", "@type": "@id"},
}
_COLLECTION_TERM = {"FeaturedCollection": "https://w3id.org/fep/7aa9#FeaturedCollection"}
_FEATURED_TERMS: dict[str, Any] = {
    "toot": "http://joinmastodon.org/ns#",
    "gts": "https://gotosocial.org/ns#",
    "Hashtag": "as:Hashtag",
    "sensitive": "as:sensitive",
    "discoverable": "toot:discoverable",
    **{
        name: f"https://w3id.org/fep/7aa9#{name}"
        for name in ("FeaturedCollection", "FeaturedItem", "FeatureRequest", "FeatureAuthorization")
    },
    **{
        name: {"@id": f"https://w3id.org/fep/7aa9#{name}", "@type": "@id"}
        for name in ("topic", "featuredObject", "featureAuthorization")
    },
    **_gotosocial_ids("interactingObject", "interactionTarget"),
}
_ACTOR_TERMS: dict[str, Any] = {
    **_TAG_TERMS,
    "schema": "http://schema.org#",
    "PropertyValue": "schema:PropertyValue",
    "value": "schema:value",
    "manuallyApprovesFollowers": "as:manuallyApprovesFollowers",
    "alsoKnownAs": {"@id": "as:alsoKnownAs", "@type": "@id"},
    "movedTo": {"@id": "as:movedTo", "@type": "@id"},
    "featured": {"@id": "toot:featured", "@type": "@id"},
    "featuredTags": {"@id": "toot:featuredTags", "@type": "@id"},
    "discoverable": "toot:discoverable",
    "indexable": "toot:indexable",
    "memorial": "toot:memorial",
    "suspended": "toot:suspended",
    "attributionDomains": {"@id": "toot:attributionDomains", "@container": "@set"},
    "showFeatured": "toot:showFeatured",
    "showMedia": "toot:showMedia",
    "showRepliesInMedia": "toot:showRepliesInMedia",
    "gts": "https://gotosocial.org/ns#",
    **_gotosocial_ids("interactionPolicy", "automaticApproval", "manualApproval", "always"),
    **_CAN_FEATURE,
    # FEP-844e
    "implements": {"@id": "https://w3id.org/fep/844e#implements", "@container": "@list"},
    # FEP-2c59
    "webfinger": "https://purl.archive.org/socialweb/webfinger#webfinger",
}
# FEP-521a; `sec` is a prefix of security/v1.
_MULTIKEY_TERMS: dict[str, Any] = {
    "assertionMethod": {"@id": "sec:assertionMethod", "@type": "@id", "@container": "@set"},
    "Multikey": "sec:Multikey",
    "controller": {"@id": "sec:controller", "@type": "@id"},
    "publicKeyMultibase": {"@id": "sec:publicKeyMultibase", "@type": "sec:multibase"},
}
_REACTION_TERMS: dict[str, Any] = {
    **_TAG_TERMS,
    "litepub": "http://litepub.social/ns#",
    "EmojiReact": "litepub:EmojiReact",
    "misskey": "https://misskey-hub.net/ns#",
    "_misskey_reaction": "misskey:_misskey_reaction",
}

EVERYTHING: Context = [
    ACTIVITYSTREAMS,
    SECURITY_V1,
    {
        **_OBJECT_TERMS,
        **_QUOTE_TERMS,
        **_POLICY_TERMS,
        **_AUTHORIZATION_TERMS,
        **_REQUEST_TERMS,
        **_ACTOR_TERMS,
        **_MULTIKEY_TERMS,
        **_REACTION_TERMS,
        **_FEATURED_TERMS,
    },
]
"""Every term that we read: what documents in other forms are compacted to."""


AUTHORIZATION_CONTEXT: Context = [ACTIVITYSTREAMS, _AUTHORIZATION_TERMS]
FEATURED_CONTEXT: Context = [ACTIVITYSTREAMS, _FEATURED_TERMS]


def object_context(*, quotes: bool, policies: bool = False, collections: bool = False) -> Context:
    """Return the context of an object; the terms for quotes and for interaction policies only
    where they are used."""
    terms = {
        **_OBJECT_TERMS,
        **(_QUOTE_TERMS if quotes else {}),
        **(_POLICY_TERMS if policies else {}),
        **(_COLLECTION_TERM if collections else {}),
    }
    return [ACTIVITYSTREAMS, terms]


def request_context() -> Context:
    """Return the context of a request for consent, whose instrument may be an object."""
    return [
        ACTIVITYSTREAMS,
        {**_OBJECT_TERMS, **_QUOTE_TERMS, **_POLICY_TERMS, **_REQUEST_TERMS},
    ]


def actor_context(*, multikeys: bool) -> Context:
    """Return the context of an actor; the terms of FEP-521a only where they are used."""
    terms = {**_ACTOR_TERMS, **_MULTIKEY_TERMS} if multikeys else {**_ACTOR_TERMS}
    return [ACTIVITYSTREAMS, SECURITY_V1, terms]


def activity_context(*, reacts: bool) -> str | Context:
    """Return the context of an activity with no document embedded in it."""
    return [ACTIVITYSTREAMS, {**_REACTION_TERMS}] if reacts else ACTIVITYSTREAMS
