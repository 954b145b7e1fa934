"""`exotel-exporter doctor`: tests how the API really behaves, and prints a configuration that fits."""
