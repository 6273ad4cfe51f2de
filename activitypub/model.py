"""The vocabulary as values: what a parsed document says, in one shape whoever wrote it.

Ids are absolute http(s) URLs, times are aware and in UTC, lists are tuples, and properties that
no field stands for are kept in `unknown`. Sources: Activity Vocabulary, ActivityPub, and the
extensions that peers use (Mastodon's toot:, schema.org, FEP-044f, FEP-2c59, FEP-521a, FEP-5feb,
FEP-7888).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

Reference: TypeAlias = str
"""The id of an actor, object, activity or collection: an absolute http(s) URL."""

Unknown: TypeAlias = Mapping[str, Any]
LanguageMap: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Link:
    """One representation of an object elsewhere (Activity Vocabulary: Link)."""

    href: str
    media_type: str | None = None
    name: str | None = None
    rel: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """Somebody named in the text; `href` is the actor's id."""

    href: Reference
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A hashtag; `name` is without the leading `#`."""

    name: str
    href: str | None = None


@dataclass(frozen=True, slots=True)
class Emoji:
    """A custom emoji; `shortcode` is without the colons."""

    shortcode: str
    url: str
    id: str | None = None
    media_type: str | None = None
    updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class PropertyValue:
    """A row of the table on a profile (schema:PropertyValue); `value` is HTML."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A medium or page attached to an object; `description` is its text alternative."""

    type: str
    url: str
    media_type: str | None = None
    description: str | None = None
    width: int | None = None
    height: int | None = None
    blurhash: str | None = None
    focal_point: tuple[float, float] | None = None
    duration_s: float | None = None
    preview_url: str | None = None


@dataclass(frozen=True, slots=True)
class PollOption:
    """A choice of a poll and how many chose it, as far as the author's server tells."""

    name: str
    votes: int = 0


@dataclass(frozen=True, slots=True)
class Poll:
    """The question part of a Question; `closed` is a time, or True if no time is known."""

    options: tuple[PollOption, ...]
    multiple: bool = False
    end_time: datetime | None = None
    closed: datetime | bool = False
    voters_count: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What the author typed, before it became HTML (ActivityPub §3.3)."""

    content: str
    media_type: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is or happens (Activity Vocabulary: location); `address` is one line."""

    name: str | None = None
    address: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Permission:
    """Who may do one kind of thing with an object: ids of actors, of the author's `followers` or
    `following`, or Public. Who is in neither may not do it."""

    automatic: tuple[Reference, ...] = ()
    manual: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class InteractionPolicy:
    """What its author allows others to do with an object (GoToSocial: interactionPolicy).

    None: the author does not say.
    """

    can_quote: Permission | None = None
    can_reply: Permission | None = None
    can_like: Permission | None = None
    can_announce: Permission | None = None
    can_feature: Permission | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorization:
    """The consent of `attributed_to` to an interaction with what is theirs: a
    QuoteAuthorization (FEP-044f), or a ReplyAuthorization and its like (GoToSocial)."""

    id: Reference
    type: str
    attributed_to: Reference
    interacting_object: Reference
    interaction_target: Reference


