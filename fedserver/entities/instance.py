"""Instance, in both versions of the API: the configuration as it really is."""

from html import escape
from typing import Any

from fedserver.config import Config
from fedserver.services.images import MediaType
from fedserver.services.recordings import AUDIO_TYPES, VIDEO_TYPES
from fedserver.services.text_out import LINK_LENGTH
from fedserver.uris import Uris
from storage.instance_reads import InstanceStatsRow

Json = dict[str, Any]

# Raised only when everything up to it works; 10 is that of Mastodon 4.6 (collections).
MASTODON_API_VERSION = 10
FEDSERVER_API_VERSION = 1
MASTODON_RELEASE = "4.6.0"

SUPPORTED_TYPES = [*(str(one) for one in MediaType), "image/heif", *VIDEO_TYPES, *AUDIO_TYPES]

_MAX_PINNED = 5
_MAX_IMAGE_DESCRIPTION_CHARS = 150
_MAX_FEATURED_TAGS = 10
_MAX_PROFILE_FIELDS = 4
_MAX_DISPLAY_NAME_CHARS = 30
_MAX_NOTE_CHARS = 500
_MAX_FIELD_CHARS = 255
_MAX_DESCRIPTION_CHARS = 1_500


def version(own: str) -> str:
    """Give the version in the one form that all clients can read."""
    return f"{MASTODON_RELEASE} (compatible; Fedserver {own})"


def instance_v2(
    config: Config,
    own_version: str,
    stats: InstanceStatsRow,
    contact: Any,
    *,
    push_key: str,
    alternates: Json | None = None,
) -> Json:
    """Give an Instance (Mastodon API: Instance). `contact` is an Account or None; `alternates`,
    which is ours, the signed list of other addresses."""
    return {
        "domain": config.instance.domain,
        "title": config.instance.title,
        "version": version(own_version),
        "source_url": config.base_url,
        "description": config.instance.description,
        "usage": {"users": {"active_month": stats.active_month}},
        "thumbnail": {
            "url": _thumbnail(config),
            "blurhash": None,
            "description": "",
            "versions": {},
        },
        "icon": [],
        "languages": list(config.instance.languages),
        "configuration": {
            **_configuration_v2(config),
            "vapid": {"public_key": push_key},
        },
        "registrations": _registrations(config),
        "api_versions": {"mastodon": MASTODON_API_VERSION, "fedserver": FEDSERVER_API_VERSION},
        "wrapstodon": None,
        "contact": {"email": config.instance.contact_email, "account": contact},
        "rules": rules(config),
        "alternates": alternates,
    }


def instance_v1(config: Config, own_version: str, stats: InstanceStatsRow, contact: Any) -> Json:
    """Give a V1::Instance (Mastodon API: V1_Instance). `contact` is an Account or None."""
    return {
        "uri": config.instance.domain,
        "title": config.instance.title,
        "short_description": config.instance.description,
        "description": config.instance.description,
        "email": config.instance.contact_email,
        "version": version(own_version),
        "urls": {"streaming_api": Uris(config.base_url).streaming},
        "stats": {
            "user_count": stats.users,
            "status_count": stats.statuses,
            "domain_count": stats.domains,
        },
        "thumbnail": _thumbnail(config),
        "languages": list(config.instance.languages),
        "registrations": config.registrations.mode != "closed",
        "approval_required": config.registrations.mode == "approval",
        "invites_enabled": False,
        "configuration": _configuration(config),
        "contact_account": contact,
        "rules": rules(config),
    }


def _registrations(config: Config) -> Json:
    house = config.registrations
    return {
        "enabled": house.mode != "closed",
        "approval_required": house.mode == "approval",
        "reason_required": house.mode == "approval" and house.reason_required,
        "message": f"<p>{escape(house.message)}</p>" if house.message else None,
        "min_age": house.min_age or None,
        "url": None,
    }


def rules(config: Config) -> list[Json]:
    """Give the Rules of the house (Mastodon API: Rule)."""
    return [
        {"id": str(number), "text": text, "hint": "", "translations": {}}
        for number, text in enumerate(config.instance.rules, start=1)
    ]


def _thumbnail(config: Config) -> str:
    return Uris(config.base_url).static("headers/missing.png")


def _configuration(config: Config) -> Json:
    return {
        "accounts": {"max_featured_tags": _MAX_FEATURED_TAGS, "max_pinned_statuses": _MAX_PINNED},
        "statuses": {
            "max_characters": config.statuses.max_characters,
            "max_media_attachments": config.media.max_attachments,
            "characters_reserved_per_url": LINK_LENGTH,
        },
        "media_attachments": _media_limits(config),
        "polls": {
            "max_options": config.statuses.max_poll_options,
            "max_characters_per_option": config.statuses.max_poll_option_characters,
            "min_expiration": config.statuses.min_poll_duration_s,
            "max_expiration": config.statuses.max_poll_duration_s,
        },
    }


def _media_limits(config: Config) -> Json:
    media = config.media
    return {
        "supported_mime_types": SUPPORTED_TYPES,
        "description_limit": _MAX_DESCRIPTION_CHARS,
        "image_size_limit": _int32(media.max_image_bytes),
        "image_matrix_limit": _int32(media.max_image_pixels),
        "video_size_limit": _int32(media.max_video_bytes),
        "video_frame_rate_limit": _int32(media.max_video_frame_rate),
        "video_matrix_limit": _int32(media.max_video_pixels),
    }


def _int32(number: int) -> int:
    """Mastodon for Android keeps limits in 32 bits."""
    return min(number, 2**31 - 1)


def _configuration_v2(config: Config) -> Json:
    common = _configuration(config)
    return {
        **common,
        "urls": {
            "streaming": Uris(config.base_url).streaming,
            "status": None,
            "about": f"{config.base_url}/",
            "privacy_policy": f"{config.base_url}/privacy-policy",
            "terms_of_service": (
                f"{config.base_url}/terms-of-service" if config.policy.terms_of_service else None
            ),
        },
        "accounts": {
            **common["accounts"],
            "max_profile_fields": _MAX_PROFILE_FIELDS,
            "max_display_name_length": _MAX_DISPLAY_NAME_CHARS,
            "max_note_length": _MAX_NOTE_CHARS,
            "profile_field_name_limit": _MAX_FIELD_CHARS,
            "profile_field_value_limit": _MAX_FIELD_CHARS,
            "max_avatar_description_length": _MAX_IMAGE_DESCRIPTION_CHARS,
            "max_header_description_length": _MAX_IMAGE_DESCRIPTION_CHARS,
        },
        "timelines_access": {
            "live_feeds": {"local": "public", "remote": "public"},
            "hashtag_feeds": {"local": "public", "remote": "public"},
            "trending_link_feeds": {"local": "public", "remote": "public"},
        },
        "translation": {"enabled": bool(config.translation.url)},
        "limited_federation": config.federation.mode == "allow_list",
    }
