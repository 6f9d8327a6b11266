"""The simulated board: one file per chip, a `machine` and a `time` on top, and the runner.

The chip models are plain Python for CPython and MicroPython and know nothing of `machine`, asyncio
or the runner. Each gets the time as a callable that returns microseconds, and a counter of write
steps (`parts.Steps`) through which a power cut tears a write.
"""
