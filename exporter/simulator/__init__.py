"""A realistic Exotel on loopback: the API in front of a simulated contact centre, or a capture of the real."""

from exporter.simulator.faults import Fault
from exporter.simulator.phone_numbers import EXOPHONES
from exporter.simulator.replay import Replay
from exporter.simulator.settings import Settings
from exporter.simulator.simulator import ServerThread, Simulator
from exporter.simulator.truth import Truth

__all__ = ["EXOPHONES", "Fault", "Replay", "ServerThread", "Settings", "Simulator", "Truth"]
