"""`exotel-exporter` and `python -m exporter`: what can't wait until the rest of the program is imported."""

from __future__ import annotations

import gc
import os
import sys

from exporter import signals

signals.take()


def main() -> None:
    """Run the command."""
    _keep_standard_descriptors()
    gc.disable()  # modules are no garbage, and looking for some among them takes a tenth of the start
    from exporter.cli import run  # noqa: PLC0415  # it takes a third of a second

    gc.freeze()
    gc.enable()
    run()


def _keep_standard_descriptors() -> None:
    """Occupy those that are closed, or what is opened next would take their place and be written into.

    To write there fails all the same.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115  # it stays open


if __name__ == "__main__":
    main()
