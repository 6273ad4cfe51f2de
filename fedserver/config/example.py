"""The configuration file with everything in it: `config.example.toml`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from pathlib import Path
from textwrap import wrap
from typing import Any, Literal, get_args, get_origin, get_type_hints

from fedserver.config.setting import Setting
from fedserver.config.settings import Config

_HEAD = """\
# Every setting of fedserver, with its default and its reason. Copy what you want to change into
# config.toml; what is not there has its default. `fedserver config check` looks it over.
#
# Each can also be given in the environment: FEDSERVER_SERVER__PORT=8081 for port in [server].
"""
_WIDTH = 98


def example() -> str:
    """Give the text of the file, made from the settings themselves."""
    config = Config()
    return "\n".join(
        [_HEAD, *(_section(one.name, getattr(config, one.name)) for one in fields(config))]
    )


def _section(name: str, section: Any) -> str:
    hints = get_type_hints(type(section))
    lines = [f"# {section.__doc__}", f"[{name}]"]
    for one in fields(section):
        lines += [*_about(one, hints[one.name]), _assignment(one, getattr(section, one.name)), ""]
    return "\n".join(lines)


def _about(one: "Field[Any]", hint: Any) -> Iterator[str]:
    about: Setting = one.metadata["setting"]
    notes = [about.reason]
    if get_origin(hint) is Literal:
        notes.append(f"One of {', '.join(_toml(choice) for choice in get_args(hint))}.")
    if about.unit and about.unit not in about.reason.lower():
        notes.append(f"In {about.unit}.")
    if about.minimum is not None or about.maximum is not None:
        notes.append(_bounds(about))
    for line in wrap(" ".join(notes), _WIDTH):
        yield f"# {line}"


def _bounds(about: Setting) -> str:
    low, high = about.minimum, about.maximum
    if high is None:
        return f"At least {low:.10g}."
    return f"At most {high:.10g}." if low is None else f"From {low:.10g} to {high:.10g}."


def _assignment(one: "Field[Any]", default: object) -> str:
    """Write the default; where it cannot be written, an example that is commented out."""
    about: Setting = one.metadata["setting"]
    if default is None:
        quote = '"' if "Path" in str(one.type) else ""
        return f"# {one.name} = {quote}{about.example}{quote}"
    line = f"{one.name} = {_toml(default)}"
    if about.example and not default:
        return f"{line}  # for example {_example(about.example, default)}"
    return line


def _example(text: str, default: object) -> str:
    if isinstance(default, str):
        return json.dumps(text)
    return f'["{text}"]' if isinstance(default, tuple) else f"{{ {text} }}"


def _toml(value: object) -> str:
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return str(value) if isinstance(value, int | float) else "{}"


def changed_settings(config: Config) -> str:
    """Give a configuration file with what differs from the defaults. Where the data lies is the
    machine's affair and left out."""
    lines = []
    for section in fields(config):
        section_now, default = getattr(config, section.name), getattr(Config(), section.name)
        changed = [
            f"{one.name} = {_written(getattr(section_now, one.name))}"
            for one in fields(section_now)
            if getattr(section_now, one.name) != getattr(default, one.name)
            and (section.name, one.name) != ("data", "folder")
        ]
        if changed:
            lines += [f"[{section.name}]", *changed, ""]
    return "\n".join(lines)


def _written(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_toml(key)} = {_toml(one)}' for key, one in value.items())} }}"
    return _toml(value)
