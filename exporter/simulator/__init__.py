"""A realistic Exotel on loopback: a contact centre that lives, and the API that tells of it."""

from exporter.simulator.faults import Fault
from exporter.simulator.settings import Settings
from exporter.simulator.simulator import Simulator
from exporter.simulator.traffic import EXOPHONES
from exporter.simulator.truth import Truth

__all__ = ["EXOPHONES", "Fault", "Settings", "Simulator", "Truth"]
