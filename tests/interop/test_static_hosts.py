"""The static copy under real web servers, with the rules that come with it."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.conftest import unused_port
from tests.instances import Instance, start_instance
from tests.survival.test_static_export import with_picture, write_out
from tests.waiting import until

pytestmark = pytest.mark.interop

ACTIVITY = "application/activity+json"
HTML = "text/html,application/xhtml+xml"


def nginx(folder: Path, place: Path, port: int) -> list[str]:
    rules = (folder / "hosting" / "nginx.conf").read_text("utf-8")
    domain = rules.split("server_name ")[1].split(";")[0]
    rules = rules.replace(f"server_name {domain};", f"listen 127.0.0.1:{port};")
    rules = rules.replace(f"root /srv/{domain};", f"root {folder};")
    temporary = "".join(
        f"{kind}_temp_path {place}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (place / "nginx.conf").write_text(
        f"user root;\ndaemon off;\npid {place}/pid;\nerror_log {place}/error.log;\nevents {{ }}\n"
        f"http {{\ninclude /etc/nginx/mime.types;\naccess_log off;\n{temporary}{rules}\n}}\n"
    )
    return ["nginx", "-e", f"{place}/error.log", "-c", f"{place}/nginx.conf"]


def caddy(folder: Path, place: Path, port: int) -> list[str]:
    rules = (folder / "hosting" / "Caddyfile").read_text("utf-8")
    domain = rules.split(" {", 1)[0]
    rules = rules.replace(f"{domain} {{", f"http://127.0.0.1:{port} {{", 1)
    rules = rules.replace(f"root * /srv/{domain}", f"root * {folder}")
    (place / "Caddyfile").write_text(f"{{\nadmin off\n}}\n{rules}")
    return ["caddy", "run", "--config", f"{place}/Caddyfile", "--adapter", "caddyfile"]


def apache2(folder: Path, place: Path, port: int) -> list[str]:
    modules = "/usr/lib/apache2/modules"
    wanted = ("mpm_event", "authz_core", "mime", "dir", "rewrite")
    loaded = "".join(f"LoadModule {one}_module {modules}/mod_{one}.so\n" for one in wanted)
    (place / "apache.conf").write_text(
        f"ServerName localhost\nListen 127.0.0.1:{port}\nPidFile {place}/pid\n"
        f"ErrorLog {place}/error.log\nUser www-data\nGroup www-data\n{loaded}"
        f"TypesConfig /etc/mime.types\nDocumentRoot {folder}\n"
        f"<Directory {folder}>\nAllowOverride All\nRequire all granted\n</Directory>\n"
    )
    return ["apache2", "-f", f"{place}/apache.conf", "-DFOREGROUND"]


def python(folder: Path, place: Path, port: int) -> list[str]:
    return ["python3", str(folder / "hosting" / "serve.py"), str(port)]


@pytest.fixture
async def origin(database_dsn: str, tmp_path: Path) -> AsyncIterator[Instance]:
    async with start_instance(database_dsn, tmp_path / "whole", unused_port()) as instance:
        yield instance


@asynccontextmanager
async def running(arguments: list[str], port: int) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(*arguments)

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(answers)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize("host", [nginx, caddy, apache2, python])
async def test_host_answers_as_the_server_did(origin: Instance, tmp_path: Path, host) -> None:
    if shutil.which(host.__name__ if host is not python else "python3") is None:
        pytest.skip("not installed")
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    ada = await origin.person("ada")
    await origin.person("bob_2")
    posted = await with_picture(ada, "hello")
    folder, place = tmp_path / "copy", tmp_path / "place"
    place.mkdir()
    await write_out(origin, folder)
    port, domain, number = unused_port(), origin.domain, posted["id"]
    quoted = domain.replace(":", "%3A")
    cases = [
        ("/", HTML, "text/html", "fedserver"),
        ("/@ada", HTML, "text/html", "hello"),
        (f"/@ada/{number}", HTML, "text/html", "og:title"),
        ("/@ada", ACTIVITY, ACTIVITY, '"Person"'),
        (f"/@ada/{number}", ACTIVITY, ACTIVITY, '"Note"'),
        ("/users/ada", ACTIVITY, ACTIVITY, '"Person"'),
        ("/users/ada", f'application/ld+json; profile="x", {HTML}', ACTIVITY, '"Person"'),
        (f"/users/ada/statuses/{number}", ACTIVITY, ACTIVITY, '"Note"'),
        (f"/users/ada/statuses/{number}/activity", ACTIVITY, ACTIVITY, '"Create"'),
        ("/users/ada/outbox", ACTIVITY, ACTIVITY, '"OrderedCollection"'),
        ("/actor", ACTIVITY, ACTIVITY, '"Application"'),
        (f"/.well-known/webfinger?resource=acct:ada@{domain}", "*/*",
         "application/jrd+json", "acct:ada@"),
        (f"/.well-known/webfinger?resource=acct%3Abob_2%40{quoted}", "*/*",
         "application/jrd+json", "bob_2"),
        (f"/.well-known/webfinger?resource=http://{domain}/users/ada", "*/*",
         "application/jrd+json", "acct:ada@"),
        (f"/.well-known/webfinger?resource=http%3A%2F%2F{quoted}%2F%40ada", "*/*",
         "application/jrd+json", "acct:ada@"),
        ("/.well-known/nodeinfo", "*/*", "application/json", "links"),
        ("/nodeinfo/2.1", "*/*", "application/json", "fedserver"),
        ("/.well-known/host-meta", "*/*", "application/xrd+xml", "lrdd"),
        ("/@ada.atom", "*/*", "application/atom+xml", "hello"),
    ]  # fmt: skip
    async with running(host(folder, place, port), port) as base, aiohttp.ClientSession() as client:
        for path, accept, kind, text in cases:
            async with client.get(base + path, headers={"Accept": accept}) as answer:
                body = await answer.text()
                assert (answer.status, answer.content_type) == (200, kind), (path, accept, body)
                assert text in body, (path, accept, body)
        for path in ("/.well-known/webfinger?resource=acct:eve@x", "/users/eve", "/@eve"):
            async with client.get(base + path) as answer:
                assert answer.status == 404, path
        async with client.get(f"{base}/media/{posted['file']}") as picture:
            assert (picture.status, picture.content_type) == (200, "image/png")
