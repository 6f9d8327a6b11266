"""The one place where objects are wired together, then run for ever.

The first line seals the console: from there on Ctrl-C is a character like any other. A blank unit
gets it back, for the tools that deploy and provision it, and so does one in service mode: they end
in a prompt. Everything else ends in a reset. The load is decided first, by as little code as
possible.
"""

import micropython

micropython.kbd_intr(-1)
unit, service = None, False
from machine import reset  # noqa: E402 (the seal comes first)

try:
    import sys
    from time import sleep_ms, ticks_ms

    from machine import PWRON_RESET, reset_cause

    import board
    import firmware
    from firmware.early import may_be_on
    from firmware.events import RESTART, SERVICE, EventLog
    from firmware.media import Files
    from firmware.store import Store
    from firmware.wiring import Wiring

    wiring = Wiring(board.find())
    matrix = wiring.matrix
    files = Files("state")
    clock = wiring.clock()
    log = EventLog(files, clock)
    load = wiring.load()
    trouble = None
    try:
        wiring.watch(load, files, log.add)
        if load.watching:
            load.check(ticks_ms())
        store = Store(wiring.media(files))
        decided = ticks_ms()
        load.set(may_be_on(store, clock, files))
    except Exception as error:
        trouble = error  # told below

    import asyncio

    from firmware.app import App
    from firmware.console import Console
    from firmware.signals import Signals
    from firmware.supervisor import Restarts, ServiceRequest, Supervisor, run_minimal
    from firmware.unit import Unit

    supervisor = Supervisor()
    restarts = Restarts(files, reset_cause() == PWRON_RESET)
    if restarts.new:
        log.add(RESTART, reset_cause() * 10 + restarts.count)
    try:
        if trouble:
            raise trouble
        unit = Unit(store, clock, load, log)
        service = restarts.service
        if service:
            log.add(SERVICE)
            load.serve()
            wiring.reset_after(600_000)
        unit.start(decided)
        unit.seal = lambda: micropython.kbd_intr(-1)
        screens = wiring.displays()
        feed = None
        if service or not unit.identity:
            micropython.kbd_intr(3)
        else:
            feed = wiring.watchdog()
        if restarts.many and unit.identity:
            run_minimal(unit, screens, feed, restarts)
        else:
            app = App(unit, screens, Signals(*wiring.signals()), matrix)
            console = Console(unit, app.enter, restarts, sys.stdin.buffer, sys.stdout.buffer)
            supervisor.arm(feed)
            if unit.identity and not service:
                del firmware.wiring, firmware.early, wiring, matrix, Wiring, may_be_on
                del sys.modules["firmware.wiring"], sys.modules["firmware.early"]
            asyncio.run(app.run(supervisor, restarts, console.run()))
    except ServiceRequest:
        restarts.serve()
        reset()
    except Exception as error:
        load.cut()
        if restarts.many:
            sleep_ms(5_000)  # nothing helps: at least it wears nothing
        else:
            supervisor.note(log, error)
        reset()
finally:
    if unit is None or (unit.identity and not service):
        reset()
