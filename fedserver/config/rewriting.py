"""Changing one setting in a configuration file, and nothing else in it."""

import os
import re
from pathlib import Path

from fedserver.errors import ConfigError

_SECTION = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")


def with_domain(text: str, domain: str) -> str:
    """Give the text of a configuration file with `domain` in [instance], all else as it was."""
    lines, section = text.splitlines(keepends=True), ""
    header = None
    for number, line in enumerate(lines):
        if found := _SECTION.match(line):
            section = found[1]
            header = number if section == "instance" else header
        elif section == "instance" and re.match(r"\s*domain\s*=", line):
            comment = re.search(r'(\s*#[^"]*)$', line.rstrip("\n"))
            lines[number] = f'domain = "{domain}"{comment[1] if comment else ""}\n'
            return "".join(lines)
    if header is None:
        return f'[instance]\ndomain = "{domain}"\n\n{text}'
    lines.insert(header + 1, f'domain = "{domain}"\n')
    return "".join(lines)


def write_domain(path: Path, domain: str) -> None:
    """Write `domain` into the configuration file, whole or not at all. Raises ConfigError."""
    beside = path.with_name(f".{path.name}.new")
    try:
        text = path.read_text("utf-8")
        beside.write_text(with_domain(text, domain), "utf-8")
        beside.chmod(path.stat().st_mode & 0o777)
        os.replace(beside, path)
    except OSError as error:
        raise ConfigError(
            f'{path} cannot be written ({error}): set domain = "{domain}" in [instance] yourself'
        ) from error
