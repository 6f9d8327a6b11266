"""Counts how often main.py ran in one life of the modules: always once."""

loads = 0
