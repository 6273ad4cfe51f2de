"""What we read in the documents that the known servers write."""

from datetime import UTC, datetime
from typing import Any

import pytest

from activitypub import jsonld
from activitypub.addressing import PUBLIC, Visibility, visibility_of
from activitypub.confusion import refuse_confusing
from activitypub.errors import DocumentError
from activitypub.model import (
    Activity,
    ActorKey,
    Attachment,
    Collection,
    Emoji,
    Hashtag,
    Link,
    Mention,
    Object,
    Place,
    Poll,
    PollOption,
    PropertyValue,
    Source,
    Tombstone,
)
from activitypub.parse import (
    key_owner,
    parse_activity,
    parse_actor,
    parse_any,
    parse_collection,
    parse_envelope,
    parse_object,
)
from tests.activitypub.vocabulary import SAMPLE_NAMES, sample

ALICE = "https://mastodon.example/users/alice"
GUS = "https://gts.example/users/gus"


def embedded_object(name: str) -> Object:
    found = parse_activity(sample(name)).object
    assert isinstance(found, Object)
    return found


def check(value: Any, **expected: Any) -> None:
    assert {name: getattr(value, name) for name in expected} == expected


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_every_sample_is_read_and_confuses_nobody(name: str) -> None:
    document = jsonld.normalise(sample(name))
    refuse_confusing(document)
    assert parse_any(document).type


@pytest.mark.parametrize("name", [name for name in SAMPLE_NAMES if name != "expanded_follow"])
def test_peers_write_the_usual_form(name: str) -> None:
    assert jsonld.is_usual(sample(name))


def test_mastodon_person() -> None:
    actor = parse_actor(sample("mastodon_person"))
    check(
        actor,
        id=ALICE,
        type="Person",
        preferred_username="alice",
        name="Alice :blobcat:",
        url="https://mastodon.example/@alice",
        inbox=f"{ALICE}/inbox",
        outbox=f"{ALICE}/outbox",
        followers=f"{ALICE}/followers",
        following=f"{ALICE}/following",
        featured=f"{ALICE}/collections/featured",
        featured_tags=f"{ALICE}/collections/tags",
        shared_inbox="https://mastodon.example/inbox",
        icon_url="https://files.mastodon.example/avatars/a.jpg",
        icon_media_type="image/jpeg",
        image_url="https://files.mastodon.example/headers/a.png",
        manually_approves_followers=False,
        discoverable=True,
        indexable=True,
        memorial=False,
        suspended=False,
        also_known_as=("https://old.example/users/alice",),
        published=datetime(2022, 11, 5, tzinfo=UTC),
        attribution_domains=("blog.example",),
        unknown={},
    )
    assert [(key.id, key.owner) for key in actor.keys] == [(f"{ALICE}#main-key", ALICE)]
    assert (actor.keys[0].public_key_pem or "").startswith("-----BEGIN PUBLIC KEY-----")
    assert actor.fields[1] == PropertyValue("Pronouns", "she/her")
    assert [emoji.shortcode for emoji in actor.emojis] == ["blobcat"]


def test_mastodon_create_note() -> None:
    activity = parse_activity(sample("mastodon_create_note"))
    check(activity, type="Create", actor=ALICE, to=(PUBLIC,), published=_time(2023, 4, 5, 6, 7, 8))
    assert activity.id == f"{ALICE}/statuses/109/activity"
    assert set(activity.unknown) == {"signature"}
    note = embedded_object("mastodon_create_note")
    check(
        note,
        id=f"{ALICE}/statuses/109",
        type="Note",
        attributed_to=(ALICE,),
        summary="birds",
        language="en",
        sensitive=True,
        in_reply_to=f"{GUS}/statuses/01A",
        to=(PUBLIC,),
        cc=(f"{ALICE}/followers", GUS),
        url="https://mastodon.example/@alice/109",
        urls=(),
        conversation="tag:mastodon.example,2023-04-05:objectId=9:objectType=Conversation",
        mentions=(Mention(GUS, "@gus@gts.example"),),
        hashtags=(Hashtag("birds", "https://mastodon.example/tags/birds"),),
        replies=f"{ALICE}/statuses/109/replies",
        likes=f"{ALICE}/statuses/109/likes",
        shares=f"{ALICE}/statuses/109/shares",
    )
    assert note.emojis == (
        Emoji(
            "blobcat",
            "https://files.mastodon.example/emoji/12.png",
            id="https://mastodon.example/emojis/12",
            media_type="image/png",
            updated=_time(2022, 11, 5, 10),
        ),
    )
    assert note.attachments == (
        Attachment(
            "Document",
            "https://files.mastodon.example/m/1.jpg",
            "image/jpeg",
            "A heron",
            1280,
            720,
            blurhash="UBL_:rOpGG-oBUNG,qRj2so|=eE1w^n4S5NH",
            focal_point=(-0.5, 0.25),
        ),
    )
    assert set(note.unknown) == {"atomUri", "inReplyToAtomUri"}


