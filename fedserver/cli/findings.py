"""What an examination finds, and how it is told."""

from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it is, and what to do where it is not well."""

    state: State
    subject: str
    text: str
    advice: str = ""

    def __str__(self) -> str:
        lines = [f"{self.state:<4}  {self.subject}: {self.text}"]
        if self.advice:
            lines.append(f"      -> {self.advice}")
        return "\n".join(lines)


def ok(subject: str, text: str) -> Finding:
    """All is well."""
    return Finding("ok", subject, text)


def warn(subject: str, text: str, advice: str) -> Finding:
    """It works, and will not for long, or not for everybody."""
    return Finding("warn", subject, text, advice)


def fail(subject: str, text: str, advice: str) -> Finding:
    """It does not work."""
    return Finding("fail", subject, text, advice)
