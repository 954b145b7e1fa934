"""Tests of the whole chain, with a real Prometheus and a real Alertmanager."""
