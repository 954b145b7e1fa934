"""Captures: what the API answers, recorded without anything that is somebody's own."""