@dataclass(frozen=True, slots=True)
class ActorKey:
    """A public key in an actor document: PEM (`publicKey`) or Multikey (FEP-521a), not both.

    From `expires` on nothing is signed with it any more.
    """

    id: str
    owner: Reference
    public_key_pem: str | None = None
    multikey: str | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A Note, Article, Page, Question, Image, Video, Audio, Document, Event or other object.

    `bto` and `bcc` are never kept. `language` is what the content is written in, as far as the
    document says; the end of a poll is in `poll`, not in `end_time`. `legacy_quote`: the quote is
    said in an older way than FEP-044f only, which knows no consent; `quote_deleted`: it quoted
    something that is deleted. `authorization`: the consent to the object as a reply.
    """

    id: Reference
    type: str
    attributed_to: tuple[Reference, ...] = ()
    name: str | None = None
    name_map: LanguageMap = field(default_factory=dict, hash=False)
    summary: str | None = None
    summary_map: LanguageMap = field(default_factory=dict, hash=False)
    content: str | None = None
    content_map: LanguageMap = field(default_factory=dict, hash=False)
    source: Source | None = None
    media_type: str | None = None
    language: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    duration_s: float | None = None
    location: Place | None = None
    to: tuple[Reference, ...] = ()
    cc: tuple[Reference, ...] = ()
    audience: tuple[Reference, ...] = ()
    in_reply_to: Reference | None = None
    context: str | None = None
    conversation: str | None = None
    url: str | None = None
    urls: tuple[Link, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    image: Attachment | None = None
    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    emojis: tuple[Emoji, ...] = ()
    collections: tuple[Reference, ...] = ()
    sensitive: bool = False
    poll: Poll | None = None
    quote: Reference | None = None
    legacy_quote: bool = False
    quote_deleted: bool = False
    quote_authorization: Reference | None = None
    authorization: Reference | None = None
    interaction_policy: InteractionPolicy | None = None
    replies: Reference | None = None
    likes: Reference | None = None
    shares: Reference | None = None
    unknown: Unknown = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A Person, Service, Group, Organization or Application.

    `statements` are those that bear a proof of their own (FEP-c390), as they came.

    `inbox` is None in the stub that some servers give in place of a key (GoToSocial): whoever
    wants to store an actor asks for it.
    """

    id: Reference
    type: str
    preferred_username: str | None = None
    name: str | None = None
    summary: str | None = None
    url: str | None = None
    inbox: str | None = None
    outbox: str | None = None
    followers: Reference | None = None
    following: Reference | None = None
    featured: Reference | None = None
    featured_tags: Reference | None = None
    shared_inbox: str | None = None
    keys: tuple[ActorKey, ...] = ()
    icon_url: str | None = None
    icon_media_type: str | None = None
    image_url: str | None = None
    image_media_type: str | None = None
    icon_description: str | None = None
    image_description: str | None = None
    manually_approves_followers: bool = False
    discoverable: bool = False
    indexable: bool = False
    memorial: bool = False
    suspended: bool = False
    also_known_as: tuple[Reference, ...] = ()
    moved_to: Reference | None = None
    published: datetime | None = None
    updated: datetime | None = None
    fields: tuple[PropertyValue, ...] = ()
    emojis: tuple[Emoji, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    webfinger: str | None = None
    show_featured: bool | None = None
    show_media: bool | None = None
    show_replies_in_media: bool | None = None
    attribution_domains: tuple[str, ...] = ()
    interaction_policy: InteractionPolicy | None = None
    featured_collections: Reference | None = None
    statements: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    unknown: Unknown = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What is left of a deleted object (ActivityPub §6.4)."""

    id: Reference
    former_type: str | None = None
    deleted: datetime | None = None
    unknown: Unknown = field(default_factory=dict, hash=False)

    @property
    def type(self) -> str:
        """The type, which every document has and only here is always the same."""
        return "Tombstone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A Collection or OrderedCollection, or a page of one.

    `id` is None when it is embedded without one; `first` may be an embedded page.
    """

    type: str
    id: Reference | None = None
    total_items: int | None = None
    items: "tuple[Reference | Document, ...]" = ()
    first: "Reference | Collection | None" = None
    last: Reference | None = None
    next: Reference | None = None
    prev: Reference | None = None
    part_of: Reference | None = None
    attributed_to: tuple[Reference, ...] = ()
    unknown: Unknown = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Something an actor did.

    `id` is None when the document has none: callers decide. `other_objects` are the ids behind
    the first one where an activity has several (Flag). `raw` is the document it was parsed
    from, with every claim in it unchecked; it takes no part in comparisons. `enclosed` is the
    instrument itself where it is embedded, as in requests for consent. `authorization`: the
    consent to a Like or an Announce.
    """

    type: str
    id: Reference | None = None
    actor: Reference | None = None
    object: "Reference | Document | None" = None
    other_objects: tuple[Reference, ...] = ()
    target: Reference | None = None
    origin: Reference | None = None
    instrument: Reference | None = None
    enclosed: "Object | Activity | None" = None
    authorization: Reference | None = None
    result: Reference | None = None
    to: tuple[Reference, ...] = ()
    cc: tuple[Reference, ...] = ()
    audience: tuple[Reference, ...] = ()
    published: datetime | None = None
    content: str | None = None
    emojis: tuple[Emoji, ...] = ()
    unknown: Unknown = field(default_factory=dict, hash=False)
    raw: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def object_id(self) -> Reference | None:
        """The id of the (first) object, whether it is embedded or not."""
        value = self.object
        return value if value is None or isinstance(value, str) else value.id


Document: TypeAlias = Object | Actor | Tombstone | Collection | Activity
"""Anything that has a document of its own."""
