"""Benchmarks and the soak: they print figures, and are no tests."""
