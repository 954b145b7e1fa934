"""What can be set, typed, with one clear error for each mistake. Read by every floor; reads none."""

from exporter.config.lines import Line
from exporter.config.masked import masked
from exporter.config.reader import from_environment, from_file
from exporter.config.reading import BadConfig, Mistake
from exporter.config.schema import (
    AccountConfig,
    CollectionConfig,
    Config,
    MetricsConfig,
    StreamsConfig,
    TlsConfig,
)
from exporter.config.secret import Secret, SecretUnreadable
from exporter.config.server_tls import CannotServe, server_context
from exporter.config.tls_names import ClientAuth
from exporter.config.users import User
from exporter.config.web import HttpServerConfig, RateLimitConfig, TlsServerConfig, WebConfig
from exporter.config.web_reader import WebFile, reread, web_from_file

__all__ = [
    "AccountConfig",
    "BadConfig",
    "CannotServe",
    "ClientAuth",
    "CollectionConfig",
    "Config",
    "HttpServerConfig",
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
    "masked",
    "reread",
    "server_context",
    "web_from_file",
]
