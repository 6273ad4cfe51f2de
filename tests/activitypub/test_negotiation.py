"""Accept-Signature (RFC 9421 §5): what is asked for and what is made of it."""

from datetime import UTC, datetime, timedelta

import http_sf
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activitypub.keys import generate_ed25519_key
from activitypub.signatures import (
    SignatureWish,
    SignedRequest,
    accept_signature,
    check_signature,
    read_claim,
    read_wish,
    sign_rfc9421,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
KEY = generate_ed25519_key()
KEY_ID = "https://peer.example/users/bob#key"
URL = "https://here.example/inbox"
OURS = ("@method", "@target-uri", "content-digest")


def signed(wish: SignatureWish | None, *, url: str = URL) -> dict[str, str]:
    headers = sign_rfc9421(
        "POST",
        url,
        key_id=KEY_ID,
        private_key=KEY,
        now=NOW,
        body=b"{}",
        content_type="application/activity+json",
        wish=wish,
    )
    return {name.lower(): value for name, value in headers.items()}


def test_what_we_ask_for_is_what_we_verify() -> None:
    assert accept_signature(with_body=True) == (
        'sig1=("@method" "@target-uri" "content-digest");created'
    )
    assert accept_signature(with_body=False) == 'sig1=("@method" "@target-uri");created'
    wish = read_wish(accept_signature(with_body=True), with_body=True)
    headers = signed(wish)
    claim = read_claim(SignedRequest("POST", URL, headers, b"{}"), now=NOW)
    check_signature(claim, KEY.public_key())


def test_all_that_is_wished_for_is_signed() -> None:
    """The example of §5.1, and more."""
    header = (
        'sig1=("@method" "@target-uri" "@authority" "content-digest" "date" "content-type" "host"'
        ' "@path" "@scheme" "@request-target");created;expires;nonce="abc";tag="app-123"'
        f';keyid="{KEY_ID}";alg="ed25519"'
    )
    wish = read_wish(header, with_body=True)
    assert wish is not None
    headers = signed(wish)
    ((label, member),) = http_sf.parse(
        headers["signature-input"].encode(), tltype="dictionary"
    ).items()
    components, parameters = member
    assert label == "sig1"
    assert [name for name, _ in components] == [
        *("@method", "@target-uri", "@authority", "content-digest", "date", "content-type"),
        *("host", "@path", "@scheme", "@request-target"),
    ]
    assert (parameters["nonce"], parameters["tag"]) == ("abc", "app-123")
    assert parameters["expires"] == (NOW + timedelta(hours=1)).timestamp()
    claim = read_claim(SignedRequest("POST", URL, headers, b"{}"), now=NOW)
    check_signature(claim, KEY.public_key())


@pytest.mark.parametrize("header", ['a=();created;nonce="x"', 'a=("date");created', "a=()"])
def test_nobody_makes_us_sign_less(header: str) -> None:
    wish = read_wish(header, with_body=True)
    assert wish is not None
    assert set(OURS) <= set(wish.components)


@pytest.mark.parametrize("wished", ['keyid="https://other.example/#key"', 'alg="rsa-pss-sha512"'])
def test_wish_for_another_key_or_algorithm_is_left_unfulfilled(wished: str) -> None:
    wish = read_wish(f'a=("@method" "date");nonce="x";{wished}', with_body=True)
    assert signed(wish) == signed(None)


def test_first_wish_that_we_can_fulfil_counts() -> None:
    header = 'a=("cookie");created, b=("@query-param";name="q"), c=("@method" "@authority")'
    wish = read_wish(header, with_body=False)
    assert wish is not None
    assert (wish.label, wish.components) == ("c", ("@method", "@authority", "@target-uri"))


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "no dictionary (",
        "sig1",
        "sig1=1",
        'sig1=("@status")',
        'sig1=("authorization")',
        "sig1=(1 2)",
        'sig1=("@method";req)',
        'sig1=("@method");colour="red"',
        'sig1=("@method");nonce=1',
        'sig1=("@method");nonce="' + "x" * 300 + '"',
        "sig1=(" + '"date" ' * 40 + ")",
        ", ".join(f'a{n}=("@method")' for n in range(9)),
        "x" * 9000,
    ],
)
def test_what_makes_no_sense_asks_for_nothing(header: str | None) -> None:
    assert read_wish(header, with_body=True) is None


def test_request_without_body_has_no_digest_to_sign() -> None:
    assert read_wish('a=("@method" "content-digest")', with_body=False) is None


@given(st.text(max_size=60))
def test_garbage_asks_for_nothing_or_something_that_can_be_signed(header: str) -> None:
    signed(read_wish(header, with_body=True))