def test_mastodon_question_and_vote() -> None:
    end = _time(2023, 4, 6, 6, 7, 8)
    question = parse_object(sample("mastodon_question"))
    assert question.poll == Poll(
        (PollOption("Yes", 5), PollOption("No", 2)), end_time=end, closed=end, voters_count=7
    )
    assert question.end_time is None
    assert visibility_of(question.to, question.cc, f"{ALICE}/followers") is Visibility.UNLISTED
    vote = embedded_object("mastodon_vote")
    check(vote, name="Yes", content=None, to=(GUS,), in_reply_to=f"{GUS}/statuses/01Q")


@pytest.mark.parametrize(
    ("name", "type_", "object_id"),
    [
        ("mastodon_announce", "Announce", f"{GUS}/statuses/01A"),
        ("mastodon_like", "Like", f"{GUS}/statuses/01A"),
        ("mastodon_follow", "Follow", GUS),
        ("mastodon_accept", "Accept", f"{GUS}/follow/01F"),
        ("mastodon_undo_follow", "Undo", "https://mastodon.example/1b2c3d"),
        ("mastodon_delete", "Delete", f"{ALICE}/statuses/109"),
        ("mastodon_delete_actor", "Delete", ALICE),
        ("mastodon_update_person", "Update", ALICE),
        ("mastodon_move", "Move", ALICE),
        ("mastodon_add_featured", "Add", f"{ALICE}/statuses/109"),
        ("peertube_announce", "Announce", "https://peertube.example/videos/watch/ab-cd"),
        ("snac_delete", "Delete", "https://snac.example/sam/p/1.2"),
    ],
)
def test_activities(name: str, type_: str, object_id: str) -> None:
    activity = parse_any(sample(name))
    assert isinstance(activity, Activity)
    check(activity, type=type_, object_id=object_id)
    assert activity.raw == sample(name)


def test_embedded_documents_of_mastodon() -> None:
    accepted = parse_activity(sample("mastodon_accept")).object
    assert isinstance(accepted, Activity)
    check(accepted, type="Follow", actor=GUS, object=ALICE)
    assert isinstance(parse_activity(sample("mastodon_delete")).object, Tombstone)
    assert parse_activity(sample("mastodon_update_person")).object == parse_actor(
        sample("mastodon_person")
    )


def test_mastodon_move_add_and_flag() -> None:
    assert parse_activity(sample("mastodon_move")).target == "https://new.example/users/alice"
    add = parse_activity(sample("mastodon_add_featured"))
    check(add, id=None, target=f"{ALICE}/collections/featured")
    flag = parse_activity(sample("mastodon_flag"))
    spam = "https://gts.example/users/spam"
    check(flag, object=spam, other_objects=(f"{spam}/statuses/1", f"{spam}/statuses/2"))
    assert flag.content == "spam"


def test_mastodon_collections() -> None:
    followers = parse_collection(sample("mastodon_followers"))
    check(followers, total_items=42, items=(), first=f"{ALICE}/followers?page=1")
    page = parse_collection(sample("mastodon_outbox_page"))
    check(page, type="OrderedCollectionPage", part_of=f"{ALICE}/outbox")
    create, announce = page.items
    assert isinstance(create, Activity)
    assert isinstance(create.object, Object)
    assert isinstance(announce, Activity)
    assert page.next == f"{ALICE}/outbox?max_id=1&page=true"


