"""Paid time cannot be stolen: every moment that a unit can get into, by enumeration."""
