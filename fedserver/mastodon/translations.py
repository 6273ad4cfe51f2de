"""Translations of posts (Mastodon API: statuses#translate, instance#translation_languages)."""

import re
from collections.abc import Sequence
from html import escape
from typing import Any

import orjson

from fedserver import entities
from fedserver.context import Context
from fedserver.errors import Forbidden
from fedserver.mastodon.composing import posting_defaults
from fedserver.mastodon.subjects import acting_account, shown_status
from fedserver.routing import JSON, Caller, Params, endpoint
from fedserver.services import translating
from fedserver.services.text_in import clean_html, clean_plain

_MAX_PLAIN_CHARS = 10_000
_SHORTCODE = re.compile(r":[A-Za-z0-9_]{2,}:")
_KEPT_AS_IS = re.compile(r'<span translate="no">(:[A-Za-z0-9_]{2,}:)</span>')


class TranslateParams(Params, frozen=True, kw_only=True):
    """Into which language; the caller's own where it is left out."""

    lang: str | None = None


@endpoint("GET", "/api/v1/instance/translation_languages")
async def translation_languages(ctx: Context) -> JSON:
    """Say which languages can be translated to which; nothing where nobody translates.

    Mastodon API: instance#translation_languages. 503 where the service does not answer.
    """
    return dict(await translating.languages(ctx))


@endpoint("POST", "/api/v1/statuses/{status_id}/translate", scope="read:statuses")
async def translate(ctx: Context, caller: Caller, status_id: int, params: TranslateParams) -> JSON:
    """Translate a public post: text, warning, choices and descriptions of media.

    Mastodon API: statuses#translate. 403 for other posts, for languages that the service does not
    know, and where nobody translates; 503 where the service does not answer.
    """
    status = await shown_status(ctx, status_id, caller.account_id)
    if status.visibility not in ("public", "unlisted") or not translating.enabled(ctx):
        raise Forbidden("This action is not allowed")
    target = _base(params.lang) or await _own_language(ctx, caller)
    source = _base(status.language)
    if target not in (await translating.languages(ctx)).get(source or "und", ()):
        raise Forbidden("This action is not allowed")
    shown = orjson.loads(orjson.dumps(await entities.status(ctx, status.id, caller.account_id)))
    made = await translating.translate(ctx, _texts(shown), source, target)
    return _translation(shown, made, target)


async def _own_language(ctx: Context, caller: Caller) -> str:
    defaults = await posting_defaults(ctx, await acting_account(ctx, caller))
    return _base(defaults.locale) or "en"


def _base(language: str | None) -> str | None:
    """Give the language alone, without its region, as the service names it."""
    return re.split(r"[-_]", language.strip().lower())[0] or None if language else None


def _texts(shown: dict[str, Any]) -> list[str]:
    """Give all texts of a Status as HTML, in the order in which `_translation` takes them back."""
    poll, media = shown["poll"], shown["media_attachments"]
    plain = [
        shown["spoiler_text"],
        *(one["title"] for one in (poll["options"] if poll else ())),
        *(one["description"] or "" for one in media),
    ]
    known = {f":{one['shortcode']}:" for one in shown["emojis"]}

    def kept(match: re.Match[str]) -> str:
        code = match[0]
        return f'<span translate="no">{code}</span>' if code in known else code

    return [_SHORTCODE.sub(kept, html) for html in (shown["content"], *map(escape, plain))]


def _translation(shown: dict[str, Any], made: translating.Translated, target: str) -> JSON:
    """Give a Translation. What a service says is no more believed than what a peer says."""
    content, *rest = (_KEPT_AS_IS.sub(r"\1", text) for text in made.texts)
    spoiler, *plain = (clean_plain(text, _MAX_PLAIN_CHARS) for text in rest)
    poll, media = shown["poll"], shown["media_attachments"]
    choices = len(poll["options"]) if poll else 0
    return {
        "detected_source_language": made.source,
        "language": target,
        "provider": translating.PROVIDER,
        "spoiler_text": spoiler,
        "content": clean_html(content),
        "poll": _poll(poll, plain[:choices]) if poll else None,
        "media_attachments": [
            {"id": one["id"], "description": text}
            for one, text in zip(media, plain[choices:], strict=True)
        ],
    }


def _poll(poll: dict[str, Any], titles: Sequence[str]) -> JSON:
    return {"id": poll["id"], "options": [{"title": title} for title in titles]}
