"""The public halves of the instance's recovery keys."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from storage.query import Command, Query


@dataclass(frozen=True, slots=True)
class InstanceRecoveryRow:
    """A recovery key of the instance: its public half, and what it and the one before vouch for."""

    did: str
    recipient: str
    authorization_statement: dict[str, Any]
    rotation_statement: dict[str, Any] | None
    created_at: datetime


_COLUMNS = ", ".join(InstanceRecoveryRow.__dataclass_fields__)

INSTANCE_RECOVERY = Query(
    f"SELECT {_COLUMNS} FROM instance_recovery WHERE retired_at IS NULL", InstanceRecoveryRow
)
RETIRE_INSTANCE_RECOVERY = Command(
    "UPDATE instance_recovery SET retired_at = $1 WHERE retired_at IS NULL"
)
SET_AUTHORIZATION = Command(
    """
    UPDATE instance_recovery SET authorization_statement = $2
    WHERE did = $1 AND retired_at IS NULL
    """
)
# $1 did, $2 recipient, $3 authorization, $4 rotation or NULL, $5 now.
INSERT_INSTANCE_RECOVERY = Command(
    """
    INSERT INTO instance_recovery
        (did, recipient, authorization_statement, rotation_statement, created_at)
    VALUES ($1, $2, $3, $4, $5)
    """
)
