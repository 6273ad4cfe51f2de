"""Object integrity proofs: the published vectors, and everything that makes one worthless."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given
from hypothesis import strategies as st

from activitypub import base58
from activitypub.build import to_document
from activitypub.confusion import refuse_confusing
from activitypub.errors import SignatureError
from activitypub.jcs import canonicalise
from activitypub.jsonld import is_usual
from activitypub.keys import generate_rsa_key, multikey_decode, parse_did_key
from activitypub.model import Activity, Actor, ActorKey, Object
from activitypub.parse import parse_activity, parse_actor
from activitypub.proofs import add_proof, has_proof, read_proof, verify_proof

Json = dict[str, Any]

# The key of all published vectors (FEP-8b32, FEP-521a, FEP-c390, W3C vc-di-eddsa appendix B).
MULTIKEY = "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
PUBLIC_KEY = multikey_decode(MULTIKEY)
PRIVATE_KEY = Ed25519PrivateKey.from_private_bytes(
    base58.decode("3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq")[2:]
)
CREATED = datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC)
NOW = CREATED + timedelta(minutes=1)
ALICE = "https://server.example/users/alice"
KEY_ID = f"{ALICE}#ed25519-key"
CONTEXT = [
    "https://www.w3.org/ns/activitystreams",
    "https://w3id.org/security/data-integrity/v1",
]

FEP_8B32: Json = {
    "@context": CONTEXT,
    "id": "https://server.example/activities/1",
    "type": "Create",
    "actor": ALICE,
    "object": {
        "id": "https://server.example/objects/1",
        "type": "Note",
        "attributedTo": ALICE,
        "content": "Hello world",
        "location": {"type": "Place", "longitude": -71.184902, "latitude": 25.273962},
    },
}
FEP_8B32_VALUE = (
    "zLaewdp4H9kqtwyrLatK4cjY5oRHwVcw4gibPSUDYDMhi4M49v8pcYk3ZB6D69dNpAPbUmY8ocuJ3m9KhKJEEg7z"
)
# As the FEP had it at first: no context in the proof.
FEP_8B32_FIRST: Json = {
    "@context": CONTEXT,
    "type": "Create",
    "actor": ALICE,
    "object": {"type": "Note", "content": "Hello world"},
    "proof": {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": KEY_ID,
        "proofPurpose": "assertionMethod",
        "proofValue": (
            "z3sXaxjKs4M3BRicwWA9peyNPJvJqxtGsDmpt1jjoHCjgeUf71TRFz56osPSfDErszyLp5Ks1EhYSgp"
            "DaNM977Rg2"
        ),
        "created": "2023-02-24T23:36:38Z",
    },
}
FEP_C390: Json = {
    "type": "VerifiableIdentityStatement",
    "subject": f"did:key:{MULTIKEY}",
    "alsoKnownAs": ALICE,
    "proof": {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2023-02-24T23:36:38Z",
        "verificationMethod": f"did:key:{MULTIKEY}",
        "proofPurpose": "assertionMethod",
        "proofValue": (
            "z26W7TfJYD9DrGqnem245zNbeCbTwjb8avpduzi1JPhFrwML99CpP6gGXSKSXAcQdpGFBXF4kx7VwtXKh"
            "u7VDZJ54"
        ),
    },
}
_CREDENTIALS = [
    "https://www.w3.org/ns/credentials/v2",
    "https://www.w3.org/ns/credentials/examples/v2",
]
# W3C Data Integrity EdDSA Cryptosuites 1.0, appendix B.2.
VC_DI_EDDSA: Json = {
    "@context": _CREDENTIALS,
    "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
    "type": ["VerifiableCredential", "AlumniCredential"],
    "name": "Alumni Credential",
    "description": "A minimum viable example of an Alumni Credential.",
    "issuer": "https://vc.example/issuers/5678",
    "validFrom": "2023-01-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:abcdefgh", "alumniOf": "The School of Examples"},
    "proof": {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2023-02-24T23:36:38Z",
        "verificationMethod": f"did:key:{MULTIKEY}#{MULTIKEY}",
        "proofPurpose": "assertionMethod",
        "@context": _CREDENTIALS,
        "proofValue": (
            "z2HnFSSPPBzR36zdDgK8PbEHeXbR56YF24jwMpt3R1eHXQzJDMWS93FCzpvJpwTWd3GAVFuUfjoJdcnTM"
            "uVor51aX"
        ),
    },
}


def proven(document: Json = FEP_8B32) -> Json:
    return add_proof(document, key_id=KEY_ID, private_key=PRIVATE_KEY, now=CREATED)


def verify(document: Json, *, now: datetime = NOW) -> str:
    claim = read_proof(document, now=now)
    verify_proof(claim, PUBLIC_KEY)
    return claim.verification_method


def test_fep_8b32_proof_is_made_as_published() -> None:
    made = proven()
    assert made["proof"] == {
        "@context": CONTEXT,
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": KEY_ID,
        "proofPurpose": "assertionMethod",
        "created": "2023-02-24T23:36:38Z",
        "proofValue": FEP_8B32_VALUE,
    }
    assert {key: value for key, value in made.items() if key != "proof"} == FEP_8B32
    assert verify(made) == KEY_ID


@pytest.mark.parametrize("document", [FEP_8B32_FIRST, FEP_C390, VC_DI_EDDSA])
def test_published_proofs_verify(document: Json) -> None:
    assert verify(document) == document["proof"]["verificationMethod"]


def test_fep_c390_statement_names_its_own_key() -> None:
    assert parse_did_key(FEP_C390["subject"]) == PUBLIC_KEY


def test_fep_521a_key_is_read_from_the_actor() -> None:
    actor = parse_actor(
        {
            "@context": [
                "https://www.w3.org/ns/activitystreams",
                "https://www.w3.org/ns/did/v1",
                "https://w3id.org/security/multikey/v1",
            ],
            "type": "Person",
            "id": ALICE,
            "inbox": f"{ALICE}/inbox",
            "outbox": f"{ALICE}/outbox",
            "assertionMethod": [
                {
                    "id": KEY_ID,
                    "type": "Multikey",
                    "controller": ALICE,
                    "publicKeyMultibase": MULTIKEY,
                }
            ],
        }
    )
    (key,) = actor.keys
    assert (key.id, key.owner, key.multikey) == (KEY_ID, ALICE, MULTIKEY)


def test_proof_of_a_nested_object_is_verified_by_itself() -> None:
    note = proven({"@context": CONTEXT, **FEP_8B32["object"]})
    outer = {"@context": CONTEXT, "type": "Announce", "object": note}
    assert verify(outer["object"]) == KEY_ID
    assert not has_proof(outer)
    with pytest.raises(SignatureError, match="no proof"):
        verify(outer)


def test_linked_data_signature_is_no_part_of_what_is_proven() -> None:
    assert verify({**proven(), "signature": {"type": "RsaSignature2017"}}) == KEY_ID


def test_context_of_the_document_counts_where_the_proof_has_none() -> None:
    """Fedify leaves it out of the proof that it sends, and in what it signs."""
    made = proven()
    proof = {key: value for key, value in made["proof"].items() if key != "@context"}
    assert verify({**made, "proof": proof}) == KEY_ID


def test_of_several_proofs_the_one_that_we_know_is_taken() -> None:
    made = proven()
    other = {"type": "DataIntegrityProof", "cryptosuite": "mldsa44-jcs-2024"}
    assert verify({**made, "proof": [other, made["proof"]]}) == KEY_ID


def test_proofs_are_not_searched_without_end() -> None:
    made = proven()
    with pytest.raises(SignatureError):
        verify({**made, "proof": [{}] * 4 + [made["proof"]]})


@pytest.mark.parametrize(
    "changed",
    [
        {"actor": "https://server.example/users/mallory"},
        {"@context": [*CONTEXT, {"Like": "as:Dislike"}]},
        {"@context": list(reversed(CONTEXT))},
        {"to": ["https://server.example/users/bob"]},
        {"object": "https://server.example/objects/2"},
    ],
)
def test_any_change_of_the_document_is_noticed(changed: Json) -> None:
    with pytest.raises(SignatureError):
        verify({**proven(), **changed})


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"type": "Ed25519Signature2020"}, "unknown suite"),
        ({"cryptosuite": "eddsa-rdfc-2022"}, "unknown suite"),
        ({"proofPurpose": "authentication"}, "another purpose"),
        ({"previousProof": "urn:uuid:1"}, "chains"),
        ({"verificationMethod": None}, "names no key"),
        ({"verificationMethod": {"id": KEY_ID}}, "names no key"),
        ({"verificationMethod": "https://server.example/" + "x" * 2048}, "names no key"),
        ({"created": "yesterday"}, "malformed created"),
        ({"created": {"@value": "2023-02-24T23:36:38Z"}}, "malformed created"),
        ({"created": "2023-02-25T00:38:38Z"}, "from the future"),
        ({"expires": "2023-02-24T23:37:00Z"}, "expired"),
        ({"expires": 0}, "malformed expires"),
        ({"proofValue": None}, "no value"),
        ({"proofValue": "mAAAA"}, "no value"),
        ({"proofValue": "z" + "1" * 200}, "no value"),
        ({"proofValue": "z0OIl"}, "not base58"),
        ({"proofValue": "z1111"}, "no Ed25519 signature"),
        ({"@context": "https://www.w3.org/ns/activitystreams"}, "another context"),
        ({"created": "2023-02-24T23:36:37Z"}, "does not verify"),
        ({"verificationMethod": f"{ALICE}#other"}, "does not verify"),
        ({"nonce": "1"}, "does not verify"),
    ],
)
def test_any_change_of_the_proof_is_noticed(changed: Json, reason: str) -> None:
    made = proven()
    with pytest.raises(SignatureError, match=reason):
        verify({**made, "proof": {**made["proof"], **changed}})


def test_signed_expiry_is_respected() -> None:
    options = {**proven()["proof"], "expires": "2023-02-25T00:00:00Z"}
    del options["proofValue"]
    hashed = [hashlib.sha256(canonicalise(one)).digest() for one in (options, FEP_8B32)]
    value = "z" + base58.encode(PRIVATE_KEY.sign(b"".join(hashed)))
    made = {**FEP_8B32, "proof": {**options, "proofValue": value}}
    assert verify(made) == KEY_ID
    with pytest.raises(SignatureError, match="expired"):
        verify(made, now=datetime(2023, 2, 25, tzinfo=UTC))


@pytest.mark.parametrize("proof", [None, [], "proof", 1, {}, [None], [[]]])
def test_what_is_no_proof_is_refused(proof: object) -> None:
    with pytest.raises(SignatureError):
        verify({**FEP_8B32, "proof": proof})


def test_document_without_canonical_form_is_refused() -> None:
    with pytest.raises(SignatureError, match="canonical"):
        verify({**proven(), "totalItems": 2**60})


def test_rsa_key_proves_nothing() -> None:
    with pytest.raises(SignatureError, match="not an Ed25519 key"):
        verify_proof(read_proof(proven(), now=NOW), generate_rsa_key().public_key())


# What we send: each form has to stay readable, and to mean the same to a JSON-LD processor.


def _note() -> Object:
    return Object(
        id=f"{ALICE}/statuses/1",
        type="Note",
        attributed_to=(ALICE,),
        content="<p>Hello</p>",
        quote="https://other.example/notes/1",
        to=("https://www.w3.org/ns/activitystreams#Public",),
    )


def _create() -> Activity:
    return Activity(id=f"{ALICE}/statuses/1/activity", type="Create", actor=ALICE, object=_note())


def _update_of_actor() -> Activity:
    keys = (
        ActorKey(id=f"{ALICE}#main-key", owner=ALICE, public_key_pem="-----BEGIN"),
        ActorKey(id=KEY_ID, owner=ALICE, multikey=MULTIKEY),
    )
    actor = Actor(id=ALICE, type="Person", inbox=f"{ALICE}/inbox", keys=keys)
    return Activity(id=f"{ALICE}#update", type="Update", actor=ALICE, object=actor)


def _announce() -> Activity:
    return Activity(
        id=f"{ALICE}/statuses/2/activity",
        type="Announce",
        actor=ALICE,
        object="https://other.example/notes/1",
    )


@pytest.mark.parametrize("make", [_create, _update_of_actor, _announce])
def test_proven_activity_means_what_it_meant(make: Callable[[], Activity]) -> None:
    from pyld import jsonld

    from activitypub.jsonld import _bundled

    bare = to_document(make())
    made = proven(bare)
    assert verify(made) == KEY_ID
    assert is_usual(made)
    refuse_confusing(made)
    read, expected = parse_activity(made), parse_activity(bare)
    assert (read.object, read.to, read.actor) == (expected.object, expected.to, expected.actor)
    options = {"documentLoader": _bundled, "base": ""}
    (expanded,) = jsonld.expand(made, options)
    proofs = expanded.pop("https://w3id.org/security#proof")
    assert [expanded] == jsonld.expand(bare, options)
    (proof,) = proofs[0]["@graph"]
    assert proof["https://w3id.org/security#verificationMethod"] == [{"@id": KEY_ID}]


def test_context_is_not_added_twice() -> None:
    assert proven(proven())["@context"] == CONTEXT
    assert proven({**FEP_8B32, "@context": CONTEXT[0]})["@context"] == CONTEXT
    assert proven({"type": "Note"})["@context"] == [CONTEXT[1]]


def test_proven_activities_keep_their_meaning_in_a_collection() -> None:
    from pyld import jsonld

    from activitypub.jsonld import _bundled

    items = [proven(to_document(make())) for make in (_create, _announce)]
    page = {
        "@context": CONTEXT[0],
        "id": f"{ALICE}/outbox?page=true",
        "type": "OrderedCollectionPage",
        "orderedItems": items,
    }
    options = {"documentLoader": _bundled, "base": ""}
    (expanded,) = jsonld.expand(page, options)
    (listed,) = expanded["https://www.w3.org/ns/activitystreams#items"]
    assert listed["@list"] == [jsonld.expand(item, options)[0] for item in items]
    assert all(verify(item) == KEY_ID for item in items)


_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(_ANY_JSON)
def test_no_proof_makes_more_than_a_signature_error(proof: object) -> None:
    with pytest.raises(SignatureError):
        verify({**FEP_8B32, "proof": proof})


@given(st.sampled_from(sorted(VC_DI_EDDSA["proof"])), _ANY_JSON)
def test_no_property_of_a_proof_makes_more_than_a_signature_error(name: str, value: object) -> None:
    assume(value != VC_DI_EDDSA["proof"][name])
    with pytest.raises(SignatureError):
        verify({**VC_DI_EDDSA, "proof": {**VC_DI_EDDSA["proof"], name: value}})


@given(st.text(st.sampled_from("123abcXYZ"), max_size=8), _ANY_JSON)
def test_no_property_can_be_added_to_what_was_proven(name: str, value: object) -> None:
    with pytest.raises(SignatureError):
        verify({**VC_DI_EDDSA, f"x{name}": value})
