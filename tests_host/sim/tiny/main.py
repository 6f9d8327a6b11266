"""A firmware just large enough to try the simulator with: each entry's digit says what to do.

0 store, 1 fail, 2 reset, 3 end, 4 starve the watchdog, 5 misuse a chip, 6 block, 7 poll the time,
8 write the EEPROM, 9 take two seconds.
"""

import asyncio
import os
import sys
import time

import machine
from machine import I2C, Pin

import board.sim as wires
import firmware


class Unit:
    """A unit with the attributes that the simulator reads."""

    def __init__(self):
        self.entries = 0
        self.outcome = None
        self.busy = False
        self.typed = ""
        self.identity = None

    def provision(self, identity):
        """Write the serial number down."""
        with open("serial", "w") as file:
            file.write(identity.serial)
        self.load()

    def load(self):
        """Read the serial number."""
        try:
            with open("serial") as file:
                self.identity = Identity(file.read(), b"")
        except OSError:
            self.identity = None

    def status(self):
        """As of a real unit; `count` tells how often this module was loaded, `active` the RTC."""
        return {
            "payg": True,
            "active": reset_cause,
            "seconds_left": time.ticks_ms() // 1000,
            "count": firmware.loads,
            "locked_seconds": 0,
            "clock_faults": 0,
            "provisioned": self.identity is not None,
        }


def store():
    """Write a file."""
    with open("entry", "w") as file:
        file.write(unit.typed)


def starve():
    """Never feed."""
    machine.WDT(timeout=500)


def misuse():
    """Write an input."""
    columns[0](1)


def poll():
    """Wait without sleeping."""
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < 20:
        pass


def remember():
    """Write a page of the EEPROM."""
    bus.writeto(0x57, b"\0\0" + unit.typed.encode())


async def judge(entry):
    """Do what the entry says."""
    unit.busy = True
    load(1)
    if entry == "1":
        raise ValueError("as was wished")
    if entry == "3":
        raise EOFError("end")
    if entry == "9":
        await asyncio.sleep(2)
    action = {
        "0": store,
        "2": machine.reset,
        "4": starve,
        "5": misuse,
        "6": lambda: time.sleep_ms(100),
        "7": poll,
        "8": remember,
    }.get(entry)
    if action:
        action()
    unit.outcome = "DONE " + entry
    unit.entries += 1
    unit.busy = False


def pressed():
    """The key that is down, or an empty string."""
    found = ""
    for row, keys in zip(rows, wires.KEYPAD["keys"]):
        row(0)
        for column, key in zip(columns, keys):
            if not column():
                found = key
        row(1)
    return found


async def keys():
    """Take keys for ever."""
    while True:
        for row in rows:
            row(0)
        await edge.wait()
        for row in rows:
            row(1)
        key = pressed()
        while pressed():
            await asyncio.sleep_ms(5)
        if key == "#":
            await judge(unit.typed)
            unit.typed = ""
        else:
            unit.typed += key


async def console():
    """Answer each line."""
    reader = asyncio.StreamReader(sys.stdin)
    while True:
        line = await reader.readline()
        print("got", line.decode().strip())
        sys.stdout.write("and more\n")


async def run():
    """Both."""
    await asyncio.gather(keys(), console())


class Identity:
    """As the simulator needs it."""

    def __init__(self, serial, key, *_rest):
        self.serial = serial

    def __eq__(self, other):
        return self.serial == other.serial


if "boom" in os.listdir():
    raise ValueError("boom")
reset_cause = machine.reset_cause()
firmware.loads += 1
load = Pin(15, Pin.OUT, value=0)
rows = [Pin(pin, Pin.OPEN_DRAIN) for pin in wires.KEYPAD["rows"]]
columns = [Pin(pin, Pin.IN, Pin.PULL_UP) for pin in wires.KEYPAD["columns"]]
edge = asyncio.ThreadSafeFlag()
for column in columns:
    column.irq(lambda pin: edge.set(), Pin.IRQ_FALLING)
bus = I2C(0, sda=Pin(20), scl=Pin(21), freq=100_000)
unit = Unit()


class controller:  # noqa: N801 (all that a simulator asks of firmware.controller)
    unit = unit


unit.load()
try:
    asyncio.run(run())
except EOFError:
    pass
