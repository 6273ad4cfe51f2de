"""Samples and hypothesis strategies of the vocabulary, shared by the tests of this folder."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from activitypub import json_bytes
from activitypub.addressing import PUBLIC
from activitypub.model import (
    Activity,
    Actor,
    ActorKey,
    Attachment,
    Collection,
    Emoji,
    Hashtag,
    Link,
    Mention,
    Object,
    Poll,
    PollOption,
    PropertyValue,
    Source,
    Tombstone,
)

SAMPLES = Path(__file__).parent / "samples"
SAMPLE_NAMES = sorted(path.stem for path in SAMPLES.glob("*.json"))


def sample(name: str) -> dict[str, Any]:
    """Return a sample document."""
    return json_bytes.loads((SAMPLES / f"{name}.json").read_bytes())


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def tuples_of(
    strategy: st.SearchStrategy[Any], *, unique: bool = False
) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=3, unique=unique).map(tuple)


characters = st.characters(codec="utf-8", exclude_characters="\0")
texts = st.text(characters, max_size=20)
tokens = st.text(characters, min_size=1, max_size=20)
ids = st.builds(
    "https://{}/{}".format,
    st.sampled_from(["a.example", "b.example:8443", "ü.example"]),
    st.from_regex(r"[a-zäß0-9/@?=#-]{0,8}", fullmatch=True),
)
many_ids = tuples_of(ids, unique=True)
recipients = tuples_of(st.just(PUBLIC) | ids, unique=True)
times = st.datetimes(
    min_value=datetime(1000, 1, 1), max_value=datetime(9998, 12, 31), timezones=st.just(UTC)
).map(lambda time: time.replace(microsecond=0))
sizes = st.integers(1, 10_000)
counts = st.integers(0, 2**53 - 1)
durations_s = st.integers(0, 10**9).map(lambda ms: ms / 1000)
units = st.floats(-1, 1)
language_tags = st.sampled_from(["en", "de-AT", "zh-Hant"])
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts | st.floats(-1e9, 1e9)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
unknowns = st.dictionaries(
    st.sampled_from(["chatMessage", "misskey:x", "_x", "vcard:bday"]), json_values
)

links = st.builds(
    Link,
    ids,
    media_type=optional(tokens),
    name=optional(texts),
    rel=tuples_of(tokens),
    width=optional(sizes),
    height=optional(sizes),
)
mentions = st.builds(Mention, ids, optional(texts))
hashtag_names = tokens.map(lambda name: name.strip("# \t").strip()).filter(
    lambda name: bool(name) and not name.startswith("#")
)
hashtags = st.builds(Hashtag, hashtag_names, optional(ids))
emojis = st.builds(
    Emoji,
    st.from_regex(r"[A-Za-z0-9_.+-]{1,10}", fullmatch=True),
    ids,
    id=optional(ids),
    media_type=optional(tokens),
    updated=optional(times),
)
attachments = st.builds(
    Attachment,
    st.sampled_from(["Document", "Image", "Video", "Audio", "Link"]),
    ids,
    media_type=optional(tokens),
    description=optional(tokens),
    width=optional(sizes),
    height=optional(sizes),
    blurhash=optional(tokens),
    focal_point=optional(st.tuples(units, units)),
    duration_s=optional(durations_s),
    preview_url=optional(ids),
)
polls = st.builds(
    Poll,
    st.lists(st.builds(PollOption, tokens, counts), min_size=1, max_size=3).map(tuple),
    multiple=st.booleans(),
    end_time=optional(times),
    closed=st.booleans() | times,
    voters_count=optional(counts),
)
pem_keys = st.builds(ActorKey, ids, ids, public_key_pem=tokens)
multikeys = st.builds(ActorKey, ids, ids, multikey=tokens)
keys = st.tuples(tuples_of(pem_keys), tuples_of(multikeys)).map(lambda both: both[0] + both[1])


@st.composite
def spoken(draw: st.DrawFn) -> dict[str, Any]:
    """Draw name and content in the form that parsing gives: a language comes from a map."""
    name, content = draw(optional(texts)), draw(optional(texts))
    language = draw(optional(language_tags))
    if language and content is not None:
        return _said(language, name, content, content_map={language: content})
    if language and name is not None:
        return _said(language, name, None, name_map={language: name})
    return _said(None, name, content)


def _said(language: str | None, name: Any, content: Any, **maps: Any) -> dict[str, Any]:
    return {"language": language, "name": name, "content": content, **maps}


@st.composite
def located(draw: st.DrawFn) -> dict[str, Any]:
    """Draw `url` and `urls` in the form that parsing gives."""
    if draw(st.booleans()):
        return {"url": draw(optional(ids))}
    page = Link(draw(ids), media_type="text/html")
    others = draw(tuples_of(links.filter(lambda link: link.media_type != "text/html")))
    return {"url": page.href, "urls": (*others, page)}


@st.composite
def objects(draw: st.DrawFn) -> Object:
    poll = draw(optional(polls))
    return Object(
        id=draw(ids),
        type="Question" if poll else draw(st.sampled_from(["Note", "Article", "Video", "Event"])),
        attributed_to=draw(many_ids),
        summary=draw(optional(texts)),
        source=draw(optional(st.builds(Source, texts, optional(tokens)))),
        media_type=draw(optional(tokens)),
        published=draw(optional(times)),
        updated=draw(optional(times)),
        start_time=draw(optional(times)),
        end_time=None if poll else draw(optional(times)),
        duration_s=draw(optional(durations_s)),
        to=draw(recipients),
        cc=draw(recipients),
        audience=draw(recipients),
        in_reply_to=draw(optional(ids)),
        context=draw(optional(tokens)),
        conversation=draw(optional(tokens)),
        attachments=draw(tuples_of(attachments)),
        image=draw(optional(attachments)),
        mentions=draw(tuples_of(mentions)),
        hashtags=draw(tuples_of(hashtags)),
        emojis=draw(tuples_of(emojis)),
        sensitive=draw(st.booleans()),
        poll=poll,
        quote=draw(optional(ids)),
        replies=draw(optional(ids)),
        likes=draw(optional(ids)),
        shares=draw(optional(ids)),
        unknown=draw(unknowns),
        **draw(spoken()),
        **draw(located()),
    )


actors = st.builds(
    Actor,
    id=ids,
    type=st.sampled_from(["Person", "Service", "Group", "Organization", "Application"]),
    preferred_username=optional(tokens),
    name=optional(texts),
    summary=optional(texts),
    url=optional(ids),
    inbox=ids,
    outbox=optional(ids),
    followers=optional(ids),
    following=optional(ids),
    featured=optional(ids),
    featured_tags=optional(ids),
    shared_inbox=optional(ids),
    keys=keys,
    icon_url=ids,
    icon_media_type=optional(tokens),
    image_url=ids,
    image_media_type=optional(tokens),
    manually_approves_followers=st.booleans(),
    discoverable=st.booleans(),
    indexable=st.booleans(),
    memorial=st.booleans(),
    suspended=st.booleans(),
    also_known_as=many_ids,
    moved_to=optional(ids),
    published=optional(times),
    updated=optional(times),
    fields=tuples_of(st.builds(PropertyValue, texts, texts)),
    emojis=tuples_of(emojis),
    hashtags=tuples_of(hashtags),
    webfinger=optional(tokens),
    unknown=unknowns,
)
tombstones = st.builds(
    Tombstone, id=ids, former_type=optional(tokens), deleted=optional(times), unknown=unknowns
)


def activities_of(embedded: st.SearchStrategy[Any]) -> st.SearchStrategy[Activity]:
    return st.builds(
        Activity,
        type=st.sampled_from(["Create", "Announce", "Undo", "Flag", "EmojiReact"]),
        id=optional(ids),
        actor=optional(ids),
        object=ids | embedded,
        other_objects=many_ids,
        target=optional(ids),
        origin=optional(ids),
        instrument=optional(ids),
        result=optional(ids),
        to=recipients,
        cc=recipients,
        audience=recipients,
        published=optional(times),
        content=optional(texts),
        emojis=tuples_of(emojis),
        unknown=unknowns,
    )


activities = activities_of(objects() | actors | tombstones | activities_of(objects()))


def collections_of(first: st.SearchStrategy[Any]) -> st.SearchStrategy[Collection]:
    return st.builds(
        Collection,
        type=st.sampled_from(["Collection", "OrderedCollection", "OrderedCollectionPage"]),
        id=optional(ids),
        total_items=optional(counts),
        items=tuples_of(ids | objects() | activities_of(objects())),
        first=first,
        last=optional(ids),
        next=optional(ids),
        prev=optional(ids),
        part_of=optional(ids),
        attributed_to=many_ids,
        unknown=unknowns,
    )


collections = collections_of(optional(ids | collections_of(st.none())))
