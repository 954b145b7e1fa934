"""What can be set, typed, with one clear error for each invalid value. Reads nothing but `exporter.web`."""

from exporter.config.as_written import AsWritten
from exporter.config.lines import Line
from exporter.config.load import ENVIRONMENT_VARIABLES, from_environment, from_file
from exporter.config.models import (
    AccountConfig,
    AccountSection,
    CollectionConfig,
    Config,
    CountsFrom,
    MetricsConfig,
    StreamsConfig,
    TlsConfig,
    redacted,
)
from exporter.config.secrets import Secret, SecretUnreadable
from exporter.web.config_file import ConfigError, InvalidValue

__all__ = [
    "ENVIRONMENT_VARIABLES",
    "AccountConfig",
    "AccountSection",
    "AsWritten",
    "CollectionConfig",
    "Config",
    "ConfigError",
    "CountsFrom",
    "InvalidValue",
    "Line",
    "MetricsConfig",
    "Secret",
    "SecretUnreadable",
    "StreamsConfig",
    "TlsConfig",
    "from_environment",
    "from_file",
    "redacted",
]
