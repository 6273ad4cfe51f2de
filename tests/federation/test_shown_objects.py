"""What people see of the posts of other products: documents of their shapes, fetched over HTTP and
read through the client API."""

from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from fedserver import effects
from fedserver.services.fetch import Budget
from storage.statuses import StatusRow
from tests.activitypub.vocabulary import sample
from tests.federation.conftest import Server
from tests.federation.fake_peer import FakePeer, Json, PeerActor, rsa_key


def moved_to(peer: FakePeer, document: Json) -> Json:
    """Give the document as the peer would write it: with its own address."""
    origin = "/".join(document["id"].split("/")[:3])
    moved: Json = orjson.loads(
        orjson.dumps(document).replace(origin.encode(), peer.base_url.encode())
    )
    return moved


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")


def serve_author(peer: FakePeer, document: Json) -> None:
    """Serve the actor that the document names, under that id."""
    authors = document["attributedTo"]
    first = authors[0] if isinstance(authors, list) else authors
    uri = first["id"] if isinstance(first, dict) else first
    name = "author"
    actor = PeerActor(peer.base_url, name, rsa_key(name)).document(id=uri)
    key = actor["publicKey"] | {"id": f"{uri}#main-key", "owner": uri}
    peer.serve(path_of(uri), actor | {"publicKey": key})


async def shown(server: Server, peer: FakePeer, name: str) -> Any:
    """Give the Status that the API shows of a sample."""
    document = sample(name)
    document = moved_to(peer, document.get("object", document))
    serve_author(peer, document)
    peer.serve(path_of(document["id"]), document)
    row = await effects.find_by_url(server.ctx, document["id"], Budget(10))
    assert isinstance(row, StatusRow)
    async with peer.session.get(f"{server.base_url}/api/v1/statuses/{row.id}") as answer:
        assert answer.status == 200
        return await answer.json()


def media_of(status: Any) -> list[tuple[str, str]]:
    return [
        (one["type"], path_of(one["remote_url"] or one["url"]))
        for one in status["media_attachments"]
    ]


async def test_peertube(server: Server, peer: FakePeer) -> None:
    status = await shown(server, peer, "peertube_film")
    assert "<strong>How herons fish</strong>" in status["content"]
    assert f"{peer.base_url}/videos/watch/0b04" in status["content"]
    (video,) = status["media_attachments"]
    assert media_of(status) == [("video", "/static/streaming-playlists/hls/0b04/720.mp4")]
    assert path_of(video["preview_remote_url"] or video["preview_url"]).startswith("/lazy-static/")
    assert video["description"] == "How herons fish"
    assert [tag["name"] for tag in status["tags"]] == ["herons"]


async def test_pixelfed(server: Server, peer: FakePeer) -> None:
    status = await shown(server, peer, "pixelfed_album")
    assert media_of(status) == [("image", "/storage/m/1.jpg"), ("image", "/storage/m/2.jpg")]
    assert [one["description"] for one in status["media_attachments"]] == ["A lake at dawn", None]


async def test_mobilizon(server: Server, peer: FakePeer) -> None:
    status = await shown(server, peer, "mobilizon_walk")
    content = status["content"]
    assert content.startswith("<p><strong>Bird walk</strong></p>")
    assert "2026-05-01 06:00 – 09:00 UTC" in content
    assert "City park, Gate 3, 10117, Berlin" in content
    assert "We meet at the gate." in content
    assert 'href="https://birds.example/walk"' in content
    assert f'href="{peer.base_url}/events/9a"' in content
    assert media_of(status) == [("image", "/media/b.png")]


async def test_writefreely(server: Server, peer: FakePeer) -> None:
    status = await shown(server, peer, "writefreely_article")
    assert "<strong>On herons</strong>" in status["content"]
    assert "<em>still</em>" in status["content"]
    assert status["url"] == f"{peer.base_url}/wren/on-herons"
    assert status["spoiler_text"] == ""


