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

__all__ = [
    "AccountConfig",
    "BadConfig",
    "CollectionConfig",
    "Config",
    "Line",
    "MetricsConfig",
    "Mistake",
    "Secret",
    "SecretUnreadable",
    "StreamsConfig",
    "TlsConfig",
    "from_environment",
    "from_file",
    "masked",
]
