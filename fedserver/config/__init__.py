"""The settings of an instance: what there is (`settings`) and where it comes from (`loading`)."""

from fedserver.config.loading import load
from fedserver.config.settings import (
    Config,
    DatabaseConfig,
    DataConfig,
    DevelopmentConfig,
    FederationConfig,
    InstanceConfig,
    LogConfig,
    MediaConfig,
    ServerConfig,
    StatusesConfig,
    TranslationConfig,
)

__all__ = [
    "Config",
    "DataConfig",
    "DatabaseConfig",
    "DevelopmentConfig",
    "FederationConfig",
    "InstanceConfig",
    "LogConfig",
    "MediaConfig",
    "ServerConfig",
    "StatusesConfig",
    "TranslationConfig",
    "load",
]
