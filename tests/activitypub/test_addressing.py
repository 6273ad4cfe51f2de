"""Addressing and visibility."""

import pytest

from activitypub.addressing import PUBLIC, Visibility, address, is_public, visibility_of

FOLLOWERS = "https://a.example/users/ann/followers"
ANN, BEN = "https://a.example/users/ann", "https://b.example/users/ben"


@pytest.mark.parametrize(
    ("visibility", "to", "cc"),
    [
        (Visibility.PUBLIC, (PUBLIC,), (FOLLOWERS, BEN)),
        (Visibility.UNLISTED, (FOLLOWERS,), (PUBLIC, BEN)),
        (Visibility.PRIVATE, (FOLLOWERS,), (BEN,)),
        (Visibility.DIRECT, (BEN,), ()),
    ],
)
def test_addresses_are_arranged_as_mastodon_does_and_read_back(
    visibility: Visibility, to: tuple[str, ...], cc: tuple[str, ...]
) -> None:
    assert address(visibility, FOLLOWERS, [BEN, BEN]) == (to, cc)
    assert visibility_of(to, cc, FOLLOWERS) is visibility


@pytest.mark.parametrize("spelling", [PUBLIC, "as:Public", "Public"])
def test_public_is_known_in_every_spelling(spelling: str) -> None:
    assert is_public(spelling)
    assert visibility_of([spelling], [], None) is Visibility.PUBLIC
    assert visibility_of([], [spelling], None) is Visibility.UNLISTED


@pytest.mark.parametrize(("to", "cc"), [([FOLLOWERS], []), ([BEN], [FOLLOWERS])])
def test_followers_make_it_private_wherever_they_are(to: list[str], cc: list[str]) -> None:
    assert visibility_of(to, cc, FOLLOWERS) is Visibility.PRIVATE


def test_followers_of_somebody_else_are_nothing_special() -> None:
    assert visibility_of([FOLLOWERS], [], "https://b.example/followers") is Visibility.DIRECT
    assert visibility_of([FOLLOWERS], [], None) is Visibility.DIRECT


def test_no_address_at_all_is_direct() -> None:
    assert visibility_of((), (), FOLLOWERS) is Visibility.DIRECT


def test_visibilities_are_the_words_of_the_client_api() -> None:
    assert [str(one) for one in Visibility] == ["public", "unlisted", "private", "direct"]
