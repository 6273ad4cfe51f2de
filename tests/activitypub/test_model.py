"""The model: values that compare, hash and say what they are."""

import dataclasses

import pytest

from activitypub.model import Activity, Collection, Object, Tombstone

NOTE = Object(id="https://a.example/1", type="Note")


def test_values_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        NOTE.content = "other"  # type: ignore[misc]  # that is the test


def test_values_can_be_keys_whatever_is_unknown_of_them() -> None:
    assert len({NOTE, Object(id=NOTE.id, type="Note", unknown={"a": []})}) == 2
    assert hash(NOTE) == hash(Object(id=NOTE.id, type="Note"))


@pytest.mark.parametrize(
    ("value", "id_"),
    [
        (None, None),
        ("https://a.example/2", "https://a.example/2"),
        (NOTE, NOTE.id),
        (Tombstone(id="https://a.example/3"), "https://a.example/3"),
        (Activity(type="Follow"), None),
        (Collection(type="Collection", id="https://a.example/4"), "https://a.example/4"),
    ],
)
def test_the_object_of_an_activity_has_an_id_embedded_or_not(
    value: str | Object | None, id_: str | None
) -> None:
    assert Activity(type="Create", object=value).object_id == id_


def test_the_raw_document_takes_no_part_in_comparisons() -> None:
    assert Activity(type="Like", raw={"type": "Like"}) == Activity(type="Like")
