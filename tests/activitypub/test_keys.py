"""Keys as PEM, Multikey and did:key."""

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from activitypub.errors import KeyFormatError
from activitypub.keys import (
    PublicKey,
    did_key,
    generate_ed25519_key,
    generate_rsa_key,
    load_private_key,
    load_public_key,
    multikey_decode,
    multikey_encode,
    parse_did_key,
    private_key_to_pem,
    public_key_to_pem,
)

# The did:key method's published Ed25519 vectors: 32-byte seed (a big-endian number) and identifier.
DID_KEY_ED25519 = [
    (0, "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"),
    (1, "did:key:z6MkjchhfUsD6mmvni8mCdXHw216Xrm9bQe2mBH1P5RDjVJG"),
    (2, "did:key:z6MknGc3ocHs3zdPiJbnaaqDi58NGb4pk1Sp9WxWufuXSdxf"),
]

# The did:key method's published RSA-2048 example, and the start of its modulus.
DID_KEY_RSA = (
    "did:key:z4MXj1wBzi9jUstyPMS4jQqB6KdJaiatPkAtVtGc6bQEQEEsKTic4G7Rou3iBf9vPmT5dbkm9qsZsuVNjq8"
    "HCuW1w24nhBFGkRE4cd2Uf2tfrB3N7h4mnyPp1BF3ZttHTYv3DLUPi1zMdkULiow3M1GfXkoC6DoxDUm1jmN6GBj22"
    "SjVsr6dxezRVQc7aj9TxE7JLbMH1wh5X3kA58H3DFW8rnYMakFGbca5CB2Jf6CnGQZmL7o5uJAdTwXfy2iiiyPxXEG"
    "erMhHwhjTA1mKYobyk2CpeEcmvynADfNZ5MBvcCS7m3XkFCMNUYBS9NQ3fze6vMSUPsNa6GVYmKx2x6JrdEjCk3qRM"
    "MmyjnjCMfR4pXbRMZa3i"
)
RSA_MODULUS_START = bytes.fromhex("b1b5fcd8d4d5e88ca5c4287b31f578")


@pytest.fixture(scope="module")
def rsa_key() -> RSAPrivateKey:
    return generate_rsa_key()


def test_generated_rsa_key_has_2048_bits(rsa_key: RSAPrivateKey) -> None:
    assert rsa_key.key_size == 2048


def test_private_keys_survive_storage(rsa_key: RSAPrivateKey) -> None:
    for key in (rsa_key, generate_ed25519_key()):
        again = load_private_key(private_key_to_pem(key))
        assert public_key_to_pem(again.public_key()) == public_key_to_pem(key.public_key())


@pytest.mark.parametrize("pem", ["", "no key", "-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_unreadable_private_key_is_refused(pem: str) -> None:
    with pytest.raises(KeyFormatError):
        load_private_key(pem)


def test_private_key_of_another_kind_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(KeyFormatError, match="neither"):
        load_private_key(private_key_to_pem(key))  # type: ignore[arg-type]  # the point of the test


def test_public_keys_survive_pem(rsa_key: RSAPrivateKey) -> None:
    for key in (rsa_key.public_key(), generate_ed25519_key().public_key()):
        assert same(load_public_key(public_key_to_pem(key)), key)


def test_pkcs1_public_key_is_read(rsa_key: RSAPrivateKey) -> None:
    pem = rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()
    assert pem.startswith("-----BEGIN RSA PUBLIC KEY-----")
    assert same(load_public_key(pem), rsa_key.public_key())


def test_disfigured_pem_is_read(rsa_key: RSAPrivateKey) -> None:
    key = rsa_key.public_key()
    pem = public_key_to_pem(key)
    disfigured = [
        pem.replace("\n", "\r\n"),
        pem.replace("\n", "\\n"),
        pem.replace("\n", "\\r\\n"),
        pem.replace("\n", " "),
        pem.strip(),
        "\n\n  " + pem.replace("\n", "\n    ") + "\t\n",
    ]
    for text in disfigured:
        assert same(load_public_key(text), key)


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----" + "A" * 9000 + "-----END PUBLIC KEY-----",
    ],
)
def test_text_that_is_no_public_key_is_refused(pem: str) -> None:
    with pytest.raises(KeyFormatError):
        load_public_key(pem)


def test_weak_and_foreign_public_keys_are_refused() -> None:
    keys: list[rsa.RSAPublicKey | ec.EllipticCurvePublicKey | dsa.DSAPublicKey] = [
        rsa.generate_private_key(65537, 1024).public_key(),
        ec.generate_private_key(ec.SECP256R1()).public_key(),
        dsa.generate_private_key(1024).public_key(),
    ]
    for key in keys:
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        with pytest.raises(KeyFormatError):
            load_public_key(pem)


def test_oversized_rsa_numbers_are_refused() -> None:
    long_modulus = rsa.RSAPublicNumbers(65537, (1 << 8200) + 1).public_key()
    long_exponent = rsa.RSAPublicNumbers((1 << 2000) + 1, (1 << 2047) + 1).public_key()
    for key in (long_modulus, long_exponent):
        with pytest.raises(KeyFormatError):
            load_public_key(public_key_to_pem(key))


@settings(deadline=None)
@given(st.text(max_size=300))
def test_garbage_pem_only_raises_key_format_error(text: str) -> None:
    with pytest.raises(KeyFormatError):
        load_public_key(f"-----BEGIN PUBLIC KEY-----{text}-----END PUBLIC KEY-----")


@pytest.mark.parametrize(("seed", "did"), DID_KEY_ED25519)
def test_did_key_vectors_for_ed25519(seed: int, did: str) -> None:
    public = Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big")).public_key()
    assert did_key(public) == did
    assert same(parse_did_key(did), public)


def test_did_key_vector_for_rsa() -> None:
    key = parse_did_key(DID_KEY_RSA)
    assert isinstance(key, RSAPublicKey)
    assert key.key_size == 2048
    assert key.public_numbers().e == 65537
    assert key.public_numbers().n.to_bytes(256, "big").startswith(RSA_MODULUS_START)
    assert did_key(key) == DID_KEY_RSA


def test_multikey_round_trip(rsa_key: RSAPrivateKey) -> None:
    for key in (rsa_key.public_key(), generate_ed25519_key().public_key()):
        assert same(multikey_decode(multikey_encode(key)), key)


def test_multikey_kinds_are_recognisable(rsa_key: RSAPrivateKey) -> None:
    assert multikey_encode(generate_ed25519_key().public_key()).startswith("z6Mk")
    assert multikey_encode(rsa_key.public_key()).startswith("z4MX")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        "z0OIl",
        "u6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",  # another multibase
        "z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDoo",  # too short
        "zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169",  # P-256
        "z" + "1" * 3000,
        "z6Mké",
    ],
)
def test_unfit_multikeys_are_refused(text: str) -> None:
    with pytest.raises(KeyFormatError):
        multikey_decode(text)


def test_did_of_another_method_or_with_fragment_is_refused() -> None:
    did = DID_KEY_ED25519[0][1]
    for text in ("did:web:example.com", did + "#" + did.removeprefix("did:key:"), did.upper()):
        with pytest.raises(KeyFormatError):
            parse_did_key(text)


@settings(deadline=None)
@given(st.text(max_size=100))
def test_garbage_multikey_only_raises_key_format_error(text: str) -> None:
    with pytest.raises(KeyFormatError):
        multikey_decode("z" + text)


def same(one: PublicKey, other: PublicKey) -> bool:
    assert isinstance(one, RSAPublicKey | Ed25519PublicKey)
    return public_key_to_pem(one) == public_key_to_pem(other)
