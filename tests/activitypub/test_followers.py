"""The digest and the header of FEP-8fcf."""

import pytest

from activitypub.errors import DocumentError
from activitypub.followers import Synchronization, digest_of, read_header, write_header

SAID = Synchronization(
    "https://example.org/users/1/followers",
    "https://example.org/users/1/followers_synchronization",
    "c33f48cd341ef046a206b8a72ec97af65079f9a3a9b90eef79c5920dce45c61f",
)


def test_the_example_of_the_proposal() -> None:
    ids = ["https://testing.example.org/users/1", "https://testing.example.org/users/2"]
    assert digest_of(ids) == SAID.digest
    assert digest_of(reversed(ids)) == SAID.digest
    assert digest_of([]) == "0" * 64


def test_the_header_is_read_as_it_is_written() -> None:
    assert read_header(write_header(SAID)) == SAID
    other_order = f'digest="{SAID.digest}",url="{SAID.url}",collectionId="{SAID.collection_id}"'
    assert read_header(other_order) == SAID


@pytest.mark.parametrize(
    "value",
    [
        "",
        "nonsense",
        'url="https://example.org/"',
        f'{write_header(SAID)}, digest="{"0" * 64}"',
        write_header(SAID).replace(SAID.digest, "somehash"),
        write_header(SAID) + "x" * 9_000,
        write_header(SAID) + '; more="x"',
    ],
)
def test_what_is_malformed_says_nothing(value: str) -> None:
    with pytest.raises(DocumentError):
        read_header(value)
