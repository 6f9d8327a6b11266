"""Paid time cannot be stolen: every reachable moment of a unit, by enumeration."""
