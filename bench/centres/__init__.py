"""Measure the bundled alert rules on simulated contact centres."""
