"""`fedserver init`: a configuration file and a data folder for a new instance."""

import json
import os
import sys
from pathlib import Path

import click

from fedserver.cli.shared import chosen_file
from fedserver.errors import StartError

_FILE = """\
# The configuration of a fedserver instance. Everything that can be set, with its default and its
# reason, is in config.example.toml and docs/admin/configuration.md.

[instance]
# It cannot be changed once other servers know the instance.
domain = {domain}
title = {title}
contact_email = {email}

[server]
# A reverse proxy with TLS stands before it: see docs/admin/install.md
listen = "127.0.0.1"
port = {port}

[data]
folder = {folder}
"""


@click.command()
@click.option("--domain", help="The name in every address, such as social.example.")
@click.option("--admin-email", help="Where people can write to; shown in public.")
@click.option("--title", help="The name of the instance. Without it: the domain.")
@click.option("--data", "data_folder", default="data", show_default=True, help="The data folder.")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write. Without it: ./config.toml.",
)
def init(
    domain: str | None,
    admin_email: str | None,
    title: str | None,
    data_folder: str,
    port: int,
    config_file: Path | None,
) -> None:
    """Write a configuration file and make the data folder. Asks for what no option says."""
    file = config_file or chosen_file() or Path("config.toml")
    if file.exists():
        raise StartError(f"{file} exists already: change it, or name another file by --config")
    domain = domain or _ask("Domain", "--domain", default=f"localhost:{port}")
    admin_email = admin_email or _ask("E-mail of the admin", "--admin-email")
    text = _FILE.format(
        domain=_toml(domain),
        title=_toml(title or domain),
        email=_toml(admin_email),
        port=port,
        folder=_toml(data_folder),
    )
    _write_checked(file, text)
    _say_what_next(file)


def _ask(question: str, option: str, default: str | None = None) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError(f"there is nobody to ask: give {option}")
    answer: str = click.prompt(question, default=default)
    return answer


def _toml(text: str) -> str:
    # JSON's strings are TOML's, but for the one control character that JSON lets through.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write_checked(file: Path, text: str) -> None:
    """Write the file, closed to others (it may come to hold a password); remove it if wrong."""
    from fedserver.config import load
    from storage.database import StorageError
    from storage.server import make_data_folder

    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise StartError(f"{file} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    made = False
    try:
        make_data_folder(load(file, {}).data.folder)
        made = True
    except StorageError as error:
        raise StartError(str(error)) from error
    finally:
        if not made:
            file.unlink()


def _say_what_next(file: Path) -> None:
    option = "" if file == Path("config.toml") else f" --config {file}"
    click.echo(f"{file} is written. Next:")
    click.echo(f"  fedserver run{option}")
    click.echo(f"  fedserver user create NAME --email E --role owner{option}   (while it runs)")
