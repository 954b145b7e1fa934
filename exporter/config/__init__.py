"""What can be set, typed, with one clear error for each invalid value. Reads nothing but `exporter.web`."""

from exporter.config.lines import Line
from exporter.config.load import ENVIRONMENT_VARIABLES, from_environment, from_file
from exporter.config.models import (
    AccountConfig,
    AccountSection,
    CollectionConfig,
    Config,
    MetricsConfig,
    StreamsConfig,
    TlsConfig,
    redacted,
)
from exporter.config.reading import Mistake
from exporter.config.secrets import Secret, SecretUnreadable
from exporter.config.server_tls import CannotServe, server_context
from exporter.config.tls_names import ClientAuth
from exporter.config.users import User
from exporter.config.web import HttpServerConfig, RateLimitConfig, TlsServerConfig, WebConfig
from exporter.config.web_reader import WebFile, reread, web_from_file
from exporter.web.config_file import ConfigError, InvalidValue

__all__ = [
    "ENVIRONMENT_VARIABLES",
    "AccountConfig",
    "AccountSection",
    "CannotServe",
    "ClientAuth",
    "CollectionConfig",
    "Config",
    "ConfigError",
    "HttpServerConfig",
    "InvalidValue",
    "Line",
    "MetricsConfig",
    "Mistake",
    "RateLimitConfig",
    "Secret",
    "SecretUnreadable",
    "StreamsConfig",
    "TlsConfig",
    "TlsServerConfig",
    "User",
    "WebConfig",
    "WebFile",
    "from_environment",
    "from_file",
    "redacted",
    "reread",
    "server_context",
    "web_from_file",
]