async def test_wordpress(server: Server, peer: FakePeer) -> None:
    status = await shown(server, peer, "wordpress_illustrated")
    assert "<strong>Nests in spring</strong>" in status["content"]
    assert media_of(status) == [("image", "/wp-content/uploads/nest.jpg")]
    covered = await shown(server, peer, "wordpress_article")
    assert media_of(covered) == [("image", "/i.jpg")], "the cover, where there is nothing else"


async def test_funkwhale(server: Server, peer: FakePeer) -> None:
    status = await shown(server, peer, "funkwhale_audio")
    assert "Heron Songs - Dusk" in status["content"]
    kinds = media_of(status)
    assert kinds[0] == ("audio", "/api/v1/listen/5/?download=false")
    assert kinds[1] == ("image", "/media/cover.jpg")
    assert f'href="{peer.base_url}/library/tracks/5"' in status["content"]


async def test_bookwyrm(server: Server, peer: FakePeer) -> None:
    status = await shown(server, peer, "bookwyrm_review")
    assert "(4 stars)" in status["content"]
    assert media_of(status) == [("image", "/images/covers/3.jpg")], "known by its ending"


async def test_friendica(server: Server, peer: FakePeer) -> None:
    status = await shown(server, peer, "friendica_note")
    assert "Seen today" in status["content"]
    assert status["spoiler_text"] == ""
    assert media_of(status) == [("image", "/photo/h.jpg")]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mitra_note", "Look"),
        ("hollo_note", "안녕"),
        ("discourse_note", "There is one on the roof."),
        ("bonfire_note", "At length"),
        ("nodebb_article", "<strong>Feeding herons</strong>"),
        ("lemmy_page", "<strong>"),
        ("akkoma_create_note", ""),
        ("gotosocial_create_note", ""),
        ("mastodon_create_note", ""),
        ("misskey_create_note", ""),
        ("takahe_create_note", ""),
        ("snac_create_note", ""),
    ],
)
async def test_other_products(server: Server, peer: FakePeer, name: str, text: str) -> None:
    status = await shown(server, peer, name)
    assert status["content"]
    assert text in status["content"]


async def test_a_discourse_topic_has_its_title(server: Server, peer: FakePeer) -> None:
    status = await shown(server, peer, "discourse_note")
    assert "Herons in town" in status["content"]


async def test_lemmys_link_is_in_the_text_and_its_picture_attached(
    server: Server, peer: FakePeer
) -> None:
    actor = peer.actor("author")
    page = actor.note(
        9,
        type="Page",
        name="A heron <b>in</b> town",
        content=None,
        attachment=[{"type": "Link", "href": "https://news.example/heron"}],
        image={"type": "Image", "url": f"{peer.base_url}/pictrs/heron"},
    )
    peer.serve("/notes/9", page)
    row = await effects.find_by_url(server.ctx, page["id"], Budget(10))
    assert isinstance(row, StatusRow)
    assert "<strong>A heron in town</strong>" in row.content
    assert 'href="https://news.example/heron"' in row.content


@pytest.mark.parametrize(
    "location",
    ["Somewhere", ["", {"name": "Somewhere"}], {"type": "Place", "address": "Somewhere"}],
)
async def test_places_come_in_every_form(server: Server, peer: FakePeer, location: Any) -> None:
    actor = peer.actor("author")
    event = actor.note(9, type="Event", name="A walk", location=location)
    peer.serve("/notes/9", event)
    row = await effects.bring_status(server.ctx, event["id"], Budget(10))
    assert "📍 Somewhere" in row.content


async def test_what_a_place_is_called_is_no_markup(server: Server, peer: FakePeer) -> None:
    actor = peer.actor("author")
    event = actor.note(9, type="Event", location={"name": "<img src=x onerror=alert(1)>Here"})
    peer.serve("/notes/9", event)
    row = await effects.bring_status(server.ctx, event["id"], Budget(10))
    assert "<img" not in row.content
