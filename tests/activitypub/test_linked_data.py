"""Linked data signatures: one that a real Mastodon made, and ours."""

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from activitypub.build import to_document
from activitypub.confusion import refuse_confusing
from activitypub.errors import DocumentError
from activitypub.jsonld import is_usual
from activitypub.keys import generate_rsa_key, load_public_key
from activitypub.linked_data import add_signature, covered_bytes, with_security_context
from activitypub.model import Activity, Object
from activitypub.proofs import add_proof, read_proof, verify_proof

Json = dict[str, Any]

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALICE = "https://server.example/users/alice"

# Sent by activitypub.academy, a Mastodon, in September 2024.
_BASE = "https://activitypub.academy/users/brauca_darradiul"
_STATUS = f"{_BASE}/statuses/113125611605598678"
_PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
MASTODON_KEY = """-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA5W/9rYXddIjKo9Ury/LK
XqQYbj0cOx/c+T1uRHJzced8JbvXdiBCNZXVVrIaygy3G/MOvxMW4kbA1bqeiSYY
V9TXBMI6gVVDnl5VG64uGxswcvUWqQU5Q1mwuwyGCPhexAq3BKe/7uH64AZgx11e
KLl3W3WcIMKmunYn8+z6hm0003hMensXMNpMVfqLoXaeuro7pYnwOSWoHFS3AxWK
llMwAoa5waulgai8gD7/uA5Y9Hvguk/OBYBh9YnIX5N5jScsmY/EYuesNIH2Ct9s
E3aVkTjZUt55JtXnk8Q9eTnrcB/98RtLWH4pJTKJhzxv19i3aZT3yDApPk0Q/biI
JQIDAQAB
-----END PUBLIC KEY-----"""
MASTODON: Json = {
    "@context": [
        "https://www.w3.org/ns/activitystreams",
        {
            "ostatus": "http://ostatus.org#",
            "atomUri": "ostatus:atomUri",
            "inReplyToAtomUri": "ostatus:inReplyToAtomUri",
            "conversation": "ostatus:conversation",
            "sensitive": "as:sensitive",
            "toot": "http://joinmastodon.org/ns#",
            "votersCount": "toot:votersCount",
        },
    ],
    "id": f"{_STATUS}/activity",
    "type": "Create",
    "actor": _BASE,
    "published": "2024-09-12T16:50:45Z",
    "to": [_PUBLIC],
    "cc": [f"{_BASE}/followers"],
    "object": {
        "id": _STATUS,
        "type": "Note",
        "summary": None,
        "inReplyTo": None,
        "published": "2024-09-12T16:50:45Z",
        "url": "https://activitypub.academy/@brauca_darradiul/113125611605598678",
        "attributedTo": _BASE,
        "to": [_PUBLIC],
        "cc": [f"{_BASE}/followers"],
        "sensitive": False,
        "atomUri": _STATUS,
        "inReplyToAtomUri": None,
        "conversation": (
            "tag:activitypub.academy,2024-09-12:objectId=187606:objectType=Conversation"
        ),
        "content": "<p>Test</p>",
        "contentMap": {"en": "<p>Test</p>"},
        "attachment": [],
        "tag": [],
        "replies": {
            "id": f"{_STATUS}/replies",
            "type": "Collection",
            "first": {
                "type": "CollectionPage",
                "next": f"{_STATUS}/replies?only_other_accounts=true&page=true",
                "partOf": f"{_STATUS}/replies",
                "items": [],
            },
        },
    },
    "signature": {
        "type": "RsaSignature2017",
        "creator": f"{_BASE}#main-key",
        "created": "2024-09-12T16:50:46Z",
        "signatureValue": (
            "osp9n4Pubp8XFvBi0iwrpCjDkIpuuUr2klp+r8Jp289ISqRNlUPeHVvNrQSE2vqNm4j/cJGuQruIqZPTAm"
            "TjjB3HtqgawoAG11DA7OPpY6mJLruKnbqadV1cy5V0DJI9CRJXEBuEmMTJRO9gi1cyzlM4QxK30YrjmtQN"
            "LoU9th97da4lumsl+a5cAue38MDuJZvLWDOTZ1EGixwhLP8FevdnZ+jqwctGu9KrgDImBIpBkQaqHFTTGr"
            "bE7FlXsj1pneOUQTuRDa9zlk2DmgXeEBWN2OJZDjgJ4iBsF2JHtCn6PccKbuI9s2VLhnobPtLB8YdHYKqI"
            "PLmv0UOjAM8XrQ=="
        ),
    },
}


def verify(document: Json, key: Any) -> None:
    assert isinstance(key, RSAPublicKey)
    signature = document["signature"]
    value = base64.b64decode(signature["signatureValue"])
    key.verify(value, covered_bytes(document, signature), PKCS1v15(), SHA256())


def test_signature_that_mastodon_made_verifies() -> None:
    key = load_public_key(MASTODON_KEY)
    verify(MASTODON, key)
    changed = {**MASTODON, "published": "2024-09-12T16:50:46Z"}
    with pytest.raises(InvalidSignature):
        verify(changed, key)


def test_activity_bears_a_proof_and_a_signature_that_both_hold() -> None:
    rsa, ed25519 = generate_rsa_key(), Ed25519PrivateKey.generate()
    note = Object(
        id=f"{ALICE}/statuses/1",
        type="Note",
        attributed_to=(ALICE,),
        content="<p>Hi</p>",
        in_reply_to="https://other.example/notes/1",
    )
    activity = Activity(id=f"{ALICE}/statuses/1/activity", type="Create", actor=ALICE, object=note)
    document = with_security_context(to_document(activity))
    proven = add_proof(document, key_id=f"{ALICE}#ed25519-key", private_key=ed25519, now=NOW)
    signed = add_signature(proven, key_id=f"{ALICE}#main-key", private_key=rsa, now=NOW)
    verify(signed, rsa.public_key())
    verify_proof(read_proof(signed, now=NOW), ed25519.public_key())
    assert is_usual(signed)
    refuse_confusing(signed)
    without_proof = {key: value for key, value in signed.items() if key != "proof"}
    with pytest.raises(InvalidSignature):
        verify(without_proof, rsa.public_key())


def test_context_is_added_once_and_before_our_own_terms() -> None:
    terms = {"sensitive": "as:sensitive"}
    document = {"@context": ["https://www.w3.org/ns/activitystreams", terms]}
    expected = [
        "https://www.w3.org/ns/activitystreams",
        "https://w3id.org/security/v1",
        terms,
    ]
    assert with_security_context(document)["@context"] == expected
    assert with_security_context(with_security_context(document))["@context"] == expected


def test_unknown_context_cannot_be_signed() -> None:
    with pytest.raises(DocumentError):
        add_signature(
            {"@context": "https://unknown.example/", "type": "Note"},
            key_id=f"{ALICE}#main-key",
            private_key=generate_rsa_key(),
            now=NOW,
        )
