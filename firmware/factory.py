"""The self-test of a blank unit at the station, and the identity after the self-test.

`payg provision` stops the firmware by Ctrl-C, imports this module and calls a `SelfTest`, whose
methods print short answers for the station to judge. No method prints the key. `finish` alone
stores something: `finish` writes the identity and restarts the unit, whose console is sealed then.
"""

import asyncio
from binascii import unhexlify
from sys import stdin, stdout
from time import sleep_ms, ticks_add, ticks_diff, ticks_ms

from machine import reset
from micropython import kbd_intr

import opaygo
from firmware.app import App
from firmware.console import Console, key_check
from firmware.events import EventLog
from firmware.signals import Signals
from firmware.store import Identity, Store
from firmware.supervisor import Supervisor
from firmware.unit import Unit

_MISSING_MS = 10_000  # a display that asks for the next call sooner did not answer
_LOAD_MS = 1_100  # a second, and one sample of each measurement
_OFF_MS = 1_000  # time after which no voltage may be left behind an open switch
_APART_MS = 20  # keys closer together were not pressed one by one
_ALIVE_MS = 4_000  # between two signs of life for the waiting station
_WRONG_S = 60  # a clock with a larger error is set
_PATTERNS = (b"\x55\xaa\x0f\xf0", b"\xaa\x55\xf0\x0f")


class _Ram:
    """A medium, and files, that are gone with the power."""

    small = False

    def __init__(self):
        self._slots = {}

    def read(self, name, slot):
        return self._slots.get((name, slot))

    def write(self, name, slot, data):
        self._slots[name, slot] = bytes(data)


