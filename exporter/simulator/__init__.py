"""A realistic Exotel on loopback: a simulated contact centre behind its API, or a capture of a real one."""

from exporter.simulator.faults import Fault
from exporter.simulator.phone_numbers import EXOPHONES
from exporter.simulator.replay import Replay
from exporter.simulator.settings import Settings
from exporter.simulator.simulator import ServerThread, Simulator
from exporter.simulator.truth import Truth

__all__ = ["EXOPHONES", "Fault", "Replay", "ServerThread", "Settings", "Simulator", "Truth"]
