"""Third floor: turns observations into metric families, and these into text."""
