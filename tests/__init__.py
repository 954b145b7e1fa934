"""Tests of the exporter and of what is deployed around it."""
