"""An emulated Pico: MicroPython's own image in rp2040py, wired to the chip models of tools/sim.

`pico.py` is the chip between power on and power off, `board.py` the parts soldered to the chip,
`world.py` the common time, `observed.py` the firmware as seen by the session of `payg sim
--headless`, `unit.py` all of these together. docs/emulator.md lists the emulator's errors, and the
workaround for each.
"""