def test_quotes_in_all_spellings() -> None:
    quoting = parse_object(sample("mastodon_quote"))
    assert quoting.quote == f"{GUS}/statuses/01A"
    assert quoting.quote_authorization == f"{GUS}/quotes/1"
    assert not quoting.legacy_quote
    assert embedded_object("misskey_create_note").quote == f"{ALICE}/statuses/109"
    link = sample("misskey_create_note")["object"]
    for spelling in ("_misskey_quote", "quoteUrl"):
        del link[spelling]
    assert parse_object(link).quote == f"{ALICE}/statuses/109"


def test_gotosocial() -> None:
    actor = parse_actor(sample("gotosocial_person"))
    check(actor, published=_time(2024, 2, 3, 4, 5, 6, 789_000), manually_approves_followers=True)
    assert actor.keys[0].id == f"{GUS}/main-key"
    assert actor.fields == (PropertyValue("Home", "the pond"),)
    note = embedded_object("gotosocial_create_note")
    check(note, to=(PUBLIC,), cc=(f"{GUS}/followers",), published=_time(2024, 2, 3, 4, 5, 6))
    assert note.hashtags == (Hashtag("geese", "https://gts.example/tags/geese"),)
    assert note.unknown == {}
    assert note.interaction_policy is not None


def test_gotosocial_key_stub_names_its_owner() -> None:
    document = sample("gotosocial_key_stub")
    assert key_owner(document) == GUS
    stub = parse_actor(document)
    check(stub, id=GUS, inbox=None)
    assert stub.keys[0].owner == GUS


def test_misskey() -> None:
    actor = parse_actor(sample("misskey_person"))
    check(actor, name="ミコ", shared_inbox="https://misskey.example/inbox", image_url=None)
    assert actor.unknown["isCat"] is True
    note = embedded_object("misskey_create_note")
    check(note, source=Source("look", "text/x.misskeymarkdown"), sensitive=True, language=None)
    assert note.attachments[0].description is None
    reaction = parse_activity(sample("misskey_reaction"))
    check(reaction, type="Like", content=":ablobcat:")
    assert reaction.emojis[0].shortcode == "ablobcat"


def test_akkoma() -> None:
    actor = parse_actor(sample("akkoma_person"))
    check(actor, shared_inbox="https://akkoma.example/inbox", also_known_as=())
    note = embedded_object("akkoma_create_note")
    check(note, language="en", sensitive=False, context="https://akkoma.example/contexts/77")
    assert note.content_map == {"de": "leise :fox:", "en": "quiet :fox:"}
    assert note.emojis == (Emoji("fox", "https://akkoma.example/emoji/fox.png"),)
    assert note.attachments == (
        Attachment("Document", "https://akkoma.example/media/v.mp4", "video/mp4", "clip", 640, 360),
    )
    check(parse_activity(sample("akkoma_emoji_react")), type="EmojiReact", content="🦊")


def test_lemmy() -> None:
    group = parse_actor(sample("lemmy_group"))
    check(group, type="Group", preferred_username="gardening")
    page = parse_object(sample("lemmy_page"))
    check(
        page,
        name="Compost?",
        audience=("https://lemmy.example/c/gardening",),
        attachments=(Attachment("Link", "https://news.example/compost"),),
        image=Attachment("Image", "https://lemmy.example/pictrs/image/c.webp"),
        media_type="text/html",
    )
    wrapped = parse_activity(sample("lemmy_announce_create")).object
    assert isinstance(wrapped, Activity)
    check(wrapped, type="Create", actor="https://lemmy.example/u/lena", object=page)
    liked = parse_activity(sample("lemmy_announce_like"))
    assert liked.to == (PUBLIC,)
    assert isinstance(liked.object, Activity)
    check(liked.object, type="Like", actor="https://other.example/u/otto")


