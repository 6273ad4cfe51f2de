"""Profile: what one edits of one's own account."""

from typing import Any

from fedserver.context import Context
from fedserver.entities.accounts import stored_field
from fedserver.entities.tags import featured_tag
from fedserver.errors import NotFound
from fedserver.uris import Uris
from storage.accounts import ACCOUNT_BY_ID, AccountRow
from storage.featured_tags import FEATURED_TAGS_OF

Json = dict[str, Any]


async def profile(ctx: Context, account_id: int) -> Json:
    """Give the Profile of one of our people, as typed and as shown (Mastodon API: Profile). Raises
    NotFound for others."""
    row = await ctx.db.one(ACCOUNT_BY_ID, account_id)
    if row is None or not row.local:
        raise NotFound("Record not found")
    uris = ctx.uris
    tags = await ctx.db.fetch(FEATURED_TAGS_OF, row.id)
    return {
        "id": str(row.id),
        "display_name": row.display_name,
        "note": row.note_source,
        "formatted_note": row.note,
        "fields": [
            {**stored_field(one), "value": one.get("source") or one["value"]} for one in row.fields
        ],
        "formatted_fields": [stored_field(one) for one in row.fields],
        **_images(uris, row),
        "locked": row.locked,
        "bot": row.actor_type in ("Service", "Application"),
        "hide_collections": row.hide_collections,
        "discoverable": row.discoverable,
        "indexable": row.indexable,
        "show_media": row.show_media,
        "show_media_replies": row.show_media_replies,
        "show_featured": row.show_featured,
        "attribution_domains": row.attribution_domains,
        "featured_tags": [featured_tag(uris, one) for one in tags],
    }


def _images(uris: Uris, row: AccountRow) -> Json:
    """A picture that is not set is none, and not the placeholder."""
    avatar = uris.media(row.avatar_blob) if row.avatar_blob else None
    header = uris.media(row.header_blob) if row.header_blob else None
    return {
        "avatar": avatar,
        "avatar_static": avatar,
        "avatar_description": row.avatar_description,
        "header": header,
        "header_static": header,
        "header_description": row.header_description,
    }
