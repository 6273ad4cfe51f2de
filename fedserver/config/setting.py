"""How a setting is declared: its default, reason, unit and bounds."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known about a field beside its type and default."""

    reason: str
    unit: str = ""
    example: str = ""
    minimum: float | None = None
    maximum: float | None = None


def setting(
    default: Any,
    reason: str,
    *,
    unit: str = "",
    example: str = "",
    minimum: float | None = None,
    maximum: float | None = None,
    secret: bool = False,
) -> Any:
    """Declare a field of a section."""
    about = Setting(reason, unit, example, minimum, maximum)
    # A factory for all: dataclasses take a frozen mapping for a mutable default.
    return field(default_factory=lambda: default, metadata={"setting": about}, repr=not secret)
