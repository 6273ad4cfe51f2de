"""The settings of the house: who comes in, which texts they agree to, how they get mail, what is
shown as talked about, who translates."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fedserver.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationsConfig:
    """Who may make an account by themselves."""

    mode: Literal["closed", "approval", "open"] = setting(
        "closed",
        "closed: only who has an invitation. approval: an admin says yes to each. open: everybody "
        "whose e-mail address is confirmed.",
    )
    reason_required: bool = setting(
        True, "Whether people say why they want to join, where an admin approves."
    )
    min_age: int = setting(
        0,
        "The youngest age; 0 asks nobody. The date itself is not kept.",
        unit="years",
        minimum=0,
        maximum=120,
    )
    message: str = setting("", "What people read where registrations are closed.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendsConfig:
    """What is shown as talked about: hashtags, posts and links."""

    review: Literal["before", "after"] = setting(
        "before",
        "before: only what a moderator allowed (`fedserver trends`) is shown. after: everything "
        "but what a moderator forbade.",
    )
    min_people: int = setting(
        3,
        "How many people must use a hashtag in a day, or favourite and boost a post, for it to "
        "count.",
        unit="people",
        minimum=1,
        maximum=1000,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """Texts that people agree to when they sign up. Plain text or Markdown, in files."""

    privacy_policy: Path | None = setting(
        None,
        "A file with the privacy policy. Left out: a text that says what fedserver itself keeps.",
        example="privacy.md",
    )
    terms_of_service: Path | None = setting(
        None, "A file with the terms of service. Left out: there are none.", example="terms.md"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MailConfig:
    """How mails are sent: confirmations of addresses, new passwords."""

    smtp_host: str = setting(
        "",
        "The mail server. Empty: mails are written into the folder mails of the data folder, and "
        "for a local domain into the log too.",
        example="smtp.example.org",
    )
    smtp_port: int = setting(587, "The port of the mail server.", minimum=1, maximum=65535)
    smtp_security: Literal["starttls", "tls", "none"] = setting(
        "starttls", "How the connection is protected. none is for a server on the same machine."
    )
    smtp_user: str = setting("", "The name to sign in with; empty: without signing in.")
    smtp_password: str = setting("", "The password to sign in with.", secret=True)
    sender: str = setting(
        "",
        "The address that mails come from; empty: notifications@ and the domain.",
        example="Social Example <hello@social.example>",
    )
    subscriptions: bool = setting(
        False,
        "Whether people here may offer their public posts by mail to readers without an account.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslationConfig:
    """Who translates posts for people that ask for it."""

    url: str = setting(
        "",
        "The address of a LibreTranslate server, which may be on this machine or in its network. "
        "Empty: nothing is translated.",
        example="http://127.0.0.1:5000",
    )
    api_key: str = setting("", "The key that it asks for, if it does.", secret=True)
    timeout_s: float = setting(
        20.0, "How long one translation may take.", unit="seconds", minimum=1, maximum=120
    )


@dataclass(frozen=True, slots=True)
class DonationsConfig:
    """Who knows of campaigns for donations that clients show."""

    campaigns_url: str = setting(
        "",
        "Where the campaign of the day is asked for. Clients of people here show it. Empty: there "
        "are no campaigns.",
        example="https://donate.example/api/v1/campaigns",
    )
    environment: str = setting("", "What that server is told of where we run, if it asks for it.")
