"""Serves the people who work on this checkout: type check, wiring pages."""
