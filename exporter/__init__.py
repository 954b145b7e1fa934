"""Prometheus exporter for Exotel's Active Stream Monitoring API."""


def __getattr__(name: str) -> str:
    """Return the version when it is asked for: it takes time to find, and the signals are taken first."""
    if name != "__version__":
        raise AttributeError(name)
    from importlib.metadata import version  # noqa: PLC0415  # as said

    return version("exotel-exporter")
