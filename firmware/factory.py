"""What a station asks of a blank unit at its prompt: the self-test, then the identity.

`payg provision` stops the firmware by Ctrl-C, imports this and calls a `Bench`, whose methods
print short answers for the station to judge. Nothing here prints the key, and nothing is stored
before `finish`, which writes the identity and restarts in one go: from then on there is no prompt.
"""

import asyncio
from binascii import unhexlify
from time import sleep_ms, ticks_add, ticks_diff, ticks_ms

from micropython import kbd_intr

import opaygo
from firmware.console import key_check
from firmware.store import Identity

_MISSING_MS = 10_000  # a display that wants to be asked again so soon did not answer
_LOAD_MS = 1_100  # a second, and one sample of everything that is measured
_OFF_MS = 1_000  # until there must be no voltage behind an open switch
_APART_MS = 20  # keys that are told closer together were not pressed one by one
_ALIVE_MS = 4_000  # a sign of life for a station that waits
_WRONG_S = 60  # a clock that is off by more is set
_PATTERNS = (b"\x55\xaa\x0f\xf0", b"\xaa\x55\xf0\x0f")


class Bench:
    """`names`: main.py's globals."""

    def __init__(self, names):
        self._names = names
        self._identity = None
        self._started = None
        names["unit"].on_change = names["load"].on_change = None  # would wake stopped tasks

    def hold(self, serial, key, *others):
        """Keep an identity in RAM; `others` as firmware.store.Identity takes them, key in hex.

        Prints what the unit is: `blank`, `same` (whatever count it began with), or `other` and
        its serial. Raises ValueError.
        """
        unit = self._names["unit"]
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
        """Light everything; prints how many displays there are, and how many do not answer."""
        now = ticks_add(ticks_ms(), _MISSING_MS)  # one that did not answer before is tried again
        found = [screen.show(self, now) for screen in self._names["screens"]]
        print(len(found), len([due for due in found if due < _MISSING_MS]))

    def lines(self):
        """All dots of an LCD: the looks of a firmware.panel.Panel."""
        return ("\xff" * 16,) * 2

    def segments(self, now):
        """All segments that the firmware uses."""
        return "8888", None

    def keys(self, seconds):
        """Print `ready` and all keys, then `key` and each that is pressed alone, until all were.

        `stuck` and keys that stay down, `both` and keys that came together: they do not count.
        """
        asyncio.new_event_loop()  # what ran before Ctrl-C must not run on
        asyncio.run(self._keys(seconds))

    async def _keys(self, seconds):
        pressed = []
        keypad = self._names["matrix"](pressed.append, lambda keys: print("stuck", keys))
        keys = "".join(self._names["wiring"].parts.KEYPAD["keys"])
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

        Prints whether it was on, the faults that kept it off, millivolts, milliamperes (None: out
        of range), and whether there was voltage behind the switch before, meanwhile and after.
        `-` is printed for what the board does not measure.
        """
        load = self._names["load"]
        live, _ = self._names["wiring"].input("OUTPUT")
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
        parts = self._names["wiring"].parts
        for at, name in ((2, "BATTERY"), (3, "CURRENT")):
            if not hasattr(parts, name):
                told[at] = "-"
        print(*told, live())

    def _pass(self, load, duration):
        start = ticks_ms()
        while ticks_diff(ticks_ms(), start) < duration:
            sleep_ms(max(1, min(load.check(ticks_ms()), 50)))

    def clock(self, now):
        """Set the clock to `now` (seconds since 2020) if it stopped or is wrong.

        Prints what it said before: `None` when it had stopped; `-` where there is no clock chip.
        """
        chip = self._names["clock"]
        if chip is None:
            print("-")
            return
        before = chip.read()
        if before is None or abs(before - now) > _WRONG_S:
            chip.set(now)
        self._started = chip.read(), ticks_ms()
        print(before)

    def ticking(self):
        """Print the clock's seconds since `clock`, None if it stopped, and milliseconds so far."""
        first, start = self._started
        while ticks_diff(ticks_ms(), start) < _LOAD_MS:
            sleep_ms(10)
        last = self._names["clock"].read()
        known = None not in (first, last)
        print(last - first if known else None, ticks_diff(ticks_ms(), start))

    def memory(self):
        """Write where the second medium holds no record, read back, and leave it as it was.

        Prints whether that went right; `-` where there is no second medium.
        """
        parts = self._names["wiring"].parts
        if hasattr(parts, "EEPROM"):
            address, at, bits = parts.EEPROM["address"], parts.EEPROM["size"] - 4, 16
        elif parts.CLOCK["chip"] == "ds1307":
            address, at, bits = 0x68, 0x3C, 8  # behind the briefs
        else:
            print("-")
            return
        bus, good = self._names["wiring"].bus, True
        kept = bus.readfrom_mem(address, at, 4, addrsize=bits)
        for data in _PATTERNS + (kept,):
            bus.writeto_mem(address, at, data, addrsize=bits)
            sleep_ms(11)  # an EEPROM's write cycle
            good = bus.readfrom_mem(address, at, 4, addrsize=bits) == data and good
        print(good)

    def token(self, digits):
        """Judge a token as the held identity would, and store nothing.

        Prints outcome, value, count and seconds. Raises opaygo.TokenError.
        """
        held = self._identity
        device = opaygo.Device(held.key, held.starting_code, held.time_divider, held.restricted)
        print(*opaygo.judge(device, opaygo.new_state(held.count), digits)[0])

    def finish(self):
        """Write the identity and restart. There is no way back.

        Prints serial and key check value, then what is left of a former life: count, seconds paid
        or `free`, and whether a second medium was not believed. Raises ValueError,
        firmware.store.StoreError: then nothing is written.
        """
        held, names, unit = self._identity, self._names, self._names["unit"]
        kbd_intr(-1)
        try:
            unit.provision(held)
        except Exception:
            kbd_intr(3)
            raise
        try:
            left = "free" if unit.free() else unit.seconds_left()
            print(held.serial, key_check(held.key), unit.count(), left, names["store"].stale)
            names["log"].flush()
            names["restarts"].forget()
            sleep_ms(100)  # the answer leaves before the port does
        finally:
            names["reset"]()
