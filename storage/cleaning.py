"""What was cleaned by earlier rules, so that it can be cleaned again by today's."""

from dataclasses import dataclass
from typing import Any

from storage.query import Command, Query

# The rules of `fedserver.services.text_in` that new rows are written by. Whoever changes what they
# let pass raises it by one, and adds a migration that makes the two partial indexes of
# 0008_cleaning.sql anew for that number: what is below it is found and cleaned again.
SANITISER_VERSION = 2


@dataclass(frozen=True, slots=True)
class StaleStatusRow:
    """The texts of a peer's status that earlier rules cleaned."""

    id: int
    content: str
    spoiler_text: str


@dataclass(frozen=True, slots=True)
class StaleAccountRow:
    """The texts of a peer's profile that earlier rules cleaned."""

    id: int
    display_name: str
    note: str
    fields: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class StaleEditRow:
    """An earlier version of a status."""

    id: int
    content: str
    spoiler_text: str


@dataclass(frozen=True, slots=True)
class StalePollRow:
    """The choices of a status's poll."""

    id: int
    options: list[str]


@dataclass(frozen=True, slots=True)
class StaleMediaRow:
    """The description of a status's attachment."""

    id: int
    description: str


STALE_STATUSES = Query(
    f"""
    SELECT id, content, spoiler_text FROM statuses
    WHERE NOT local AND sanitiser_version < {SANITISER_VERSION} ORDER BY id DESC LIMIT $1
    """,
    StaleStatusRow,
)
STALE_ACCOUNTS = Query(
    f"""
    SELECT id, display_name, note, fields FROM accounts
    WHERE domain IS NOT NULL AND sanitiser_version < {SANITISER_VERSION}
    ORDER BY id DESC LIMIT $1
    """,
    StaleAccountRow,
)
EDITS_OF = Query(
    "SELECT id, content, spoiler_text FROM status_edits WHERE status_id = ANY($1::bigint[])",
    StaleEditRow,
)
POLLS_OF = Query("SELECT id, options FROM polls WHERE status_id = ANY($1::bigint[])", StalePollRow)
DESCRIBED_MEDIA_OF = Query(
    """
    SELECT id, description FROM media_attachments
    WHERE status_id = ANY($1::bigint[]) AND description IS NOT NULL
    """,
    StaleMediaRow,
)
# What an Update rewrote meanwhile is by today's rules already, and stays.
PUT_CLEAN_STATUSES = Command(
    f"""
    UPDATE statuses s
    SET content = x.content, spoiler_text = x.spoiler_text, sanitiser_version = {SANITISER_VERSION}
    FROM unnest($1::bigint[], $2::text[], $3::text[]) AS x (id, content, spoiler_text)
    WHERE s.id = x.id AND s.sanitiser_version < {SANITISER_VERSION}
    """
)
PUT_CLEAN_EDITS = Command(
    """
    UPDATE status_edits e SET content = x.content, spoiler_text = x.spoiler_text
    FROM unnest($1::bigint[], $2::text[], $3::text[]) AS x (id, content, spoiler_text)
    WHERE e.id = x.id
    """
)
# $2 are the choices of all, in one document: a list of lists.
PUT_CLEAN_POLLS = Command(
    """
    UPDATE polls p SET options = ARRAY(
        SELECT jsonb_array_elements_text($2::jsonb -> (x.place::int - 1)))
    FROM unnest($1::bigint[]) WITH ORDINALITY AS x (id, place) WHERE p.id = x.id
    """
)
PUT_CLEAN_DESCRIPTIONS = Command(
    """
    UPDATE media_attachments m SET description = nullif(x.description, '')
    FROM unnest($1::bigint[], $2::text[]) AS x (id, description) WHERE m.id = x.id
    """
)
# $4 are the fields of all, in one document: a list of lists.
PUT_CLEAN_ACCOUNTS = Command(
    f"""
    UPDATE accounts a
    SET display_name = x.display_name, note = x.note, fields = $4::jsonb -> (x.place::int - 1),
        sanitiser_version = {SANITISER_VERSION}
    FROM unnest($1::bigint[], $2::text[], $3::text[])
        WITH ORDINALITY AS x (id, display_name, note, place)
    WHERE a.id = x.id AND a.sanitiser_version < {SANITISER_VERSION}
    """
)
