"""RFC 9421: the published vectors, and the profile of Mastodon 4.5."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver
from http_message_signatures.algorithms import ED25519, RSA_PSS_SHA512, RSA_V1_5_SHA256

from activitypub.digests import content_digest_header
from activitypub.errors import SignatureError
from activitypub.keys import (
    PrivateKey,
    generate_ed25519_key,
    generate_rsa_key,
    load_private_key,
    load_public_key,
)
from activitypub.signatures import (
    Claim,
    Dialect,
    SignedRequest,
    check_signature,
    read_claim,
    sign_rfc9421,
)

# RFC 9421 appendix B.1.4 (test-key-ed25519) and B.2.6: its signature of the B.2 request.
ED25519_PRIVATE = """-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
ED25519_PUBLIC = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=
-----END PUBLIC KEY-----
"""
B26_INPUT = (
    '("date" "@method" "@path" "@authority" "content-type" "content-length")'
    ';created=1618884473;keyid="test-key-ed25519"'
)
B26_SIGNATURE = (
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
)
B26_HEADERS = {
    "date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "content-type": "application/json",
    "content-length": "18",
}

# RFC 9421 appendix B.1.2 (test-key-rsa-pss) and B.2.1 to B.2.3, signatures of the B.2 request.
RSA_PSS_PUBLIC = """\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAr4tmm3r20Wd/PbqvP1s2
+QEtvpuRaV8Yq40gjUR8y2Rjxa6dpG2GXHbPfvMs8ct+Lh1GH45x28Rw3Ry53mm+
oAXjyQ86OnDkZ5N8lYbggD4O3w6M6pAvLkhk95AndTrifbIFPNU8PPMO7OyrFAHq
gDsznjPFmTOtCEcN2Z1FpWgchwuYLPL+Wokqltd11nqqzi+bJ9cvSKADYdUAAN5W
Utzdpiy6LbTgSxP7ociU4Tn0g5I6aDZJ7A8Lzo0KSyZYoA485mqcO0GVAdVw9lq4
aOT9v6d+nb4bnNkQVklLQ3fVAvJm+xdDOp9LCNCN48V2pnDOkFV6+U9nV5oyc6XI
2wIDAQAB
-----END PUBLIC KEY-----
"""
B2_HEADERS = {
    "host": "example.com",
    "date": "Tue, 20 Apr 2021 02:07:55 GMT",
    "content-type": "application/json",
    "content-digest": (
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwE"
        "mTHWXvJwew==:"
    ),
    "content-length": "18",
}
B2_PSS = [
    (
        '();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd"',
        "d2pmTvmbncD3xQm8E9ZV2828BjQWGgiwAaw5bAkgibUopemLJcWDy/lkbbHAve4cRAtx31Iq786U7it++wgGxbt"
        "Rxf8Udx7zFZsckzXaJMkA7ChG52eSkFxykJeNqsrWH5S+oxNFlD4dzVuwe8DhTSja8xxbR/Z2cOGdCbzR72rgFW"
        "hzx2VjBqJzsPLMIQKhO4DGezXehhWwE56YCE+O6c0mKZsfxVrogUvA4HELjVKWmAvtl6UnCh8jYzuVG5WSb/QEV"
        "PnP5TmcAnLH1g+s++v6d4s8m0gCw1fV5/SITLq9mhho8K3+7EPYTU8IU1bLhdxO5Nyt8C8ssinQ98Xw9Q==",
    ),
    (
        '("@authority" "content-digest" "@query-param";name="Pet");created=1618884473'
        ';keyid="test-key-rsa-pss";tag="header-example"',
        "LjbtqUbfmvjj5C5kr1Ugj4PmLYvx9wVjZvD9GsTT4F7GrcQEdJzgI9qHxICagShLRiLMlAJjtq6N4CDfKtjvuJy"
        "E5qH7KT8UCMkSowOB4+ECxCmT8rtAmj/0PIXxi0A0nxKyB09RNrCQibbUjsLS/2YyFYXEu4TRJQzRw1rLEuEfY1"
        "7SARYhpTlaqwZVtR8NV7+4UKkjqpcAoFqWFQh62s7Cl+H2fjBSpqfZUJcsIk4N6wiKYd4je2U/lankenQ99PZfB"
        "4jY3I5rSV2DSBVkSFsURIjYErOs0tFTQosMTAoxk//0RoKUqiYY8Bh0aaUEb0rQl3/XaVe4bXTugEjHSw==",
    ),
    (
        '("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest"'
        ' "content-length");created=1618884473;keyid="test-key-rsa-pss"',
        "bbN8oArOxYoyylQQUU6QYwrTuaxLwjAC9fbY2F6SVWvh0yBiMIRGOnMYwZ/5MR6fb0Kh1rIRASVxFkeGt683+qR"
        "pRRU5p2voTp768ZrCUb38K0fUxN0O0iC59DzYx8DFll5GmydPxSmme9v6ULbMFkl+V5B1TP/yPViV7KsLNmvKiL"
        "JH1pFkh/aYA2HXXZzNBXmIkoQoLd7YfW91kE9o/CCoC1xMy7JA1ipwvKvfrs65ldmlu9bpG6A9BmzhuzF8Eim5f"
        "8ui9eH8LZH896+QIF61ka39VBrohr9iyMUJpvRX2Zbhl5ZJzSRxpJyoEZAFL2FUo5fTIztsDZKEgM4cUA==",
    ),
]

# RFC 9421 appendix B.1.1 (test-key-rsa) and §4.3: a proxy's rsa-v1_5-sha256 signature.
RSA_PUBLIC = """-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAhAKYdtoeoy8zcAcR874L8cnZxKzAGwd7v36APp7Pv6Q2jdsPBRrw
WEBnez6d0UDKDwGbc6nxfEXAy5mbhgajzrw3MOEt8uA5txSKobBpKDeBLOsdJKFq
MGmXCQvEG7YemcxDTRPxAleIAgYYRjTSd/QBwVW9OwNFhekro3RtlinV0a75jfZg
kne/YiktSvLG34lw2zqXBDTC5NHROUqGTlML4PlNZS5Ri2U4aCNx2rUPRcKIlE0P
uKxI4T+HIaFpv8+rdV6eUgOrB2xeI1dSFFn/nnv5OoZJEIB+VmuKn3DCUcCZSFlQ
PSXSfBDiUGhwOw76WuSSsf1D4b/vLoJ10wIDAQAB
-----END RSA PUBLIC KEY-----
"""
PROXY_INPUT = (
    '("@method" "@authority" "@path" "content-digest" "content-type" "content-length" "forwarded")'
    ';created=1618884480;keyid="test-key-rsa";alg="rsa-v1_5-sha256";expires=1618884540'
)
PROXY_SIGNATURE = (
    "S6ZzPXSdAMOPjN/6KXfXWNO/f7V6cHm7BXYUh3YD/fRad4BCaRZxP+JH+8XY1I6+8Cy+CM5g92iHgxtRPz+MjniOaYmd"
    "kDcnL9cCpXJleXsOckpURl49GwiyUpZ10KHgOEe11sx3G2gxI8S0jnxQB+Pu68U9vVcasqOWAEObtNKKZd8tSFu7LB5Y"
    "Av0RAGhB8tmpv7sFnIm9y+7X5kXQfi8NMaZaA8i2ZHwpBdg7a6CMfwnnrtflzvZdXAsD3LH2TwevU+/PBPv0B6NMNk93"
    "wUs/vfJvye+YuI87HU38lZHowtznbLVdp770I6VHR6WfgS9ddzirrswsE1w5o0LV/g=="
)
PROXY_HEADERS = {
    "content-type": "application/json",
    "content-length": "18",
    "forwarded": "for=192.0.2.123;host=example.com;proto=https",
    "content-digest": (
        "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXv"
        "Jwew==:"
    ),
}

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
KEY_ID = "https://remote.example/users/alice#main-key"
URL = "https://local.example/inbox?a=1"
BODY = b'{"type": "Like"}'
REQUIRED = ("@method", "@target-uri", "content-digest")


@pytest.fixture(scope="module")
def rsa_key() -> RSAPrivateKey:
    return generate_rsa_key()


def vector_claim(
    key_id: str, authority: str, headers: dict[str, str], signature_input: str, signature: str
) -> Claim:
    """A claim from a published vector, whose key ids are names and so never pass read_claim."""
    fields = {**headers, "signature-input": f"sig={signature_input}"}
    return Claim(
        dialect=Dialect.RFC9421,
        key_id=key_id,
        method="POST",
        url=f"https://{authority}/foo?param=Value&Pet=dog",
        algorithm=None,
        signature=b"",
        message_headers=tuple({**fields, "signature": f"sig=:{signature}:"}.items()),
    )


def test_vector_b26_ed25519_verifies() -> None:
    claim = vector_claim("test-key-ed25519", "example.com", B26_HEADERS, B26_INPUT, B26_SIGNATURE)
    check_signature(claim, load_public_key(ED25519_PUBLIC))
    with pytest.raises(SignatureError, match="does not verify"):
        check_signature(replace(claim, method="PUT"), load_public_key(ED25519_PUBLIC))


@pytest.mark.parametrize(("signature_input", "signature"), B2_PSS)
def test_vectors_b21_to_b23_rsa_pss_verify(signature_input: str, signature: str) -> None:
    claim = vector_claim("test-key-rsa-pss", "example.com", B2_HEADERS, signature_input, signature)
    check_signature(claim, load_public_key(RSA_PSS_PUBLIC))
    altered_input = signature_input.replace("created=1618884473", "created=1618884474")
    with pytest.raises(SignatureError, match="does not verify"):
        check_signature(
            vector_claim("test-key-rsa-pss", "example.com", B2_HEADERS, altered_input, signature),
            load_public_key(RSA_PSS_PUBLIC),
        )


def test_vector_keys_belong_together() -> None:
    public = load_private_key(ED25519_PRIVATE).public_key()
    claim = vector_claim("test-key-ed25519", "example.com", B26_HEADERS, B26_INPUT, B26_SIGNATURE)
    check_signature(claim, public)


def test_vector_of_section_4_3_rsa_verifies() -> None:
    claim = vector_claim(
        "test-key-rsa",
        "origin.host.internal.example",
        PROXY_HEADERS,
        PROXY_INPUT,
        PROXY_SIGNATURE,
    )
    check_signature(claim, load_public_key(RSA_PUBLIC))
    with pytest.raises(SignatureError, match="does not verify"):
        check_signature(replace(claim, url="https://example.com/foo"), load_public_key(RSA_PUBLIC))


def test_post_is_signed_as_mastodon_requires(rsa_key: RSAPrivateKey) -> None:
    headers = sign_rfc9421(
        "post",
        URL,
        key_id=KEY_ID,
        private_key=rsa_key,
        now=NOW,
        body=BODY,
        content_type="application/activity+json",
    )
    assert headers["Host"] == "local.example"
    assert headers["Date"] == "Mon, 23 Nov 2026 12:00:00 GMT"
    assert headers["Content-Type"] == "application/activity+json"
    assert headers["Content-Digest"] == content_digest_header(BODY)
    assert headers["Signature-Input"] == (
        f'sig1=("@method" "@target-uri" "content-digest");created={int(NOW.timestamp())}'
        f';keyid="{KEY_ID}";alg="rsa-v1_5-sha256"'
    )
    assert headers["Signature"].startswith("sig1=:")


def test_get_is_signed_without_content_digest() -> None:
    key = generate_ed25519_key()
    headers = sign_rfc9421("GET", URL, key_id=KEY_ID, private_key=key, now=NOW)
    assert set(headers) == {"Host", "Date", "Signature-Input", "Signature"}
    assert '("@method" "@target-uri")' in headers["Signature-Input"]
    assert 'alg="ed25519"' in headers["Signature-Input"]


def test_unusable_url_or_key_id_cannot_be_signed() -> None:
    key = generate_ed25519_key()
    for url in ("/inbox", "https://a.example/a|b"):
        with pytest.raises(SignatureError):
            sign_rfc9421("GET", url, key_id=KEY_ID, private_key=key, now=NOW)


class Peer:
    """Signs requests with http-message-signatures in whatever way a test asks for."""

    def __init__(self, key: PrivateKey) -> None:
        self.key = key
        self.method = "POST"
        self.url = URL
        self.body = BODY
        self.headers = {"host": "local.example", "content-digest": content_digest_header(BODY)}
        self.covered = list(REQUIRED)
        self.algorithm: type[Any] = RSA_V1_5_SHA256 if isinstance(key, RSAPrivateKey) else ED25519
        self.options: dict[str, Any] = {}

    def request(self) -> SignedRequest:
        self._sign()
        headers = {name.lower(): value for name, value in self.headers.items()}
        return SignedRequest(self.method, self.url, headers, self.body)

    def _sign(self) -> None:
        signer = HTTPMessageSigner(
            signature_algorithm=self.algorithm,
            key_resolver=MappingKeyResolver(public_keys={}, private_keys={KEY_ID: self.key}),
        )
        defaults: dict[str, Any] = {
            "key_id": KEY_ID,
            "created": NOW,
            "label": "x",
            "use_existing_digest": True,
        }
        options = defaults | {"covered_component_ids": self.covered} | self.options
        signer.sign(self, **options)

    def verify(self, now: datetime = NOW) -> None:
        check_signature(read_claim(self.request(), now=now), self.key.public_key())


@pytest.fixture
def peer() -> Peer:
    return Peer(generate_ed25519_key())


def altered(request: SignedRequest, **headers: str) -> SignedRequest:
    changes = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(request, headers={**request.headers, **changes})


def test_plain_peer_verifies(peer: Peer) -> None:
    peer.verify()


def test_signer_may_leave_out_the_algorithm(peer: Peer) -> None:
    peer.options["include_alg"] = False
    peer.verify()


def test_fedify_style_coverage_verifies(rsa_key: RSAPrivateKey) -> None:
    peer = Peer(rsa_key)
    peer.headers["date"] = "Mon, 23 Nov 2026 12:00:00 GMT"
    peer.covered = ["@method", "@target-uri", "@authority", "host", "date", "content-digest"]
    peer.verify()


@pytest.mark.parametrize("missing", REQUIRED)
def test_each_component_must_be_covered(peer: Peer, missing: str) -> None:
    peer.covered.remove(missing)
    with pytest.raises(SignatureError, match=f"does not cover {missing}"):
        peer.verify()


def test_component_with_parameters_does_not_count(peer: Peer) -> None:
    peer.covered[2] = '"content-digest";key="sha-256"'
    with pytest.raises(SignatureError, match="does not cover content-digest"):
        peer.verify()


def test_get_needs_no_content_digest(peer: Peer) -> None:
    peer.method, peer.body, peer.covered = "GET", b"", ["@method", "@target-uri"]
    peer.verify()


def test_wrong_body_is_refused(peer: Peer) -> None:
    with pytest.raises(SignatureError, match="does not match the body"):
        read_claim(replace(peer.request(), body=BODY + b" "), now=NOW)


def test_clock_window(peer: Peer) -> None:
    peer.verify(NOW + timedelta(hours=12))
    peer.verify(NOW - timedelta(hours=1))
    with pytest.raises(SignatureError, match="too old"):
        peer.verify(NOW + timedelta(hours=12, seconds=1))
    with pytest.raises(SignatureError, match="future"):
        peer.verify(NOW - timedelta(hours=1, seconds=1))


def test_the_system_clock_has_no_say(peer: Peer) -> None:
    then = datetime(2001, 1, 1, tzinfo=UTC)
    peer.options |= {"created": then, "expires": then + timedelta(minutes=1)}
    peer.verify(then)


def test_expiry_is_respected(peer: Peer) -> None:
    end = NOW + timedelta(minutes=5)
    peer.options["expires"] = end
    peer.verify(end - timedelta(seconds=1))
    with pytest.raises(SignatureError, match="expired"):
        peer.verify(end)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (";created=", ";nonce="),
        (";created=", ";x=1;y="),
        (f";created={int(NOW.timestamp())}", ";created=1.5"),
        (f";created={int(NOW.timestamp())}", ';created="1"'),
        (f';keyid="{KEY_ID}"', ""),
        (f';keyid="{KEY_ID}"', ';keyid="name"'),
        (f';keyid="{KEY_ID}"', ";keyid=1"),
        (f';keyid="{KEY_ID}"', f';keyid="https://a.example/{"x" * 2048}"'),
        ('"@method"', '"@method" "@method"'),
        ('"@method"', '"@method" "@status"'),
        ('"@method"', '"@method" "@query-param"'),
        ('"@method"', '"@method" "@signature-params"'),
        ('"@method"', '"@method" "absent"'),
        ('"@method"', '"@method" 1'),
        ('"@method"', '"@method" ' + " ".join(f'"@x{n}"' for n in range(40))),
        (";created=", ";expires=soon;created="),
        (";created=", ";expires=:AAAA:;created="),
        (";created=", ";created=1;created="),
        ('alg="ed25519"', 'alg="hmac-sha256"'),
        ('alg="ed25519"', 'alg="rsa-v1_5-sha256"'),
        ('alg="ed25519"', "alg=1"),
        ('x=("@method"', 'x="("'),
    ],
)
def test_altered_signature_input_is_refused(peer: Peer, old: str, new: str) -> None:
    request = peer.request()
    signature_input = request.headers["signature-input"]
    assert old in signature_input
    forged = altered(request, signature_input=signature_input.replace(old, new))
    with pytest.raises(SignatureError):
        check_signature(read_claim(forged, now=NOW), peer.key.public_key())


@pytest.mark.parametrize("header", ["x=AAAA", "x=1", "y=:AAAA:", "x=(:AAAA:)", "x", "", "x=::"])
def test_malformed_signature_is_refused(peer: Peer, header: str) -> None:
    forged = altered(peer.request(), signature=header)
    with pytest.raises(SignatureError):
        check_signature(read_claim(forged, now=NOW), peer.key.public_key())


def test_label_given_twice_is_refused(peer: Peer) -> None:
    request = peer.request()
    signature_input = request.headers["signature-input"]
    forged = altered(request, signature_input=f"{signature_input}, {signature_input}")
    with pytest.raises(SignatureError, match="twice"):
        read_claim(forged, now=NOW)


def test_huge_headers_are_refused(peer: Peer) -> None:
    request = peer.request()
    for name in ("signature_input", "signature"):
        with pytest.raises(SignatureError, match="too long"):
            read_claim(altered(request, **{name: "x=" + "1" * 9000}), now=NOW)
    many = ", ".join(f"a{number}=()" for number in range(20))
    with pytest.raises(SignatureError, match="too many"):
        read_claim(altered(request, signature_input=many), now=NOW)


def test_foreign_signature_beside_ours_is_passed_over(peer: Peer) -> None:
    request = peer.request()
    both = altered(
        request,
        signature_input=f'bot=("@authority");tag="x", {request.headers["signature-input"]}',
        signature=f"bot=:AAAA:, {request.headers['signature']}",
    )
    check_signature(read_claim(both, now=NOW), peer.key.public_key())


def test_algorithm_comes_from_the_key(rsa_key: RSAPrivateKey) -> None:
    peer = Peer(rsa_key)
    claim = read_claim(peer.request(), now=NOW)
    with pytest.raises(SignatureError, match="does not fit"):
        check_signature(claim, generate_ed25519_key().public_key())


@pytest.mark.parametrize("named", [True, False])
def test_rsa_key_may_sign_with_pss(rsa_key: RSAPrivateKey, named: bool) -> None:
    peer = Peer(rsa_key)
    peer.algorithm = RSA_PSS_SHA512
    peer.options["include_alg"] = named
    peer.verify()


def test_named_algorithm_is_the_only_one_tried(rsa_key: RSAPrivateKey) -> None:
    request = Peer(rsa_key).request()
    named = request.headers["signature-input"].replace("rsa-v1_5-sha256", "rsa-pss-sha512")
    claim = read_claim(altered(request, signature_input=named), now=NOW)
    with pytest.raises(SignatureError, match="does not verify"):
        check_signature(claim, rsa_key.public_key())
