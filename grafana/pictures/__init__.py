"""Pictures of the dashboards: a workshop tool, `make pictures`."""