def test_peertube() -> None:
    video = parse_object(sample("peertube_video"))
    check(
        video,
        attributed_to=(
            "https://peertube.example/accounts/petra",
            "https://peertube.example/video-channels/boats",
        ),
        url="https://peertube.example/w/abcd",
        duration_s=754.0,
        media_type="text/markdown",
        hashtags=(Hashtag("origami"),),
    )
    assert video.image is not None
    check(video.image, url="https://peertube.example/lazy-static/thumbnails/1.jpg", width=280)
    assert [link.media_type for link in video.urls] == [
        "text/html",
        "application/x-mpegURL",
        "video/mp4",
        "video/mp4",
    ]
    assert video.urls[2].href == "https://peertube.example/static/hls/720.mp4"
    assert video.urls[3] == Link(
        "https://peertube.example/static/web-videos/720.mp4", "video/mp4", width=1280, height=720
    )


def test_pixelfed() -> None:
    note = embedded_object("pixelfed_create_note")
    check(note, published=_time(2024, 5, 6, 7, 8, 9), conversation=None)
    assert [one.description for one in note.attachments] == ["Sea at dusk", None]
    assert note.location is not None
    assert note.location.name == "Cadiz"


def test_takahe() -> None:
    note = embedded_object("takahe_create_note")
    tara = "https://takahe.example/@tara@takahe.example/"
    check(note, to=(PUBLIC,), cc=(f"{tara}followers/",), attributed_to=(tara,))
    assert note.mentions == (Mention(ALICE, "@alice@mastodon.example"),)
    direct = embedded_object("takahe_direct")
    check(direct, to=(), cc=(ALICE,))
    assert visibility_of(direct.to, direct.cc, f"{tara}followers/") is Visibility.DIRECT


def test_hollo() -> None:
    hana = "https://hollo.example/@hana"
    actor = parse_actor(sample("hollo_person"))
    assert actor.keys[1:] == (
        ActorKey(f"{hana}#main-key", hana, multikey="z4MXj1wBzi9jUstyQ"),
        ActorKey(
            f"{hana}#ed25519-key", hana, multikey="z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
        ),
    )
    accept = parse_activity(sample("hollo_accept"))
    assert isinstance(accept.object, Activity)
    check(accept.object, type="Follow", actor=ALICE, object=hana)
    assert set(accept.unknown) == {"proof"}


def test_snac_note_has_the_language_of_its_own_context() -> None:
    note = embedded_object("snac_create_note")
    check(note, language="es", content_map={"es": "<p>hola</p>"})
    assert note.context == "https://snac.example/sam/p/1.2#ctxt"


def test_wordpress_article() -> None:
    article = parse_object(sample("wordpress_article"))
    check(article, name="Über Gärten", language="de", name_map={"de": "Über Gärten"})
    check(article, url="https://wordpress.example/über-gärten/")


def test_mobilizon_event() -> None:
    event = parse_object(sample("mobilizon_event"))
    check(event, start_time=_time(2026, 4, 1, 8), end_time=_time(2026, 4, 1, 10))
    assert event.location == Place("Hall")


def test_an_expanded_follow_is_compacted_first() -> None:
    document = sample("expanded_follow")
    assert not jsonld.is_usual(document)
    follow = parse_activity(jsonld.normalise(document))
    check(follow, id="https://odd.example/f/1", type="Follow")
    check(follow, actor="https://odd.example/u", object=ALICE)


def test_collections_with_an_embedded_first_page() -> None:
    replies = parse_collection(sample("gotosocial_create_note")["object"]["replies"])
    assert isinstance(replies.first, Collection)
    assert replies.first.part_of == replies.id


def _time(
    year: int, month: int, day: int, hour: int, minute: int = 0, second: int = 0, micros: int = 0
) -> datetime:
    return datetime(year, month, day, hour, minute, second, micros, tzinfo=UTC)


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_an_envelope_says_of_its_owner_what_the_whole_says(name: str) -> None:
    document = jsonld.normalise(sample(name))
    try:
        whole = parse_activity(document)
    except DocumentError:
        return
    envelope = parse_envelope(document)
    assert (envelope.id, envelope.type, envelope.actor) == (whole.id, whole.type, whole.actor)
    assert envelope.object_id == whole.object_id
    assert type(envelope.object) is type(whole.object)
