"""Settings of what keeps the network when a host, a domain or an operator is lost."""

from dataclasses import dataclass

from fedserver.config.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultConfig:
    """Sealed copies of the whole instance, elsewhere, seconds behind: docs/survival.md."""

    targets: tuple[str, ...] = setting(
        (),
        "Where the sealed copies go, several at once: folder:/path, bucket (see [vault_bucket]), "
        "mirror:https://host (an instance that agreed to keep them). Empty: nowhere.",
        example="folder:/mnt/other-disk/vault",
    )
    recipients: tuple[str, ...] = setting(
        (),
        "Public age keys of admins, who can open the copies beside the recovery key of the "
        "instance (`fedserver recovery-key new`).",
        example="age1...",
    )
    synchronous: bool = setting(
        False,
        "Confirm a write only when a target has it. Then nothing that was confirmed is ever lost, "
        "every write waits for a target, and while none answers nothing can be written.",
    )
    chunk_s: float = setting(
        5.0,
        "How long written data may wait before it is shipped: what a lost host may cost.",
        unit="seconds",
        minimum=0.05,
        maximum=300,
    )
    chunk_bytes: int = setting(
        1_048_576,
        "How much written data is shipped at once, at the latest.",
        unit="bytes",
        minimum=65_536,
        maximum=8_388_608,
    )
    base_days: int = setting(
        7,
        "After how many days a new base is made, which shortens a restore.",
        unit="days",
        minimum=1,
        maximum=90,
    )
    dump_minutes: int = setting(
        60,
        "How often another PostgreSQL ([database] url) is dumped: what a lost one may cost.",
        unit="minutes",
        minimum=1,
        maximum=10_080,
    )
    keep_days: int = setting(
        30, "How long older copies are kept.", unit="days", minimum=1, maximum=3650
    )
    spool_bytes: int = setting(
        1_073_741_824,
        "What may wait in the data folder for targets that do not answer.",
        unit="bytes",
        minimum=67_108_864,
    )
    media: bool = setting(True, "Whether the files of our own people are kept in the vault, too.")
    open_with_instance_key: bool = setting(
        True,
        "Let this server open its own copies, so that `fedserver vault drill` needs no recovery "
        "key. Its key is not at the targets other than sealed.",
    )
    publish_drill: bool = setting(False, "Show in NodeInfo when a restore was last proven to work.")


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultBucketConfig:
    """The S3-compatible bucket of the vault; better not with the provider of the server."""

    name: str = setting("", "The bucket's name.", example="vault")
    endpoint: str = setting(
        "", "Where the service answers; empty: Amazon's.", example="https://s3.example.org"
    )
    region: str = setting("us-east-1", "What the service calls its region.")
    access_key_id: str = setting("", "Who we are there.", secret=True, example="AKIA...")
    secret_access_key: str = setting("", "What proves it.", secret=True, example="...")
    prefix: str = setting("", "Put before every name in the bucket.", example="social/")
    path_style: bool = setting(
        True, "Whether the bucket's name stands in the path instead of in the host name."
    )
    timeout_s: float = setting(
        30.0, "How long one request may take.", unit="seconds", minimum=1, maximum=600
    )
