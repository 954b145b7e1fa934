"""Tests that need nothing but the code and the committed files."""
