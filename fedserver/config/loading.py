"""Where settings come from: a TOML file, and `FEDSERVER_SECTION__KEY` in the environment."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from functools import cache, partial
from math import isfinite
from pathlib import Path
from typing import Any, get_type_hints

from fedserver.config.checks import CHECKS
from fedserver.config.setting import Setting
from fedserver.config.settings import Config
from fedserver.config.values import WrongValue, convert, from_text
from fedserver.errors import ConfigError

DEFAULT_FILE = Path("config.toml")
_PREFIX = "FEDSERVER_"
Values = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _File:
    """The text of the configuration file, to say in which line something stands."""

    path: Path
    text: str

    def where(self, section: str, key: str = "") -> str:
        """Name a place as people look for it: "config.toml, line 3: [server] prot"."""
        name = f"[{section}] {key}".strip()
        line = self._line(section, key)
        return f"{self.path}, line {line}: {name}" if line else f"{self.path}: {name}"

    def _line(self, section: str, key: str) -> int | None:
        current = ""
        for number, line in enumerate(self.text.splitlines(), start=1):
            if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
                current = header[1]
                if (current == section and not key) or current == f"{section}.{key}":
                    return number
            elif current == section and key and re.match(rf"""\s*["']?{re.escape(key)}\b""", line):
                return number
        return None


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Read the settings from `path` and lay those of `environ` over them.

    Without a path it is ./config.toml if there is one, and otherwise the defaults alone.
    Raises ConfigError: the file cannot be read, a key is unknown, a value is wrong.
    """
    file = _open(path)
    values: Values = {}
    if file is not None:
        values = _read_file(file)
    for section, keys in _read_environment(environ).items():
        values.setdefault(section, {}).update(keys)
    _default_domain(values)
    return _in_folder(_build(values), file.path.parent if file else Path())


def _open(path: Path | None) -> _File | None:
    if path is None and not DEFAULT_FILE.exists():
        return None
    path = path or DEFAULT_FILE
    try:
        return _File(path, path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist. `fedserver init` writes one") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error


def _read_file(file: _File) -> Values:
    try:
        document = tomllib.loads(file.text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file.path} is not valid TOML: {error}") from error
    return {section: _read_section(file, section, keys) for section, keys in document.items()}


def _read_section(file: _File, section: str, keys: object) -> dict[str, Any]:
    if section not in _sections():
        what = "section" if isinstance(keys, dict) else "key"
        suggestion = _suggest(section, [f"[{name}]" for name in _sections()])
        raise ConfigError(f"{file.where(section)}: there is no such {what}{suggestion}")
    if not isinstance(keys, dict):
        raise ConfigError(f"{file.path}: {section} is a section: write [{section}], then its keys")
    return {key: _read_value(file, section, key, raw) for key, raw in keys.items()}


def _read_value(file: _File, section: str, key: str, raw: object) -> Any:
    hints = _sections()[section]
    if key not in hints:
        raise ConfigError(f"{file.where(section, key)}: there is no such key{_nearest_key(key)}")
    return _checked(file.where(section, key), section, key, partial(convert, hints[key], raw))


def _read_environment(environ: Mapping[str, str]) -> Values:
    values: Values = {}
    for name, text in environ.items():
        if name.startswith(_PREFIX):
            section, key = _known_variable(name)
            hint = _sections()[section][key]
            value = _checked(name, section, key, partial(from_text, hint, text))
            values.setdefault(section, {})[key] = value
    return values


def _known_variable(name: str) -> tuple[str, str]:
    section, _, key = name.removeprefix(_PREFIX).lower().partition("__")
    if key in _sections().get(section, {}):
        return section, key
    known = [
        f"{_PREFIX}{section}__{key}".upper()
        for section, keys in _sections().items()
        for key in keys
    ]
    raise ConfigError(f"environment: {name} sets nothing{_suggest(name, known)}")


def _checked(where: str, section: str, key: str, read: Callable[[], Any]) -> Any:
    about = _about(section, key)
    try:
        value = read()
        _check_bounds(about, value)
        check = CHECKS.get((section, key))
        return value if check is None else check(value)
    except WrongValue as error:
        example = f", for example {about.example}" if about.example else ""
        raise ConfigError(f"{where}: {error}{example}") from error


def _check_bounds(about: Setting, value: object) -> None:
    if not isinstance(value, int | float):
        return
    if not isfinite(value):
        raise WrongValue(f"needs a finite number, not {value}")
    unit = f" {about.unit}" if about.unit else ""
    if about.minimum is not None and value < about.minimum:
        raise WrongValue(f"{value} is too small, at least {about.minimum:g}{unit}")
    if about.maximum is not None and value > about.maximum:
        raise WrongValue(f"{value} is too large, at most {about.maximum:g}{unit}")


def _default_domain(values: Values) -> None:
    """Trying another port should be one setting, not two."""
    port = values.get("server", {}).get("port")
    if port is not None:
        values.setdefault("instance", {}).setdefault("domain", f"localhost:{port}")


def _build(values: Values) -> Config:
    types = get_type_hints(Config)
    return Config(**{section: types[section](**keys) for section, keys in values.items()})


def _in_folder(config: Config, folder: Path) -> Config:
    """Make relative paths absolute: they are meant from where the file is."""

    def absolute(path: Path) -> Path:
        return (folder / path.expanduser()).absolute()

    policy, ca_file = config.policy, config.development.ca_file
    return replace(
        config,
        data=replace(config.data, folder=absolute(config.data.folder)),
        policy=replace(
            policy,
            privacy_policy=policy.privacy_policy and absolute(policy.privacy_policy),
            terms_of_service=policy.terms_of_service and absolute(policy.terms_of_service),
        ),
        development=replace(config.development, ca_file=ca_file and absolute(ca_file)),
    )


@cache
def _sections() -> dict[str, dict[str, Any]]:
    """Give each section's keys with their types."""
    return {
        section.name: get_type_hints(get_type_hints(Config)[section.name])
        for section in fields(Config)
    }


def _about(section: str, key: str) -> Setting:
    for one in fields(get_type_hints(Config)[section]):
        if one.name == key:
            about: Setting = one.metadata["setting"]
            return about
    raise KeyError(key)


def _nearest_key(key: str) -> str:
    """Suggest a key of any section: it is often only in the wrong one."""
    places: dict[str, list[str]] = {}
    for section, keys in _sections().items():
        for known in keys:
            places.setdefault(known, []).append(f"[{section}] {known}")
    nearest = get_close_matches(key, places, n=1, cutoff=0.5)
    return f". Did you mean {' or '.join(places[nearest[0]])}?" if nearest else ""


def _suggest(wrong: str, known: list[str]) -> str:
    nearest = get_close_matches(wrong, known, n=1, cutoff=0.5)
    return f". Did you mean {nearest[0]}?" if nearest else f". There are: {', '.join(known)}"
