"""Top floor: turns observations into metric families and serves them."""
