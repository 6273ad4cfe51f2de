"""PreviewCard."""

from collections.abc import Mapping
from typing import Any

from fedserver.entities.times import stored_timestamp
from fedserver.uris import Uris

Json = dict[str, Any]


def stored_card(
    uris: Uris,
    entry: Mapping[str, Any] | None,
    authors: Mapping[int, Any],
    viewer: int | None = None,
) -> Json | None:
    """Give a PreviewCard (Mastodon API: PreviewCard) of a dict with CardRow's names; `authors`
    are Accounts by id.

    `missing_attribution`: the page names `viewer` as its author, but they do not name the page.
    Its picture comes through our proxy. `html` is always empty: code of other people is not
    passed on, and links open where they lead.
    """
    if entry is None:
        return None
    image = entry["image_url"]
    account = authors.get(entry["author_id"])
    named = entry["author_name"] or entry["author_url"] or account is not None
    author = {"name": entry["author_name"], "url": entry["author_url"], "account": account}
    return {
        "url": entry["url"],
        "title": entry["title"],
        "description": entry["description"],
        "language": entry["language"],
        "type": entry["type"],
        "author_name": entry["author_name"],
        "author_url": entry["author_url"],
        "authors": [author] if named else [],
        "provider_name": entry["provider_name"],
        "provider_url": entry["provider_url"],
        "html": "",
        "width": entry["width"],
        "height": entry["height"],
        "image": uris.remote_media(image, "small") if image else None,
        "image_description": entry["image_alt"],
        "embed_url": "",
        "blurhash": entry["blurhash"],
        "published_at": stored_timestamp(entry["published_at"]),
        "missing_attribution": viewer is not None and entry["unverified_author_id"] == viewer,
    }
