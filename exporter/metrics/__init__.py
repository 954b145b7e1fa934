"""Third floor: turns snapshots into metric families, and these into text."""
