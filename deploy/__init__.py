"""What the exporter is deployed with, and the Python that renders parts of it."""
