"""The instance key and what is made with it."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fedserver.clock import FixedClock
from fedserver.errors import Invalid, StartError
from fedserver.secrets import CannotUnwrap, JsonValue, Secrets, new_token, same, token_hash

NOW = datetime(2026, 11, 23, 10, 1, tzinfo=UTC)
KEY = bytes(range(32))


def test_the_key_file_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "instance.key"
    blob = Secrets.load_or_create(path).wrap(b"pem", purpose="actor key")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == 32
    assert Secrets.load_or_create(path).unwrap(blob, purpose="actor key") == b"pem"
    assert [entry.name for entry in tmp_path.iterdir()] == ["instance.key"]


def test_starting_at_once_gives_one_key(tmp_path: Path) -> None:
    path = tmp_path / "instance.key"
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: Secrets.load_or_create(path), range(16)))
    blob = made[0].wrap(b"pem", purpose="x")
    assert all(secrets.unwrap(blob, purpose="x") == b"pem" for secrets in made)
    assert [entry.name for entry in tmp_path.iterdir()] == ["instance.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "instance.key"
    path.write_bytes(KEY)
    path.chmod(mode)
    with pytest.raises(StartError, match="chmod 600"):
        Secrets.load_or_create(path)


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_key_of_the_wrong_size_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "instance.key"
    path.write_bytes(bytes(size))
    path.chmod(0o600)
    with pytest.raises(StartError, match="exactly 32 bytes"):
        Secrets.load_or_create(path)
    assert path.stat().st_size == size


def test_a_missing_folder_is_a_start_error(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="Cannot use the instance key"):
        Secrets.load_or_create(tmp_path / "nowhere" / "instance.key")


def test_wrapped_bytes_are_hidden_and_never_alike() -> None:
    secrets = Secrets(KEY)
    first, second = (secrets.wrap(b"private pem", purpose="x") for _ in range(2))
    assert first != second
    assert b"private" not in first
    assert secrets.unwrap(first, purpose="x") == b"private pem"


def test_only_the_purpose_and_the_key_open_it() -> None:
    blob = Secrets(KEY).wrap(b"pem", purpose="actor key")
    with pytest.raises(CannotUnwrap):
        Secrets(KEY).unwrap(blob, purpose="otp seed")
    with pytest.raises(CannotUnwrap):
        Secrets(os.urandom(32)).unwrap(blob, purpose="actor key")


def test_damaged_blobs_do_not_open() -> None:
    secrets = Secrets(KEY)
    blob = secrets.wrap(b"pem", purpose="x")
    flipped = [blob[:i] + bytes([blob[i] ^ 1]) + blob[i + 1 :] for i in range(len(blob))]
    for bad in [b"", blob[:1], blob[:20], blob[:-1], blob + b"\0", *flipped]:
        with pytest.raises(CannotUnwrap):
            secrets.unwrap(bad, purpose="x")


@pytest.mark.parametrize("value", ["alice", 7, None, ["a", 1], {"id": "1", "ok": True}])
def test_signed_values_come_back(value: JsonValue) -> None:
    secrets = Secrets(KEY)
    text = secrets.sign_value(value, purpose="mail")
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", text)
    assert secrets.read_value(text, purpose="mail", max_age_s=60) == value


def test_signed_values_expire_by_our_clock() -> None:
    clock = FixedClock(NOW)
    secrets = Secrets(KEY, clock)
    text = secrets.sign_value("alice", purpose="mail")
    clock.move(timedelta(seconds=60))
    assert secrets.read_value(text, purpose="mail", max_age_s=60) == "alice"
    clock.move(timedelta(seconds=1))
    with pytest.raises(Invalid, match="expired"):
        secrets.read_value(text, purpose="mail", max_age_s=60)


def test_signed_values_cannot_be_made_or_moved_by_others() -> None:
    secrets = Secrets(KEY)
    text = secrets.sign_value("alice", purpose="mail")
    foreign = Secrets(os.urandom(32)).sign_value("alice", purpose="mail")
    moved = secrets.sign_value("alice", purpose="csrf")
    payload, _, rest = text.partition(".")
    swapped = secrets.sign_value("bob", purpose="csrf").partition(".")[0] + "." + rest
    for bad in [foreign, moved, swapped, payload, "", "..", "é" + text, text + "A" * 4096]:
        with pytest.raises(Invalid):
            secrets.read_value(bad, purpose="mail", max_age_s=60)


def test_tokens() -> None:
    tokens = {new_token() for _ in range(50)}
    assert len(tokens) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)
    assert token_hash("abc").hex().startswith("ba7816bf8f01cfea")  # FIPS 180-2, appendix B.1


def test_same_compares_text_and_bytes() -> None:
    assert same("é", "é".encode())
    assert not same("a", "b")
    assert not same("a", "aa")
