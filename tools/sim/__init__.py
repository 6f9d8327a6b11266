"""The simulated board: one file per chip, a `machine` and a `time` on top, and the runner.

The chip models are plain Python for CPython and MicroPython. They know nothing of `machine`,
asyncio or the runner: they get the time as a callable that returns microseconds, and the
counter of write steps (`parts.Steps`) through which a power cut tears one of them.
"""
