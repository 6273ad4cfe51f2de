"""The settings of an instance: what there is (`settings`) and where it comes from (`loading`)."""

from fedserver.config.house_rules import (
    DonationsConfig,
    MailConfig,
    PolicyConfig,
    RegistrationsConfig,
    TranslationConfig,
    TrendsConfig,
)
from fedserver.config.loading import load
from fedserver.config.settings import (
    BucketConfig,
    Config,
    DatabaseConfig,
    DataConfig,
    DevelopmentConfig,
    FederationConfig,
    InstanceConfig,
    KitsConfig,
    LogConfig,
    MediaConfig,
    NetworkConfig,
    ServerConfig,
    StatusesConfig,
)
from fedserver.config.survival import VaultBucketConfig, VaultConfig

__all__ = [
    "BucketConfig",
    "Config",
    "DataConfig",
    "DatabaseConfig",
    "DevelopmentConfig",
    "DonationsConfig",
    "FederationConfig",
    "InstanceConfig",
    "KitsConfig",
    "LogConfig",
    "MailConfig",
    "MediaConfig",
    "NetworkConfig",
    "PolicyConfig",
    "RegistrationsConfig",
    "ServerConfig",
    "StatusesConfig",
    "TranslationConfig",
    "TrendsConfig",
    "VaultBucketConfig",
    "VaultConfig",
    "load",
]
