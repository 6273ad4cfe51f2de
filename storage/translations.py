"""Translations that were made, so that nobody waits for one twice."""

from typing import Any

import msgspec

from storage.query import Command, Query


class TranslationRow(msgspec.Struct, frozen=True):
    """The texts in their order, and the language that they were found to be in."""

    texts: dict[str, Any]


TRANSLATION = Query("SELECT texts FROM translations WHERE key = $1", TranslationRow)
# $1 key, $2 texts, $3 now.
KEEP_TRANSLATION = Command(
    """
    INSERT INTO translations (key, texts, created_at) VALUES ($1, $2, $3)
    ON CONFLICT (key) DO NOTHING
    """
)
FORGET_TRANSLATIONS = Command("DELETE FROM translations WHERE created_at < $1")
