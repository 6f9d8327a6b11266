"""Lengths of time in seconds, for CPython and MicroPython."""

DAY, HOUR, MINUTE = 86_400, 3_600, 60


def duration(seconds: int) -> str:
    """Return seconds in words, such as "3 d 04:05:06"."""
    days, rest = divmod(seconds, DAY)
    return f"{days} d {rest // HOUR:02}:{rest // MINUTE % 60:02}:{rest % MINUTE:02}"
