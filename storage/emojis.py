"""Custom emoji of this instance."""

from dataclasses import dataclass

from storage.query import Query


@dataclass(frozen=True, slots=True)
class EmojiRow:
    """A custom emoji. `image_blob` names our own copy, `image_remote_url` a peer's."""

    shortcode: str
    image_blob: str | None
    image_remote_url: str | None
    visible_in_picker: bool
    category: str | None


LOCAL_EMOJIS = Query(
    """
    SELECT shortcode, image_blob, image_remote_url, visible_in_picker, category
    FROM custom_emojis WHERE domain IS NULL AND NOT disabled ORDER BY shortcode LIMIT 5000
    """,
    EmojiRow,
)
