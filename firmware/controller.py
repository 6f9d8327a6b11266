"""The parts of a running controller: all that tools may ask of one at its prompt."""


class Controller:
    """`main.py` makes this object, its global `controller`, and fills it in while it starts.

    `wiring`: firmware.wiring.Wiring, None again once a sealed unit has started; `load`:
    firmware.load.LoadSwitch; `clock`: the clock chip's driver, or None; `log`:
    firmware.events.EventLog; `restarts`: firmware.supervisor.Restarts; `store`:
    firmware.store.Store; `unit`: firmware.unit.Unit; `screens`: drivers of the displays, None
    until the records of `unit` have been read.
    """

    wiring: object = None
    load: object = None
    clock: object = None
    log: object = None
    restarts: object = None
    store: object = None
    unit: object = None
    screens: object = None
