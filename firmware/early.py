"""Whether the load may be on, asked before the token engine is loaded.

Compiling the engine's source takes most of a second on an RP2040; the load is not to wait for it.
So the newest record in the chip's own flash is believed by its CRC. `Unit.start`, which checks the
tags and the other media, comes after that and overrules. A unit that restarts again and again
(firmware.supervisor.Restarts) does not go by this: its load waits for the whole start.
"""

from firmware.store import NewerRecordError


def may_be_on(store, clock, files):
    """Is there credit left in `store` (firmware.store.Store), or is the unit free?

    `files`: firmware.media.Files, where restarts are counted. `clock`: a clock chip's driver or
    None; it is only read.
    """
    restarts = files.read("restarts", 0)
    if restarts and restarts[0] > 1:
        return False
    try:
        found = store.glance()
        if not found or not store.identity():
            return False
        sequence, account = found
        return _credited(sequence, account, clock)
    except (NewerRecordError, OSError):
        return False


def _credited(sequence, account, clock):
    if account.free or not account.left:
        return account.free
    if clock is None:
        return False  # what power-on costs must be on record before the load is on
    try:
        reading = clock.read()
    except OSError:
        return False
    fault = account.resume(reading, clock.tally(sequence))
    return not fault and account.left > 0
