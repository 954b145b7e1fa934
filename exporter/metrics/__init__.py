"""Snapshots become metric families, and these text."""
