"""Tests of the program against the simulator, over loopback."""
