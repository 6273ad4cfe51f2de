"""Commands that start nothing: help, init, config, routes, and what is said about mistakes."""

import os
import socket
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fedserver.config.example import example
from storage.server.lock import FolderLock
from tests.cli.commands import ROOT, Command, program


class TestHelp:
    def test_it_names_every_command(self, command: Command) -> None:
        result = command("--help")
        assert result.code == 0
        for name in ("run", "init", "user", "routes", "config", "doctor"):
            assert f"\n  {name} " in result.out

    def test_it_loads_neither_server_nor_database(self, place: Path) -> None:
        code = (
            "import sys, fedserver.cli\n"
            "heavy = {'aiohttp', 'asyncpg', 'cryptography', 'PIL', 'pyld'} & set(sys.modules)\n"
            "sys.exit(', '.join(heavy) or None)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")

    def test_without_the_libraries_it_says_what_to_type(self, place: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-S", "-m", "fedserver", "run"],
            cwd=ROOT,
            env={"PATH": os.defpath},
            capture_output=True,
            check=False,
            text=True,
        )
        assert done.returncode == 2
        assert "python3 -m venv .venv && .venv/bin/pip install ." in done.stderr
        assert "Traceback" not in done.stderr


class TestInit:
    def test_it_writes_a_configuration_that_works(self, command: Command, place: Path) -> None:
        result = command("init", "--domain", "Social.Example", "--admin-email", "me@social.example")
        assert result.code == 0, result.err
        written = tomllib.loads((place / "config.toml").read_text("utf-8"))
        assert written["instance"]["domain"] == "Social.Example"
        assert written["instance"]["contact_email"] == "me@social.example"
        assert stat.S_IMODE((place / "config.toml").stat().st_mode) == 0o600
        assert (place / "data").is_dir()
        assert "https://social.example" in command("config", "check").out

    def test_quotes_and_other_alphabets(self, command: Command, place: Path) -> None:
        title = 'Käse "und" \\ Wein\x7f\n'
        options = ("--domain", "a.example", "--admin-email", "a@a.example", "--title", title)
        assert command("init", *options).code == 0
        assert tomllib.loads((place / "config.toml").read_text())["instance"]["title"] == title

    def test_it_overwrites_nothing(self, command: Command, place: Path) -> None:
        (place / "config.toml").write_text("# mine")
        result = command("init", "--domain", "a.example", "--admin-email", "a@a.example")
        assert result.code == 2
        assert "exists already" in result.err
        assert (place / "config.toml").read_text() == "# mine"

    def test_a_wrong_domain_leaves_no_file(self, command: Command, place: Path) -> None:
        result = command("init", "--domain", "https://a.example", "--admin-email", "a@a.example")
        assert result.code == 2
        assert "without https://" in result.err
        assert list(place.iterdir()) == []

    def test_without_a_terminal_it_asks_for_the_option(self, place: Path) -> None:
        result = program("init", cwd=place)
        assert result.code == 2
        assert "give --domain" in result.err


class TestConfig:
    def test_check_names_file_line_and_key(self, command: Command, place: Path) -> None:
        (place / "config.toml").write_text("[server]\nprot = 1\n")
        result = command("config", "check")
        assert result.code == 2
        assert "config.toml, line 2" in result.err
        assert "Did you mean [server] port?" in result.err

    def test_the_file_can_be_named_before_and_after(self, command: Command, place: Path) -> None:
        (place / "other.toml").write_text('[instance]\ndomain = "other.example"\n')
        for arguments in (
            ("--config", "other.toml", "config", "check"),
            ("config", "check", "--config", "other.toml"),
        ):
            assert "https://other.example" in command(*arguments).out

    def test_example(self, command: Command) -> None:
        assert command("config", "example").out == example()


class TestRunRefuses:
    """Each with one message, exit code 2, no traceback, and nothing left behind."""

    def refusal(self, place: Path, **environ: str) -> str:
        result = program("run", environ=environ, cwd=place)
        assert result.code == 2, result.err
        assert "Traceback" not in result.err
        assert result.err.startswith("fedserver: ")
        return result.err

    def test_a_taken_port(self, place: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            message = self.refusal(place, FEDSERVER_SERVER__PORT=str(port))
        assert f"Port {port} is taken by " in message
        assert f"process {os.getpid()}" in message
        assert f"FEDSERVER_SERVER__PORT={port + 1}" in message

    def test_a_data_folder_in_use(self, place: Path, free_port: int) -> None:
        (place / "data").mkdir()
        lock = FolderLock(place / "data" / "fedserver.lock")
        lock.acquire()
        try:
            message = self.refusal(place, FEDSERVER_SERVER__PORT=str(free_port))
        finally:
            lock.release()
        assert f"process {os.getpid()}" in message
        assert "FEDSERVER_DATA__FOLDER" in message

    def test_a_data_folder_that_is_a_file(self, place: Path, free_port: int) -> None:
        (place / "data").write_text("")
        message = self.refusal(place, FEDSERVER_SERVER__PORT=str(free_port))
        assert f"data folder {place / 'data'}" in message

    def test_an_unreachable_database(self, place: Path, free_port: int) -> None:
        url = f"postgresql://me:secret@127.0.0.1:{free_port}/db"
        message = self.refusal(place, FEDSERVER_DATABASE__URL=url)
        assert "database on 127.0.0.1 cannot be used" in message
        assert "secret" not in message

    def test_development_settings_under_a_public_domain(self, place: Path) -> None:
        message = self.refusal(
            place,
            FEDSERVER_INSTANCE__DOMAIN="social.example",
            FEDSERVER_DEVELOPMENT__RATE_LIMITS="off",
        )
        assert "rate_limits: only for development" in message

    def test_a_wrong_key(self, place: Path) -> None:
        assert "Did you mean" in self.refusal(place, FEDSERVER_SERVER__PROT="1")


def test_a_password_is_never_taken_from_nowhere(place: Path) -> None:
    result = program("user", "create", "alice", "--email", "a@a.example", cwd=place)
    assert result.code == 2
    assert "--password-stdin" in result.err
    assert not (place / "data").exists()


@pytest.mark.parametrize("word", ["king", ""])
def test_an_unknown_role(command: Command, word: str) -> None:
    result = command("user", "promote", "alice", "--role", word)
    assert result.code == 2
    assert "owner" in result.err
