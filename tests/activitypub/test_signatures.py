"""Signing and verifying in both dialects with both kinds of keys, and every way to break it."""

import base64
from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from activitypub.errors import SignatureError
from activitypub.keys import PrivateKey, generate_ed25519_key, generate_rsa_key
from activitypub.signatures import (
    Dialect,
    SignedRequest,
    check_signature,
    read_claim,
    sign_cavage,
    sign_rfc9421,
)

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEY_ID = "https://remote.example/users/alice#main-key"
URL = "https://local.example/inbox?a=1"
BODY = b'{"type": "Like"}'

Signer = Callable[..., dict[str, str]]
SIGNERS: dict[Dialect, Signer] = {
    Dialect.CAVAGE: sign_cavage,
    Dialect.RFC9421: sign_rfc9421,
}
KEYS: dict[str, PrivateKey] = {"rsa": generate_rsa_key(), "ed25519": generate_ed25519_key()}
OTHER_KEYS: dict[str, PrivateKey] = {"rsa": generate_rsa_key(), "ed25519": generate_ed25519_key()}

every_way = pytest.mark.parametrize(
    ("dialect", "kind"), [(dialect, kind) for dialect in Dialect for kind in KEYS]
)


def signed(
    dialect: Dialect, kind: str, *, method: str = "POST", body: bytes | None = BODY
) -> SignedRequest:
    headers = SIGNERS[dialect](
        method, URL, key_id=KEY_ID, private_key=KEYS[kind], now=NOW, body=body
    )
    lowered = {name.lower(): value for name, value in headers.items()}
    return SignedRequest(method, URL, lowered, body or b"")


def verify(request: SignedRequest, kind: str, now: datetime = NOW) -> None:
    check_signature(read_claim(request, now=now), KEYS[kind].public_key())


def with_headers(request: SignedRequest, **headers: str) -> SignedRequest:
    changes = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(request, headers={**request.headers, **changes})


@every_way
@pytest.mark.parametrize(("method", "body"), [("POST", BODY), ("GET", None), ("POST", b"")])
def test_round_trip(dialect: Dialect, kind: str, method: str, body: bytes | None) -> None:
    request = signed(dialect, kind, method=method, body=body)
    claim = read_claim(request, now=NOW)
    assert claim.dialect is dialect
    assert claim.key_id == KEY_ID
    check_signature(claim, KEYS[kind].public_key())


@every_way
def test_other_keys_do_not_verify(dialect: Dialect, kind: str) -> None:
    claim = read_claim(signed(dialect, kind), now=NOW)
    for other in OTHER_KEYS.values():
        with pytest.raises(SignatureError):
            check_signature(claim, other.public_key())


@every_way
@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"url": "https://local.example/inbox?a=2"},
        {"url": "https://local.example/users/bob/inbox?a=1"},
        {"url": "https://other.example/inbox?a=1"},
        {"url": "https://local.example:8443/inbox?a=1"},
        {"body": BODY + b" "},
        {"body": b""},
    ],
)
def test_any_change_of_the_request_is_noticed(
    dialect: Dialect, kind: str, change: dict[str, str]
) -> None:
    request = signed(dialect, kind)
    verify(request, kind)
    with pytest.raises(SignatureError):
        verify(replace(request, **change), kind)  # type: ignore[arg-type]  # one field of its type


@pytest.mark.parametrize("kind", KEYS)
def test_any_change_of_a_cavage_header_is_noticed(kind: str) -> None:
    request = signed(Dialect.CAVAGE, kind)
    later = "Mon, 23 Nov 2026 12:00:01 GMT"
    for name, value in {"date": later, "host": "local.example:443"}.items():
        with pytest.raises(SignatureError, match="does not verify"):
            verify(with_headers(request, **{name: value}), kind)


@every_way
def test_signature_bytes_are_checked(dialect: Dialect, kind: str) -> None:
    request = signed(dialect, kind)
    mark = 'signature="' if dialect is Dialect.CAVAGE else "sig1=:"
    before, _, rest = request.headers["signature"].partition(mark)
    end = '"' if dialect is Dialect.CAVAGE else ":"
    raw = bytearray(base64.b64decode(rest.removesuffix(end)))
    raw[5] ^= 1
    for forged in (bytes(raw), b"", bytes(raw)[:-1], bytes(raw) + b"\0"):
        text = f"{before}{mark}{base64.b64encode(forged).decode()}{end}"
        with pytest.raises(SignatureError):
            verify(with_headers(request, signature=text), kind)


@every_way
def test_replay_outside_the_window_is_refused(dialect: Dialect, kind: str) -> None:
    request = signed(dialect, kind)
    verify(request, kind, NOW + timedelta(hours=11))
    for offset in (timedelta(hours=13), timedelta(hours=-2)):
        with pytest.raises(SignatureError):
            verify(request, kind, NOW + offset)


