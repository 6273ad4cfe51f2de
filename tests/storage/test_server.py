"""The embedded PostgreSQL, really started, in folders of the tests' own."""

import asyncio
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from storage.server import (
    DataFolderInUse,
    DataFolderUnusable,
    EmbeddedPostgres,
    PostgresFailed,
    PostgresUnreachable,
    connect_existing,
)
from storage.server.cluster import program
from storage.server.folders import MAX_SOCKET_PATH_BYTES, SOCKET_NAME, Folders
from storage.server.identity import Identity, choose_identity
from storage.server.postmaster import find_postmaster, works_in

ROOT = Path(__file__).parents[2]
AS_ROOT = os.geteuid() == 0
# A fedserver that does nothing but hold its database; it says so on standard output.
HOLDER = """
import asyncio, sys
from pathlib import Path
from storage.server import EmbeddedPostgres

async def hold():
    async with EmbeddedPostgres(Path(sys.argv[1])) as dsn:
        print(dsn, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

asyncio.run(hold())
"""


@pytest.fixture(scope="module")
def made_folder() -> Iterator[Path]:
    """A data folder with a database that was stopped in order, to be copied."""
    # Not pytest's own folder: that one is closed to PostgreSQL's user when we are root.
    with tempfile.TemporaryDirectory(prefix="fs-") as place:
        Path(place).chmod(0o755)
        folder = Path(place) / "made"
        asyncio.run(_start_and_stop(folder))
        yield folder


async def _start_and_stop(folder: Path) -> None:
    async with EmbeddedPostgres(folder):
        pass


@pytest.fixture
def place(made_folder: Path) -> Iterator[Path]:
    """An empty folder with a short path that everybody can enter."""
    with tempfile.TemporaryDirectory(prefix="fs-") as place:
        Path(place).chmod(0o755)
        yield Path(place)


@pytest.fixture
def data_folder(made_folder: Path, place: Path) -> Path:
    """A data folder of this test's own, with a database."""
    return copy(made_folder, place / "data")


def copy(folder: Path, target: Path) -> Path:
    """Copy with owners, which only root can keep."""
    subprocess.run(["cp", "-a", str(folder), str(target)], check=True)
    return target


