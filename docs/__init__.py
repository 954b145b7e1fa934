"""Documentation, and the Python that generates parts of it."""
