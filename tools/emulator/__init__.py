"""An emulated Pico: MicroPython's own image in rp2040py, wired to the chip models of tools/sim.

`pico.py` is the chip between power on and power off, `board.py` what is soldered to it, `world.py`
the time they share, `observed.py` what the session of `payg sim --headless` sees of the firmware,
`unit.py` all of these together.
docs/emulator.md says what the emulator gets wrong, and how each of it is got round.
"""
