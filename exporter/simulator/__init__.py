"""A realistic Exotel on loopback: a simulated contact centre, and the API that reports on it."""

from exporter.simulator.faults import Fault
from exporter.simulator.phone_numbers import EXOPHONES
from exporter.simulator.settings import Settings
from exporter.simulator.simulator import Simulator
from exporter.simulator.truth import Truth

__all__ = ["EXOPHONES", "Fault", "Settings", "Simulator", "Truth"]
