"""Wires the objects of the controller together, then runs them for ever.

The first line seals the console: from there on Ctrl-C is a character like any other. A blank unit
gets Ctrl-C back, for the tools that deploy and provision, and so does a unit in service mode: both
end in a prompt, and so does a failure of a blank unit. Everything else ends in a reset. Tools at
the prompt use one global alone, `controller`.
"""
# mypy: disable-error-code="name-defined"
# ruff: noqa: F821 (boot.py made `has_identity` and `deadline`)

import micropython

micropython.kbd_intr(-1)
unit, service = None, False
from machine import reset  # noqa: E402 (the seal comes first)

try:
    import sys
    from collections import namedtuple
    from time import sleep_ms, ticks_ms

    from machine import PWRON_RESET, reset_cause

    import board
    import firmware

    parts = board.find()
    if sys.implementation.version[:3] < firmware.LOWEST.get(parts.CHIP, ()):
        from firmware.outdated import stay
        from firmware.wiring import Wiring

        if not has_identity:
            micropython.kbd_intr(3)
        stay(Wiring(parts).displays())

    from firmware.events import RESTART, SERVICE, EventLog
    from firmware.media import Files
    from firmware.supervisor import SPAN_MS, Restarts, ServiceRequest, Supervisor, run_minimal
    from firmware.wiring import Wiring

    wiring = Wiring(parts)
    files = Files("state")
    clock = wiring.clock()
    log = EventLog(files, clock)
    load = wiring.load()
    supervisor = Supervisor()
    restarts = Restarts(files, reset_cause() == PWRON_RESET)
    hopeless = restarts.hopeless
    service = restarts.service
    if not service:
        deadline.deinit()
    if restarts.new:
        log.add(RESTART, reset_cause() * 10 + restarts.count)
    try:
        wiring.watch(load, files, log.add)
        if load.watching:
            load.check(ticks_ms())

        from firmware.store import Store
        from firmware.unit import Unit

        store = Store(wiring.media(files))
        hopeless = hopeless and store.identity()  # a blank unit has nothing to lose
        if hopeless:
            raise RuntimeError("minimal mode failed, too")
        unit = Unit(store, clock, load, log)
        if service:
            log.add(SERVICE)
            load.serve()
        # Reset by the watchdog or by `reset`: the MCU may have hung for so many seconds.
        unit.start(0 if reset_cause() == PWRON_RESET else 9)

        import asyncio

        from firmware.app import App
        from firmware.console import Console
        from firmware.signals import Signals

        screens = wiring.displays()
        is_open = service or not unit.identity
        # All that tools may ask of a unit at its prompt. A unit without a prompt drops `wiring`.
        Controller = namedtuple("Controller", "unit load clock log store restarts screens wiring")
        rest = wiring if is_open else None
        controller = Controller(unit, load, clock, log, store, restarts, screens, rest)

        def seal():
            micropython.kbd_intr(-1)
            supervisor.arm(wiring.watchdog())
            asyncio.create_task(supervisor.run())

        feed = None
        if is_open:
            unit.seal = seal  # called when a blank unit gets its identity
            micropython.kbd_intr(3)
        else:
            feed = wiring.watchdog()
        if restarts.many and unit.identity:
            run_minimal(unit, screens, feed, restarts)
        else:
            app = App(unit, screens, Signals(*wiring.signals()), wiring.matrix)
            console = Console(unit, app.enter, restarts, sys.stdin.buffer, sys.stdout.buffer)
            supervisor.arm(feed, is_open and hasattr(wiring.parts, "WATCHDOG"))
            if not is_open:
                del firmware.wiring, wiring, Wiring
                del sys.modules["firmware.wiring"]
            asyncio.run(app.run(supervisor, restarts, console.run()))
    except ServiceRequest:
        restarts.serve()
        reset()
    except Exception as error:
        load.cut()
        if not has_identity and not (unit and unit.identity):
            raise  # a way in for the station
        if hopeless:  # nothing helps: at least it costs and wears nothing
            sleep_ms(SPAN_MS)
            restarts.forget()
        elif not restarts.many:
            supervisor.note(log, error)
        reset()
finally:
    if has_identity and unit is None or unit and unit.identity and not service:
        reset()
