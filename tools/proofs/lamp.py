"""A lamp whose inrush current resets the MCU each time the load closes, on the whole firmware."""

LOOK_MS = 50  # longest time from the load's closing to the reset
SOON_MS = 2_500  # an ordinary start closes the load before this time
PATIENT_MS = 7_000  # a patient start closes the load after this time


def shine(sim, seconds):
    """Let this many seconds pass; return (paid seconds charged, number of times the load closed).

    `sim`: a simulator.Sim whose unit has credit and the load on.
    """
    before, gone, flashes = sim.status()["seconds_left"], 0, 0
    while gone < seconds * 1000:
        sim.do("power off")
        sim.do("power on")
        gone += _until_it_shines(sim)
        flashes += 1
    return before - sim.status()["seconds_left"], flashes


def _until_it_shines(sim):
    """Return the milliseconds from power-on until the load closes."""
    gone = 300  # of power on
    while not sim.do(f"run {LOOK_MS}")["load"]:
        gone += LOOK_MS
        if SOON_MS <= gone < SOON_MS + LOOK_MS:
            sim.do(f"run {PATIENT_MS - gone}")
            gone = PATIENT_MS
    return gone + LOOK_MS