class SelfTest:
    """Tests the parts of `controller`, the global of main.py, whose tasks have been stopped."""

    armed = False  # a trial armed the watchdog, which nobody feeds at the prompt

    def __init__(self, controller):
        if SelfTest.armed:
            raise RuntimeError("a watchdog is armed")
        self._controller = controller
        self._identity = None
        self._started = None
        controller.unit.on_change = controller.load.on_change = None  # would wake stopped tasks

    def hold(self, serial, key, *others):
        """Keep an identity in RAM; `key`: hex; `others`: as of firmware.store.Identity.

        Prints `blank` for a blank unit, `same` for a unit with this identity (the first count may
        differ), else `other` and the unit's serial number. Raises ValueError.
        """
        unit = self._controller.unit
        self._identity = Identity(serial, unhexlify(key), *others)
        if unit.problem:
            raise ValueError("records of a newer firmware, or a flash that fails")
        if not unit.identity:
            print("blank")
            return
        self._identity.count = unit.identity.count
        if unit.identity == self._identity:
            print("same")
        else:
            print("other", unit.identity.serial)

    def display(self):
        """Light all dots and segments; print the number of displays, and of silent displays."""
        now = ticks_add(ticks_ms(), _MISSING_MS)  # late enough to try a silent display again
        found = [screen.show(self, now) for screen in self._controller.screens]
        print(len(found), len([due for due in found if due < _MISSING_MS]))

    def lines(self):
        """Return all dots of an LCD, as firmware.panel.Panel returns a text."""
        return ("\xff" * 16,) * 2

    def segments(self, now):
        """Return all segments that the firmware uses."""
        return "8888", None

    def keys(self, seconds):
        """Print `ready` and all keys, then `key` and the key for each key pressed alone.

        Ends when every key was pressed, or after `seconds`. Prints `stuck` and the keys that stay
        down, `both` and the keys that came together: such presses do not count.
        """
        asyncio.new_event_loop()  # the tasks stopped by Ctrl-C must not run on
        asyncio.run(self._keys(seconds))

    async def _keys(self, seconds):
        pressed = []
        keypad = self._controller.wiring.matrix(pressed.append, lambda keys: print("stuck", keys))
        keys = "".join(self._controller.wiring.parts.KEYPAD["keys"])
        missing = set(keys)
        running = asyncio.create_task(keypad.run())
        start = told = ticks_ms()
        print("ready", keys)
        while missing and ticks_diff(ticks_ms(), start) < seconds * 1000:
            await asyncio.sleep_ms(_APART_MS)
            keys = "".join(pressed)
            pressed.clear()
            if len(keys) > 1:
                print("both", keys)
            elif keys in missing:
                missing.discard(keys)
                print("key", keys)
            elif ticks_diff(ticks_ms(), told) >= _ALIVE_MS:
                told = ticks_ms()
                print("wait")
        running.cancel()

    def load(self):
        """Switch the load on for a second.

        Prints: was the load on? the faults; battery (mV), current (mA), None when out of range;
        was there voltage behind the switch before, meanwhile, afterwards? A `-` stands for each
        value that the board does not measure.
        """
        load = self._controller.load
        live, _ = self._controller.wiring.input("OUTPUT")
        live = live or (lambda: "-")
        before = live()
        load.set(True)
        try:
            self._pass(load, _LOAD_MS)
            told = [load.on, load.faults, load.battery_mv, load.current_ma, before, live()]
        finally:
            load.set(False)
        start = ticks_ms()
        while live() == 1 and ticks_diff(ticks_ms(), start) < _OFF_MS:
            sleep_ms(10)
        parts = self._controller.wiring.parts
        for at, name in ((2, "BATTERY"), (3, "CURRENT")):
            if not hasattr(parts, name):
                told[at] = "-"
        print(*told, live())

    def _pass(self, load, duration):
        start = ticks_ms()
        while ticks_diff(ticks_ms(), start) < duration:
            sleep_ms(max(1, min(load.check(ticks_ms()), 50)))

    def clock(self, now):
        """Set the clock chip to `now` (seconds since 2020) if the clock stopped or is wrong.

        Prints the reading before: `None` of a stopped clock, `-` without a clock chip.
        """
        chip = self._controller.clock
        if chip is None:
            print("-")
            return
        before = chip.read()
        if before is None or abs(before - now) > _WRONG_S:
            chip.set(now)
        self._started = chip.read(), ticks_ms()
        print(before)

    def ticking(self):
        """Print the seconds that the clock chip counted since `clock`, and the real milliseconds.

        The seconds are None if the clock stopped.
        """
        first, start = self._started
        while ticks_diff(ticks_ms(), start) < _LOAD_MS:
            sleep_ms(10)
        last = self._controller.clock.read()
        known = None not in (first, last)
        print(last - first if known else None, ticks_diff(ticks_ms(), start))

    def memory(self):
        """Write to an unused place of the second medium, read back, restore the old bytes.

        Prints True if all bytes came back, `-` without a second medium.
        """
        parts = self._controller.wiring.parts
        if hasattr(parts, "EEPROM"):
            address, at, bits = parts.EEPROM["address"], parts.EEPROM["size"] - 4, 16
        elif parts.CLOCK["chip"] == "ds1307":
            address, at, bits = 0x68, 0x3C, 8  # behind the briefs
        else:
            print("-")
            return
        bus, good = self._controller.wiring.bus, True
        kept = bus.readfrom_mem(address, at, 4, addrsize=bits)
        for data in _PATTERNS + (kept,):
            bus.writeto_mem(address, at, data, addrsize=bits)
            sleep_ms(11)  # an EEPROM's write cycle
            good = bus.readfrom_mem(address, at, 4, addrsize=bits) == data and good
        print(good)

    def token(self, digits):
        """Judge a token for the held identity, and store nothing.

        Prints outcome, value, count and seconds. Raises opaygo.TokenError.
        """
        held = self._identity
        device = opaygo.Device(held.key, held.starting_code, held.time_divider, held.restricted)
        print(*opaygo.judge(device, opaygo.new_state(held.count), digits)[0])

    def trial(self, seconds):
        """Run the firmware as a sealed unit with the held identity does, on records in RAM.

        Prints `over` after `seconds`. The watchdog is armed for good: `finish` must follow before
        it bites. A board that hangs or fails meanwhile restarts blank.
        """
        controller, wiring = self._controller, self._controller.wiring
        log = EventLog(_Ram(), controller.clock)
        unit = Unit(Store([_Ram()]), controller.clock, controller.load, log)
        unit.provision(self._identity)
        app = App(unit, controller.screens, Signals(*wiring.signals()), wiring.matrix)
        console = Console(unit, app.enter, controller.restarts, stdin.buffer, stdout.buffer)
        supervisor = Supervisor()
        asyncio.new_event_loop()  # the tasks stopped by Ctrl-C must not run on
        running = app.run(supervisor, controller.restarts, console.run())
        kbd_intr(-1)
        SelfTest.armed = True
        try:
            supervisor.arm(wiring.watchdog())
            asyncio.run(asyncio.wait_for(running, seconds))
        except asyncio.TimeoutError:
            print("over")
        finally:
            kbd_intr(3)
            controller.load.on_change = None

    def finish(self):
        """Write the identity and restart. There is no way back.

        Prints serial number and key check value, then the state taken over from records on the
        second medium: count, paid seconds or `free`, and True for a second medium that was not
        believed. Raises ValueError, firmware.store.StoreError: then nothing is written.
        """
        held, controller, unit = self._identity, self._controller, self._controller.unit
        kbd_intr(-1)
        try:
            unit.provision(held)
        except Exception:
            kbd_intr(3)
            raise
        try:
            left = "free" if unit.free() else unit.seconds_left()
            print(held.serial, key_check(held.key), unit.count(), left, controller.store.stale)
            controller.log.flush()
            controller.restarts.forget()
            sleep_ms(100)  # the answer leaves before the port does
        finally:
            reset()