@every_way
def test_digest_is_always_of_the_raw_body(dialect: Dialect, kind: str) -> None:
    request = signed(dialect, kind)
    other = signed(dialect, kind, body=b"{}")
    name = "digest" if dialect is Dialect.CAVAGE else "content-digest"
    swapped = with_headers(replace(request, body=b"{}"), **{name: other.headers[name]})
    with pytest.raises(SignatureError, match="does not verify"):
        verify(swapped, kind)


def test_unsigned_request_is_refused() -> None:
    request = SignedRequest("POST", URL, {"host": "local.example"}, BODY)
    with pytest.raises(SignatureError, match="not signed"):
        read_claim(request, now=NOW)


def test_signature_input_alone_is_refused() -> None:
    request = signed(Dialect.RFC9421, "ed25519")
    headers = {name: value for name, value in request.headers.items() if name != "signature"}
    with pytest.raises(SignatureError, match="not signed"):
        read_claim(replace(request, headers=headers), now=NOW)


def test_rfc9421_is_preferred_and_cavage_is_the_fallback() -> None:
    cavage, rfc9421 = signed(Dialect.CAVAGE, "rsa"), signed(Dialect.RFC9421, "rsa")
    both = replace(cavage, headers={**cavage.headers, **rfc9421.headers})
    assert read_claim(both, now=NOW).dialect is Dialect.RFC9421
    joined = f"{cavage.headers['signature']}, {rfc9421.headers['signature']}"
    claim = read_claim(with_headers(both, signature=joined), now=NOW)
    assert claim.dialect is Dialect.CAVAGE
    check_signature(claim, KEYS["rsa"].public_key())


def test_refusal_of_rfc9421_is_told_when_there_is_no_cavage() -> None:
    request = with_headers(signed(Dialect.RFC9421, "rsa"), signature_input="garbage(")
    with pytest.raises(SignatureError, match="Signature-Input"):
        read_claim(request, now=NOW)


def test_claim_cannot_be_changed() -> None:
    claim = read_claim(signed(Dialect.CAVAGE, "rsa"), now=NOW)
    with pytest.raises(FrozenInstanceError):
        claim.key_id = "https://remote.example/mallory"  # type: ignore[misc]  # the point


HEADER_TEXT = st.one_of(
    st.text(max_size=200),
    st.text(alphabet='abc=",:;()?*1@ \\\t-', max_size=200),
    st.lists(
        st.sampled_from(
            [
                'keyId="https://a.example/k"',
                'headers="(request-target) host date digest"',
                'headers="(created) (expires)"',
                'signature="AAAA"',
                "created=1",
                'expires="9999999999"',
                'x=("@method" "@target-uri" "content-digest")',
                "x=:AAAA:",
                ";created=1795435200",
                ';keyid="https://a.example/k"',
                "x=@1795435200",
                'x=%"a"',
            ]
        ),
        max_size=6,
    ).map(",".join),
)


@settings(deadline=None)  # the machine may be busy
@given(signature=HEADER_TEXT, signature_input=st.none() | HEADER_TEXT, date=HEADER_TEXT)
@example(signature="x=:AAAA:", signature_input='x=("@method";x="\udcff")', date="")
@example(signature='keyId="', signature_input=None, date="")
@example(signature="keyId=,signature=\\", signature_input="keyid=", date="Mon, 0")
def test_garbage_only_raises_signature_error(
    signature: str, signature_input: str | None, date: str
) -> None:
    request = with_headers(signed(Dialect.CAVAGE, "ed25519"), signature=signature, date=date)
    if signature_input is not None:
        request = with_headers(request, signature_input=signature_input)
    with pytest.raises(SignatureError):
        verify(request, "ed25519")


@settings(deadline=None)
@given(where=st.integers(min_value=0), char=st.characters(), dialect=st.sampled_from(Dialect))
def test_one_changed_character_never_verifies_as_another_signer(
    where: int, char: str, dialect: Dialect
) -> None:
    request = signed(dialect, "ed25519")
    name = "signature" if dialect is Dialect.CAVAGE else "signature-input"
    text = request.headers[name]
    position = where % len(text)
    changed = text[:position] + char + text[position + 1 :]
    try:
        claim = read_claim(replace(request, headers={**request.headers, name: changed}), now=NOW)
        check_signature(claim, KEYS["ed25519"].public_key())
    except SignatureError:
        return
    # Letter case and spaces may differ without meaning; in cavage the key id is not signed at all.
    assert claim.dialect is dialect
    assert claim.signature == read_claim(request, now=NOW).signature
