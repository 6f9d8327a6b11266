"""Lengths of time in seconds, for CPython and MicroPython."""

DAY = 86_400