async def ask(dsn: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


@asynccontextmanager
async def holder(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Another process that runs a database in `folder`: its process, and the DSN."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOLDER,
        str(folder),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode().strip()
    finally:
        process.stdin.close()
        await process.wait()


class TestStarting:
    async def test_the_first_start_makes_a_database_and_stop_ends_it(self, place: Path) -> None:
        server = EmbeddedPostgres(place / "new")
        dsn = await server.start()
        assert await ask(dsn, "SELECT upper('ä') || current_setting('server_encoding')") == "ÄUTF8"
        pid = server.pid
        assert pid is not None
        await server.stop()
        assert not psutil.pid_exists(pid)
        assert server.pid is None
        await server.stop()

    async def test_data_outlive_a_restart(self, data_folder: Path) -> None:
        async with EmbeddedPostgres(data_folder) as dsn:
            await ask(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
        async with EmbeddedPostgres(data_folder) as dsn:
            assert await ask(dsn, "SELECT n FROM kept") == 7

    async def test_what_is_committed_is_on_the_disk_and_no_port_is_open(
        self, data_folder: Path
    ) -> None:
        async with EmbeddedPostgres(data_folder, max_connections=57) as dsn:
            for name, value in {
                "fsync": "on",
                "synchronous_commit": "on",
                "full_page_writes": "on",
                "data_checksums": "on",
                "wal_level": "replica",
                "listen_addresses": "",
                "jit": "off",
                "max_connections": "57",
            }.items():
                assert await ask(dsn, f"SHOW {name}") == value, name

    async def test_only_its_user_may_enter(self, data_folder: Path) -> None:
        async with EmbeddedPostgres(data_folder):
            postgres = Folders.of(data_folder).postgres
            assert stat.S_IMODE(postgres.stat().st_mode) == 0o700
            assert not stat.S_IMODE(data_folder.stat().st_mode) & 0o066

    async def test_ctrl_c_in_the_terminal_does_not_reach_it(self, data_folder: Path) -> None:
        server = EmbeddedPostgres(data_folder)
        await server.start()
        try:
            assert server.pid is not None
            assert os.getsid(server.pid) == server.pid
        finally:
            await server.stop()

    async def test_own_settings_in_local_conf(self, data_folder: Path) -> None:
        (data_folder / "postgres" / "local.conf").write_text("work_mem = 5MB\n")
        async with EmbeddedPostgres(data_folder) as dsn:
            assert await ask(dsn, "SHOW work_mem") == "5MB"

    async def test_an_interrupted_making_is_begun_anew(self, place: Path) -> None:
        half = place / "data" / "postgres" / "cluster.new"
        half.mkdir(parents=True)
        (half / "PG_VERSION").write_text("18")
        if AS_ROOT:
            nobody = pwd.getpwnam(choose_name(place / "data"))
            for one in (half.parent, half, half / "PG_VERSION"):
                os.chown(one, nobody.pw_uid, nobody.pw_gid)
        async with EmbeddedPostgres(place / "data") as dsn:
            assert await ask(dsn, "SELECT 1") == 1
        assert not half.exists()

    async def test_a_path_too_long_for_a_socket(self, made_folder: Path, place: Path) -> None:
        deep = place / ("long" * 25)
        deep.mkdir(mode=0o755)
        folder = copy(made_folder, deep / "data, with 'signs'")
        assert len(os.fsencode(folder / SOCKET_NAME)) > MAX_SOCKET_PATH_BYTES
        async with EmbeddedPostgres(folder) as dsn:
            assert await ask(dsn, "SELECT 1") == 1
            assert await connect_existing(folder) == dsn
            socket_folder = Folders.of(folder).socket
            assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
        assert not socket_folder.exists()

    async def test_signs_in_the_path(self, made_folder: Path, place: Path) -> None:
        folder = copy(made_folder, place / 'it\'s, "so" ünd?so&on')
        async with EmbeddedPostgres(folder) as dsn:
            assert await ask(dsn, "SELECT 1") == 1
            assert await connect_existing(folder) == dsn


def choose_name(folder: Path) -> str:
    return choose_identity(folder, folder / "none", program("postgres")).name


class TestAfterAKill:
    async def test_a_postgres_left_running_is_taken_over(self, data_folder: Path) -> None:
        async with holder(data_folder) as (process, dsn):
            await ask(dsn, "CREATE TABLE kept AS SELECT 7 AS n")
            left_cluster = data_folder / "postgres" / "cluster"
            left = find_postmaster(left_cluster)
            assert left is not None
            process.kill()
            await process.wait()
            server = EmbeddedPostgres(data_folder)
            dsn = await server.start()
            try:
                assert server.pid == left.pid
                assert await ask(dsn, "SELECT n FROM kept") == 7
            finally:
                await server.stop()
            assert not works_in(left.pid, left_cluster)

    async def test_one_that_is_just_stopping_is_waited_for(self, data_folder: Path) -> None:
        async with holder(data_folder) as (process, dsn):
            left = find_postmaster(data_folder / "postgres" / "cluster")
            assert left is not None
            process.kill()
            await process.wait()
            os.kill(left.pid, signal.SIGINT)
            async with EmbeddedPostgres(data_folder) as dsn:
                assert await ask(dsn, "SELECT 1") == 1

    async def test_a_crashed_database_recovers(self, data_folder: Path) -> None:
        server = EmbeddedPostgres(data_folder)
        dsn = await server.start()
        await ask(dsn, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGQUIT)
        await server.stop()
        async with EmbeddedPostgres(data_folder) as dsn:
            assert await ask(dsn, "SELECT count(*) FROM kept") == 1000

    async def test_a_stale_note_with_the_number_of_a_stranger(self, data_folder: Path) -> None:
        """After a reboot the number may belong to anybody, even to a process of the same user."""
        cluster = data_folder / "postgres" / "cluster"
        lines = [os.getpid(), cluster, 1, 5432, data_folder / "postgres/run", "", "1 1", "ready"]
        (cluster / "postmaster.pid").write_text("\n".join(map(str, lines)) + "\n")
        assert find_postmaster(cluster) is None
        async with EmbeddedPostgres(data_folder) as dsn:
            assert await ask(dsn, "SELECT 1") == 1


class TestOneAtATime:
    async def test_a_second_fedserver_is_told_who_is_there(self, data_folder: Path) -> None:
        async with holder(data_folder) as (process, dsn):
            with pytest.raises(DataFolderInUse, match=f"process {process.pid}") as caught:
                await EmbeddedPostgres(data_folder).start()
            assert caught.value.pid == process.pid
            assert await ask(dsn, "SELECT 1") == 1

    async def test_commands_connect_to_the_running_one(self, data_folder: Path) -> None:
        assert await connect_existing(data_folder) is None
        async with holder(data_folder) as (process, dsn):
            assert await connect_existing(data_folder) == dsn
            assert await ask(dsn, "SELECT 1") == 1
            process.kill()
            await process.wait()
            assert await connect_existing(data_folder) is None
            await _start_and_stop(data_folder)

    async def test_commands_wait_for_one_that_is_starting(self, data_folder: Path) -> None:
        server = EmbeddedPostgres(data_folder)
        async with asyncio.TaskGroup() as tasks:
            starting = tasks.create_task(server.start())
            while not (data_folder / "fedserver.lock").exists():
                await asyncio.sleep(0)
            found = tasks.create_task(connect_existing(data_folder))
        assert found.result() == starting.result()
        await server.stop()

    async def test_the_folder_is_free_again_after_a_failed_start(self, data_folder: Path) -> None:
        conf = data_folder / "postgres" / "local.conf"
        conf.write_text("shared_buffers = nonsense\n")
        with pytest.raises(PostgresFailed, match="shared_buffers"):
            await EmbeddedPostgres(data_folder).start()
        conf.unlink()
        await _start_and_stop(data_folder)


@pytest.mark.skipif(not AS_ROOT, reason="only root has to become somebody else")
class TestAsRoot:
    async def test_it_runs_as_another_user(self, data_folder: Path) -> None:
        server = EmbeddedPostgres(data_folder)
        await server.start()
        try:
            assert psutil.Process(server.pid).uids().effective != 0
            assert psutil.Process(server.pid).gids().effective != 0
        finally:
            await server.stop()

    async def test_the_owner_of_the_data_folder_is_taken(self, place: Path) -> None:
        user = pwd.getpwnam("daemon")
        os.chown(place, user.pw_uid, user.pw_gid)
        identity = choose_identity(place, place / "postgres", program("postgres"))
        assert (identity.uid, identity.gid) == (user.pw_uid, user.pw_gid)

    async def test_a_closed_folder_on_the_way(self, made_folder: Path, place: Path) -> None:
        """As in /root. Its mode stays as it is, and the database runs all the same."""
        if shutil.which("setpriv") is None:
            pytest.skip("setpriv (util-linux) is not installed")
        closed = place / "closed"
        closed.mkdir(mode=0o700)
        folder = copy(made_folder, closed / "data")
        async with EmbeddedPostgres(folder) as dsn:
            assert await ask(dsn, "SELECT 1") == 1
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700

    def test_without_a_way_in_the_message_names_folder_and_command(
        self, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        closed = place / "closed"
        (closed / "data").mkdir(parents=True)
        closed.chmod(0o700)
        monkeypatch.setattr(shutil, "which", lambda *_args, **_kwargs: None)
        with pytest.raises(PostgresUnreachable, match=f"chmod o\\+x {closed}"):
            choose_identity(closed / "data", closed / "data/postgres", program("postgres"))

    async def test_a_folder_of_somebody_else_in_tmp_is_not_used(
        self, made_folder: Path, place: Path
    ) -> None:
        deep = place / ("long" * 25)
        deep.mkdir(mode=0o755)
        folder = copy(made_folder, deep / "data")
        strange = Folders.of(folder).socket
        strange.mkdir()
        os.chown(strange, pwd.getpwnam("daemon").pw_uid, -1)
        try:
            with pytest.raises(DataFolderUnusable, match="belongs to another user"):
                await EmbeddedPostgres(folder).start()
        finally:
            strange.rmdir()


class TestAsANormalUser:
    def run(self, place: Path, code: str) -> "subprocess.CompletedProcess[str]":
        """Run Python as a user without rights (as ourselves, where we are one)."""
        identity = self.identity(place)
        done = subprocess.run(
            [*identity.prefix, sys.executable, "-c", code],
            cwd="/",
            env={"PYTHONPATH": str(ROOT), "HOME": str(place), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
            **identity.start_options(),
        )
        return done

    def identity(self, place: Path) -> Identity:
        try:
            identity = choose_identity(place, place / "none", Path(sys.executable).resolve())
        except PostgresUnreachable as error:
            pytest.skip(str(error))
        return identity

    def test_it_starts_and_stops(self, place: Path) -> None:
        os.chown(place, self.identity(place).uid, -1)
        code = (
            "import asyncio, os\nfrom pathlib import Path\nfrom storage.server import *\n"
            "async def main():\n"
            f"    server = EmbeddedPostgres(Path({str(place)!r}) / 'data')\n"
            "    await server.start()\n"
            "    print(os.geteuid(), os.stat(f'/proc/{server.pid}').st_uid)\n"
            "    await server.stop()\n"
            "asyncio.run(main())\n"
        )
        done = self.run(place, code)
        assert done.returncode == 0, done.stderr
        own, postgres = done.stdout.split()
        assert own == postgres != "0"

    def test_a_folder_that_is_not_ours_names_the_command(self, place: Path) -> None:
        place.chmod(0o555)
        code = (
            "import asyncio\nfrom pathlib import Path\nfrom storage.server import *\n"
            "try:\n"
            f"    asyncio.run(EmbeddedPostgres(Path({str(place)!r}) / 'data').start())\n"
            "except DataFolderUnusable as error:\n"
            "    print(error)\n"
        )
        done = self.run(place, code)
        place.chmod(0o755)
        assert "may not write to the data folder" in done.stdout, done.stderr
        assert "sudo chown -R" in done.stdout
