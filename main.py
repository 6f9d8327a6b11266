"""The one place that builds pins and wires objects together, then runs them for ever.

Whatever happens ends in a reset, never in a prompt; but Ctrl-C on a blank unit does, for the
tools that deploy and provision it. The load is decided first, by as little code as possible.
"""

from machine import reset

unit = None
try:
    import sys
    from time import sleep_ms, ticks_ms

    from machine import ADC, I2C, PWRON_RESET, WDT, Pin, reset_cause

    import board
    from firmware.clock import DS1307, DS3231
    from firmware.early import may_be_on
    from firmware.events import RESTART, EventLog
    from firmware.load import LoadSwitch, limits
    from firmware.measure import calibration, current, voltage
    from firmware.media import Eeprom, Files, Nvram, Nvs
    from firmware.store import Store

    parts = board.find()

    def output(name):
        """The switch function of an output pin, or None where the board has none."""
        pin = getattr(parts, name, None)
        if not pin:
            return None
        signal = Pin(pin["pin"], Pin.OUT, value=1 - pin["active"])
        return signal if pin["active"] else lambda on: signal(1 - on)

    def matrix(on_key, on_stuck):
        """The board's keypad: a matrix, or without rows a row of buttons to ground."""
        from firmware.keypad import Buttons, Keypad

        pins = parts.KEYPAD
        rows = [Pin(number, Pin.OPEN_DRAIN, value=1) for number in pins["rows"]]
        columns = [Pin(number, Pin.IN, Pin.PULL_UP) for number in pins["columns"]]
        keypad = Keypad if rows else Buttons
        return keypad(rows, columns, pins["keys"], on_key, on_stuck, Pin.IRQ_FALLING)

    def displays(bus):
        """Drivers of the displays that the board has."""
        found: list = []
        if hasattr(parts, "LCD"):
            from firmware.lcd import Lcd

            found.append(Lcd(bus, parts.LCD["address"]))
        if hasattr(parts, "TM1637"):
            from tm1637 import TM1637

            from firmware.segments import Segments

            found.append(Segments(TM1637(Pin(parts.TM1637["clk"]), Pin(parts.TM1637["dio"]))))
        return found

    def clock_chip(bus):
        """Driver of the board's clock chip, or None where there is none."""
        chip = parts.CLOCK["chip"]
        return {"ds3231": DS3231, "ds1307": DS1307}[chip](bus) if chip else None

    def media(bus):
        """Where records lie: the chip's own flash first, then what survives its loss."""
        found: list = [files]
        if hasattr(parts, "NVS"):
            from esp32 import NVS

            found = [Nvs(NVS(parts.NVS["namespace"]))]
        if hasattr(parts, "EEPROM"):
            chip = parts.EEPROM
            found.append(Eeprom(bus, chip["address"], chip["page"]))
        if parts.CLOCK["chip"] == "ds1307":
            found.append(Nvram(bus))
        return found

    def sensed(name):
        """Function that tells whether a digital input is active, and its pin, or None twice."""
        wiring = getattr(parts, name, None)
        if not wiring:
            return None, None
        pin = Pin(wiring["pin"], Pin.IN, None if wiring["active"] else Pin.PULL_UP)
        return lambda: pin() == wiring["active"], pin

    def analog(name, make, *bounds):
        """Reading function of an analog input (see firmware.measure), or None."""
        wiring = getattr(parts, name, None)
        if not wiring:
            return None
        adc = ADC(Pin(wiring["adc"]))
        if hasattr(adc, "atten"):
            adc.atten(ADC.ATTN_11DB)  # ESP32: the whole range of the pin
        return make(adc, wiring, *bounds, calibration(files, name))

    def watch(load, report):
        """Give the load switch what the board measures."""
        battery = getattr(parts, "BATTERY", {})
        volts = battery.get("volts", 12)
        live, _ = sensed("OUTPUT")
        shorted, protection = sensed("FAULT")
        if protection:
            edge = Pin.IRQ_RISING if parts.FAULT["active"] else Pin.IRQ_FALLING
            protection.irq(load.cut, edge)
        load.watch(
            report,
            battery=analog("BATTERY", voltage, volts * 500, volts * 1500),
            limits=limits(battery.get("chemistry", "lead-acid"), volts),
            solar=analog("PANEL", voltage, None, None),
            current=analog("CURRENT", current),
            most=getattr(parts, "CURRENT", {}).get("limit_ma", 0),
            live=live,
            shorted=shorted,
        )
        if load.watching:
            load.check(ticks_ms())

    def watchdog():
        """Arm the watchdog, which nothing stops from then on. What feeds it, or None.

        A blank unit has none: whoever sets it up may take longer than the watchdog waits.
        """
        if not unit.identity or not hasattr(parts, "WATCHDOG"):
            return None
        return WDT(timeout=parts.WATCHDOG["timeout_ms"]).feed

    pins = parts.I2C
    bus = I2C(pins["id"], sda=Pin(pins["sda"]), scl=Pin(pins["scl"]), freq=pins["freq"])
    files = Files("state")
    clock = clock_chip(bus)
    log = EventLog(files, clock)
    load = LoadSwitch(
        Pin(parts.LOAD["pin"], Pin.OUT, value=1 - parts.LOAD["active"]), parts.LOAD["active"]
    )
    trouble = None
    try:
        watch(load, log.add)
        store = Store(media(bus))
        decided = ticks_ms()
        load.set(may_be_on(store, clock, files))
    except Exception as error:
        trouble = error  # told below

    import asyncio

    from firmware.app import App
    from firmware.console import Console
    from firmware.signals import Signals
    from firmware.supervisor import Restarts, Supervisor, run_minimal
    from firmware.unit import Unit

    supervisor = Supervisor()
    restarts = Restarts(files, reset_cause() == PWRON_RESET)
    if restarts.new:
        log.add(RESTART, reset_cause() * 10 + restarts.count)
    try:
        if trouble:
            raise trouble
        unit = Unit(store, clock, load, log)
        unit.start(decided)
        screens = displays(bus)
        if restarts.many and unit.identity:
            run_minimal(unit, screens, watchdog(), restarts)
        else:
            signals = Signals(output("LED_GREEN"), output("LED_RED"), output("BUZZER"))
            app = App(unit, screens, signals, matrix)
            console = Console(unit, app.enter, sys.stdin.buffer, sys.stdout)
            supervisor.arm(watchdog())
            asyncio.run(app.run(supervisor, restarts, console.run()))
    except Exception as error:
        load.cut()
        if restarts.many:
            sleep_ms(5_000)  # nothing helps: at least it wears nothing
        else:
            supervisor.note(log, error)
        reset()
finally:
    if unit is None or unit.identity:
        reset()
