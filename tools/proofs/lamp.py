"""A lamp whose inrush current resets the MCU each time the load closes, on the whole firmware."""

LOOK_MS = 50  # the reset comes so long at most after the load has closed
SOON_MS = 2_500  # an ordinary start closes the load before, a patient one after PATIENT_MS
PATIENT_MS = 7_000


def shine(sim, seconds):
    """Let so much time pass; return (paid seconds that it cost, how often the load closed).

    sim: a simulator.Sim whose unit has credit and its load on.
    """
    before, gone, flashes = sim.status()["seconds_left"], 0, 0
    while gone < seconds * 1000:
        sim.do("power off")
        sim.do("power on")
        gone += _until_it_shines(sim)
        flashes += 1
    return before - sim.status()["seconds_left"], flashes


def _until_it_shines(sim):
    """Return milliseconds since the power came."""
    gone = 300  # of power on
    while not sim.do(f"run {LOOK_MS}")["load"]:
        gone += LOOK_MS
        if SOON_MS <= gone < SOON_MS + LOOK_MS:
            sim.do(f"run {PATIENT_MS - gone}")
            gone = PATIENT_MS
    return gone + LOOK_MS
