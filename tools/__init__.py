"""Everything around the unit: the `payg` command, the station, the simulator, the proofs.

Empty, so that MicroPython can import what is below it.
"""
