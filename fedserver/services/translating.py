"""Translations by a LibreTranslate server of the admin's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
import orjson

from fedserver.context import Context
from fedserver.errors import Unavailable, Unreachable
from fedserver.outgoing import Limits, Response
from storage.translations import KEEP_TRANSLATION, TRANSLATION

PROVIDER = "LibreTranslate"
_LANGUAGES_KEPT_S = 3_600
_MAX_BYTES = 2_097_152
_AUTO = "auto"
_QUOTA = "The server-wide usage quota for the translation service has been exceeded."
_TOO_MANY = "There have been too many requests to the translation service recently."
_UNEXPECTED = "Service Unavailable"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Translated:
    """The texts in their order, and the language that they are a translation from."""

    texts: list[str]
    source: str


class _Language(msgspec.Struct):
    code: str
    targets: list[str] | None = None


class _Detected(msgspec.Struct):
    language: str = ""


class _Answer(msgspec.Struct, rename="camel"):
    translated_text: list[str]
    detected_language: list[_Detected] | _Detected | None = None


def enabled(ctx: Context) -> bool:
    """Whether there is somebody to translate."""
    return bool(ctx.config.translation.url)


async def languages(ctx: Context) -> Mapping[str, list[str]]:
    """Give the languages that each language can be translated to; "und" stands for those that the
    service has to find out. Kept for an hour. Raises Unavailable."""
    if not enabled(ctx):
        return {}
    key = ("translation languages", int(ctx.clock.now().timestamp()) // _LANGUAGES_KEPT_S)
    kept = ctx.entity_cache.get(key)
    if kept is None:
        kept = orjson.dumps(_pairs(await _languages(ctx)))
        ctx.entity_cache.put(key, kept)
    pairs: dict[str, list[str]] = orjson.loads(kept)
    return pairs


async def _languages(ctx: Context) -> list[_Language]:
    response = await _ask(ctx, "GET", "languages", None)
    return _read(response, list[_Language])


def _pairs(known: Sequence[_Language]) -> dict[str, list[str]]:
    codes = [one.code for one in known]
    pairs = {
        one.code: [code for code in (one.targets or codes) if code != one.code] for one in known
    }
    return {"und": sorted({code for targets in pairs.values() for code in targets}), **pairs}


async def translate(
    ctx: Context, texts: Sequence[str], source: str | None, target: str
) -> Translated:
    """Translate pieces of HTML, by what is kept or by the service. Raises Unavailable."""
    key = sha256(orjson.dumps([list(texts), source, target])).digest()
    kept = await ctx.db.one(TRANSLATION, key)
    if kept is not None:
        return Translated(**kept.texts)
    made = await _translate(ctx, texts, source, target)
    await ctx.db.execute(
        KEEP_TRANSLATION, key, {"texts": made.texts, "source": made.source}, ctx.clock.now()
    )
    return made


async def _translate(
    ctx: Context, texts: Sequence[str], source: str | None, target: str
) -> Translated:
    body: dict[str, Any] = {
        "q": list(texts),
        "source": source or _AUTO,
        "target": target,
        "format": "html",
    }
    if ctx.config.translation.api_key:
        body["api_key"] = ctx.config.translation.api_key
    answer = _read(await _ask(ctx, "POST", "translate", body), _Answer)
    if len(answer.translated_text) != len(texts):
        raise Unavailable(_UNEXPECTED)
    return Translated(answer.translated_text, source or _detected(answer))


def _detected(answer: _Answer) -> str:
    found = answer.detected_language
    first = (found[0] if found else None) if isinstance(found, list) else found
    return first.language if first is not None and first.language else "und"


async def _ask(ctx: Context, method: str, path: str, body: dict[str, Any] | None) -> Response:
    settings = ctx.config.translation
    try:
        response = await ctx.out.request(
            method,
            f"{settings.url.rstrip('/')}/{path}",
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            body=None if body is None else orjson.dumps(body),
            limits=Limits(total_s=settings.timeout_s, max_bytes=_MAX_BYTES),
            own_service=True,
        )
    except Unreachable as error:
        raise Unavailable(_UNEXPECTED) from error
    if response.status == 429:
        raise Unavailable(_TOO_MANY)
    if response.status == 403:
        raise Unavailable(_QUOTA)
    if response.status != 200:
        raise Unavailable(_UNEXPECTED)
    return response


def _read(response: Response, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(response.body, type=kind)
    except msgspec.DecodeError as error:
        raise Unavailable(_UNEXPECTED) from error
