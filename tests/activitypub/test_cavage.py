"""draft-cavage: the published vectors, the grammar, and what a signature has to cover."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from activitypub.digests import digest_header
from activitypub.errors import SignatureError
from activitypub.keys import PrivateKey, generate_ed25519_key, generate_rsa_key
from activitypub.signatures import SignedRequest, check_signature, read_claim, sign_cavage
from activitypub.signatures.cavage import (
    is_signed_by,
    parse_parameters,
    signing_string,
)
from activitypub.signatures.request import http_date, sign_bytes

# draft-cavage-http-signatures-12, appendix C: a 1024-bit key and three signatures of one request.
DRAFT_KEY = b"""-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCFENGw33yGihy92pDjZQhl0C3
6rPJj+CvfSC8+q28hxA161QFNUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6
Z4UMR7EOcpfdUE9Hf3m/hs+FUR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJw
oYi+1hqp1fIekaxsyQIDAQAB
-----END PUBLIC KEY-----
"""
DRAFT_VALUES = {
    "(request-target)": "post /foo?param=value&pet=dog",
    "host": "example.com",
    "date": "Sun, 05 Jan 2014 21:31:40 GMT",
    "content-type": "application/json",
    "digest": "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=",
    "content-length": "18",
}
DRAFT_VECTORS = {
    "C.1": (
        "date",
        "SjWJWbWN7i0wzBvtPl8rbASWz5xQW6mcJmn+ibttBqtifLN7Sazz6m79cNfwwb8DMJ5cou1s7uEGKKCs+FLEEaDV"
        "5lp7q25WqS+lavg7T8hc0GppauB6hbgEKTwblDHYGEtbGmtdHgVCk9SuS13F0hZ8FD0k/5OxEPXe5WozsbM=",
    ),
    "C.2": (
        "(request-target) host date",
        "qdx+H7PHHDZgy4y/Ahn9Tny9V3GP6YgBPyUXMmoxWtLbHpUnXS2mg2+SbrQDMCJypxBLSPQR2aAjn7ndmw2iicw3"
        "HMbe8VfEdKFYRqzic+efkb3nndiv/x1xSHDJWeSWkx3ButlYSuBskLu6kd9Fswtemr3lgdDEmn04swr2Os0=",
    ),
    # The draft lists (created) and (expires) here too, but signed without them: a known erratum.
    "C.3": (
        "(request-target) host date content-type digest content-length",
        "vSdrb+dS3EceC9bcwHSo4MlyKS59iFIrhgYkz8+oVLEEzmYZZvRs8rgOp+63LEM3v+MFHB32NfpB2bEKBIvB1q52"
        "LaEUHFv120V01IL+TAD48XaERZFukWgHoBTLMhYS2Gb51gWxpeIq8knRmPnYePbF5MOkR0Zkly4zKH7s1dE=",
    ),
}

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEY_ID = "https://remote.example/users/alice#main-key"
URL = "https://local.example/inbox?a=1"
BODY = b'{"type": "Like"}'


@pytest.fixture(scope="module")
def rsa_key() -> RSAPrivateKey:
    return generate_rsa_key()


@pytest.mark.parametrize("name", sorted(DRAFT_VECTORS))
def test_draft_vectors_verify(name: str) -> None:
    headers, signature = DRAFT_VECTORS[name]
    header = f'keyId="Test",algorithm="rsa-sha256",headers="{headers}",signature="{signature}"'
    parameters = parse_parameters(header)
    assert parameters.signature is not None
    raw = base64.b64decode(parameters.signature)
    key = load_pem_public_key(DRAFT_KEY)
    assert isinstance(key, RSAPublicKey)
    data = signing_string(parameters.headers, DRAFT_VALUES)
    assert is_signed_by(key, raw, data, parameters.algorithm)
    assert not is_signed_by(key, raw, data + b" ", parameters.algorithm)


def test_parameters_are_read_as_written() -> None:
    parameters = parse_parameters(
        'keyId="https://a.example/u?x=1,2", algorithm="hs2019" ,created=1402170695,'
        'expires="1402170699.25",headers="(request-target) (created) Host",x="y",signature="AA=="'
    )
    assert parameters.key_id == "https://a.example/u?x=1,2"
    assert parameters.algorithm == "hs2019"
    assert parameters.created == "1402170695"
    assert parameters.expires == "1402170699.25"
    assert parameters.headers == ("(request-target)", "(created)", "host")
    assert parameters.signature == "AA=="


@pytest.mark.parametrize(
    "header",
    [
        'keyId="a",keyId="b"',
        'keyId="a",KEYID="b"',
        'keyId="a", \tkeyId=b',
        'keyId="a",headers="date",signature="AA==",headers="host"',
        'keyId="a',
        'keyId="é"',
        'keyId="a\n"',
        "x" * 9000,
    ],
)
def test_malformed_headers_are_refused(header: str) -> None:
    with pytest.raises(SignatureError):
        parse_parameters(header)


def test_post_is_signed_with_what_peers_expect(rsa_key: RSAPrivateKey) -> None:
    headers = sign_cavage(
        "POST",
        URL,
        key_id=KEY_ID,
        private_key=rsa_key,
        now=NOW,
        body=BODY,
        content_type="application/activity+json",
    )
    assert headers["Host"] == "local.example"
    assert headers["Date"] == "Mon, 23 Nov 2026 12:00:00 GMT"
    assert headers["Digest"] == digest_header(BODY)
    assert headers["Content-Type"] == "application/activity+json"
    assert headers["Signature"].startswith(
        f'keyId="{KEY_ID}",algorithm="rsa-sha256",headers="(request-target) host date digest",'
    )


def test_get_is_signed_without_digest() -> None:
    key = generate_ed25519_key()
    headers = sign_cavage("GET", "http://local.example:80", key_id=KEY_ID, private_key=key, now=NOW)
    assert set(headers) == {"Host", "Date", "Signature"}
    assert headers["Host"] == "local.example"
    assert 'algorithm="hs2019",headers="(request-target) host date",' in headers["Signature"]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Local.example:443/x", "local.example"),
        ("https://local.example:8443/x", "local.example:8443"),
        ("http://local.example:443/x", "local.example:443"),
        ("http://[::1]:8080/x", "[::1]:8080"),
        ("http://[::1]/x", "[::1]"),
    ],
)
def test_host_header_leaves_out_the_default_port(url: str, host: str) -> None:
    key = generate_ed25519_key()
    headers = sign_cavage("GET", url, key_id=KEY_ID, private_key=key, now=NOW)
    assert headers["Host"] == host


@pytest.mark.parametrize("url", ["/inbox", "ftp://a.example/", "https:///x", "https://a.example/é"])
def test_unusable_url_cannot_be_signed(url: str) -> None:
    with pytest.raises(SignatureError):
        sign_cavage("GET", url, key_id=KEY_ID, private_key=generate_ed25519_key(), now=NOW)


class Peer:
    """Signs requests in whatever way a test asks for."""

    def __init__(self, key: PrivateKey) -> None:
        self.key = key
        self.method = "POST"
        self.target = "/inbox?a=1"
        self.body = BODY
        self.headers = {
            "host": "local.example",
            "date": http_date(NOW),
            "digest": digest_header(BODY),
        }
        self.covered = ["(request-target)", "host", "date", "digest"]
        self.parameters = {"keyId": KEY_ID, "algorithm": "hs2019"}

    def request(self) -> SignedRequest:
        values = {
            **self.headers,
            "(request-target)": f"{self.method.lower()} {self.target}",
            "(created)": self.parameters.get("created", ""),
            "(expires)": self.parameters.get("expires", ""),
        }
        signature = self.sign(signing_string(self.covered, values))
        parameters = {
            **self.parameters,
            "headers": " ".join(self.covered),
            "signature": base64.b64encode(signature).decode(),
        }
        header = ",".join(f'{name}="{value}"' for name, value in parameters.items())
        return SignedRequest(self.method, URL, {**self.headers, "signature": header}, self.body)

    def sign(self, data: bytes) -> bytes:
        return sign_bytes(self.key, data)

    def verify(self, now: datetime = NOW) -> None:
        check_signature(read_claim(self.request(), now=now), self.key.public_key())


@pytest.fixture
def peer() -> Peer:
    return Peer(Ed25519PrivateKey.generate())


def test_plain_peer_verifies(peer: Peer) -> None:
    peer.verify()


def test_query_may_be_left_out_of_the_request_target(peer: Peer) -> None:
    peer.target = "/inbox"
    peer.verify()


def test_other_targets_do_not_verify(peer: Peer) -> None:
    for target in ("/inbox?a=2", "/", "/inbox?", "/inbox/"):
        peer.target = target
        with pytest.raises(SignatureError, match="does not verify"):
            peer.verify()


@pytest.mark.parametrize("missing", ["(request-target)", "host", "date", "digest"])
def test_each_component_must_be_covered(peer: Peer, missing: str) -> None:
    peer.covered.remove(missing)
    with pytest.raises(SignatureError, match="cover"):
        peer.verify()


def test_get_needs_no_digest(peer: Peer) -> None:
    peer.method, peer.body = "GET", b""
    peer.covered.remove("digest")
    del peer.headers["digest"]
    peer.verify()


def test_signed_digest_of_an_empty_body_is_compared(peer: Peer) -> None:
    peer.method, peer.body = "GET", b""
    with pytest.raises(SignatureError, match="does not match"):
        peer.verify()
    peer.headers["digest"] = digest_header(b"")
    peer.verify()


def test_created_may_stand_for_date(peer: Peer) -> None:
    peer.covered[2] = "(created)"
    peer.parameters["created"] = str(int(NOW.timestamp()))
    peer.verify()
    with pytest.raises(SignatureError, match="too old"):
        peer.verify(NOW + timedelta(hours=13))


def test_created_does_not_go_with_rsa_sha256(peer: Peer) -> None:
    peer.covered[2] = "(created)"
    peer.parameters |= {"created": str(int(NOW.timestamp())), "algorithm": "rsa-sha256"}
    with pytest.raises(SignatureError, match="rsa-"):
        peer.verify()


@pytest.mark.parametrize("created", ["", "soon", "-1", "1.5", "9" * 20])
def test_malformed_created_is_refused(peer: Peer, created: str) -> None:
    peer.covered[2] = "(created)"
    peer.parameters["created"] = created
    with pytest.raises(SignatureError):
        peer.verify()


def test_expiry_is_respected_signed_or_not(peer: Peer) -> None:
    end = NOW + timedelta(minutes=5)
    peer.parameters["expires"] = str(int(end.timestamp()))
    for covered in (peer.covered, [*peer.covered, "(expires)"]):
        peer.covered = covered
        peer.verify(end - timedelta(seconds=1))
        with pytest.raises(SignatureError, match="expired"):
            peer.verify(end)


@pytest.mark.parametrize(
    ("offset", "refusal"),
    [
        (timedelta(hours=-12), None),
        (timedelta(hours=1), None),
        (timedelta(hours=-12, seconds=-1), "too old"),
        (timedelta(hours=1, seconds=1), "future"),
    ],
)
def test_clock_window(peer: Peer, offset: timedelta, refusal: str | None) -> None:
    peer.headers["date"] = http_date(NOW + offset)
    if refusal is None:
        peer.verify()
    else:
        with pytest.raises(SignatureError, match=refusal):
            peer.verify()


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Mon, 99 Nov 2026 12:00:00 GMT", "x" * 100, "Mon, 23 Nov 2026"]
)
def test_malformed_date_is_refused(peer: Peer, date: str) -> None:
    peer.headers["date"] = date
    with pytest.raises(SignatureError, match=r"Date|too old"):
        peer.verify()


def test_request_for_another_host_is_refused(peer: Peer) -> None:
    peer.headers["host"] = "other.example"
    with pytest.raises(SignatureError, match="another host"):
        peer.verify()


def test_default_port_in_host_is_the_same_host(peer: Peer) -> None:
    peer.headers["host"] = "LOCAL.example:443"
    peer.verify()


def test_covered_header_must_exist_and_be_plain(peer: Peer) -> None:
    peer.headers["accept"] = "a/b"
    peer.covered.append("accept")
    request = peer.request()
    without = {name: value for name, value in request.headers.items() if name != "accept"}
    with pytest.raises(SignatureError, match="missing"):
        read_claim(replace(request, headers=without), now=NOW)
    for value in ("a\nhost: other", "caf\u00e9", "x" * 9000):
        with pytest.raises(SignatureError, match="signed header"):
            read_claim(replace(request, headers={**request.headers, "accept": value}), now=NOW)


def test_header_listed_twice_is_refused(peer: Peer) -> None:
    peer.covered.append("host")
    with pytest.raises(SignatureError, match="twice"):
        peer.verify()


def test_too_many_covered_headers_are_refused(peer: Peer) -> None:
    extra = {f"x-{number}": "1" for number in range(40)}
    peer.headers |= extra
    peer.covered += extra
    with pytest.raises(SignatureError, match="too long"):
        peer.verify()


@pytest.mark.parametrize("algorithm", ["rsa-sha256", "rsa-sha512", "hmac-sha256", "rsa-sha1", "x"])
def test_algorithm_that_contradicts_an_ed25519_key_is_refused(peer: Peer, algorithm: str) -> None:
    peer.parameters["algorithm"] = algorithm
    with pytest.raises(SignatureError, match="algorithm"):
        peer.verify()


@pytest.mark.parametrize("algorithm", ["hs2019", "ed25519", "HS2019", None])
def test_algorithm_that_fits_an_ed25519_key(peer: Peer, algorithm: str | None) -> None:
    del peer.parameters["algorithm"]
    if algorithm is not None:
        peer.parameters["algorithm"] = algorithm
    peer.verify()


@pytest.mark.parametrize("algorithm", ["hs2019", "rsa-sha256", None])
def test_algorithm_that_fits_an_rsa_key(rsa_key: RSAPrivateKey, algorithm: str | None) -> None:
    peer = Peer(rsa_key)
    del peer.parameters["algorithm"]
    if algorithm is not None:
        peer.parameters["algorithm"] = algorithm
    peer.verify()


def test_ed25519_does_not_go_with_an_rsa_key(rsa_key: RSAPrivateKey) -> None:
    peer = Peer(rsa_key)
    peer.parameters["algorithm"] = "ed25519"
    with pytest.raises(SignatureError, match="RSA"):
        peer.verify()


class Sha512Peer(Peer):
    """An RSA signer with SHA-512, which hs2019 allows."""

    def sign(self, data: bytes) -> bytes:
        assert isinstance(self.key, RSAPrivateKey)
        return self.key.sign(data, PKCS1v15(), SHA512())


def test_sha512_goes_with_hs2019_but_not_with_rsa_sha256(rsa_key: RSAPrivateKey) -> None:
    peer = Sha512Peer(rsa_key)
    peer.verify()
    peer.parameters["algorithm"] = "rsa-sha512"
    peer.verify()
    peer.parameters["algorithm"] = "rsa-sha256"
    with pytest.raises(SignatureError, match="does not verify"):
        peer.verify()


@pytest.mark.parametrize(
    "key_id",
    [
        "",
        "Test",
        "acct:a@b.example",
        "ftp://a.example/key",
        "https://",
        "https://u:p@a.example/key",
        "https://a.example/" + "x" * 2048,
        "https://a.example/a b",
        "https://a.example:99999/",
        "https://[::1/",
        "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
    ],
)
def test_key_id_must_be_a_bounded_url(peer: Peer, key_id: str) -> None:
    peer.parameters["keyId"] = key_id
    with pytest.raises(SignatureError):
        peer.verify()


@pytest.mark.parametrize("signature", ["", "not base64!", "QUJD=DEF", "A" * 2000])
def test_unreadable_signature_is_refused(peer: Peer, signature: str) -> None:
    request = peer.request()
    start = request.headers["signature"].rpartition('signature="')[0]
    header = f'{start}signature="{signature}"'
    with pytest.raises(SignatureError):
        read_claim(replace(request, headers={**request.headers, "signature": header}), now=NOW)
