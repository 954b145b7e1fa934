"""Prometheus exporter for Exotel's Active Stream Monitoring API."""

from importlib.metadata import version

__version__ = version("exotel-exporter")
