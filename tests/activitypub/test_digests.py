"""Digest and Content-Digest headers."""

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activitypub.digests import (
    check_content_digest,
    check_digest,
    content_digest_header,
    digest_header,
)
from activitypub.errors import SignatureError

# The body and digests of draft-cavage appendix C and of RFC 9421 and RFC 9530 examples.
BODY = b'{"hello": "world"}'
SHA256 = "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
SHA512 = "WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew=="


def test_headers_match_the_published_examples() -> None:
    assert digest_header(BODY) == f"SHA-256={SHA256}"
    assert content_digest_header(BODY) == f"sha-256=:{SHA256}:"


@pytest.mark.parametrize(
    "header",
    [
        f"SHA-256={SHA256}",
        f"sha-256={SHA256}",
        f"SHA-512={SHA512}",
        f"SHA-256={SHA256},SHA-512={SHA512}",
        f"md5=xyz, sha-512={SHA512} , Sha-256={SHA256}",
    ],
)
def test_matching_digest_passes(header: str) -> None:
    check_digest(header, BODY)
    with pytest.raises(SignatureError, match="does not match"):
        check_digest(header, BODY + b" ")


@pytest.mark.parametrize(
    "header",
    [
        "",
        "SHA-256",
        "SHA-256=",
        "SHA-256=not base64",
        f"SHA-256=é{SHA256}",
        f"SHA-256={SHA256[:-4]}",
        f"SHA-1={base64.b64encode(hashlib.sha1(BODY).digest()).decode()}",
        f"MD5={base64.b64encode(hashlib.md5(BODY).digest()).decode()}",
        f"SHA-256={SHA256},SHA-512={SHA256}",  # one of two is wrong
        ",".join([f"SHA-256={SHA256}"] * 5),
        "x" * 3000,
    ],
)
def test_unfit_digest_is_refused(header: str) -> None:
    with pytest.raises(SignatureError):
        check_digest(header, BODY)


@pytest.mark.parametrize(
    "header",
    [
        f"sha-256=:{SHA256}:",
        f"sha-512=:{SHA512}:",
        f"sha-512=:{SHA512}:, sha-256=:{SHA256}:",
        f"md5=:AAAA:, sha-256=:{SHA256}:",
    ],
)
def test_matching_content_digest_passes(header: str) -> None:
    check_content_digest(header, BODY)
    with pytest.raises(SignatureError, match="does not match"):
        check_content_digest(header, BODY + b" ")


@pytest.mark.parametrize(
    "header",
    [
        "",
        f"SHA-256=:{SHA256}:",  # keys are lower-case
        f"sha-256={SHA256}",  # the older header's form
        "sha-256",
        "sha-256=1",
        "sha-256=(1 2)",
        "md5=:AAAA:",
        f"sha-256=:{SHA256}:, sha-512=:{SHA256}:",
        "x" * 3000,
    ],
)
def test_unfit_content_digest_is_refused(header: str) -> None:
    with pytest.raises(SignatureError):
        check_content_digest(header, BODY)


@settings(deadline=None)
@given(st.text(max_size=100))
def test_garbage_only_raises_signature_error(text: str) -> None:
    for check in (check_digest, check_content_digest):
        with pytest.raises(SignatureError):
            check(text, BODY)
        with pytest.raises(SignatureError):
            check("sha-256=" + text, BODY)
