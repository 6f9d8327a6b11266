"""The one place that builds pins and wires objects together, then runs them for ever."""

import asyncio
import sys

from machine import I2C, Pin, reset

import board
from firmware.app import App
from firmware.clock import DS1307, DS3231
from firmware.console import Console
from firmware.keypad import Buttons, Keypad
from firmware.lcd import Lcd
from firmware.load import LoadSwitch
from firmware.media import Eeprom, Files, Nvram, Nvs
from firmware.segments import Segments
from firmware.signals import Signals
from firmware.store import Store
from firmware.unit import Unit

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
    pins = parts.KEYPAD
    rows = [Pin(number, Pin.OPEN_DRAIN, value=1) for number in pins["rows"]]
    columns = [Pin(number, Pin.IN, Pin.PULL_UP) for number in pins["columns"]]
    keypad = Keypad if rows else Buttons
    return keypad(rows, columns, pins["keys"], on_key, on_stuck, Pin.IRQ_FALLING)


def displays(bus):
    """Drivers of the displays that the board has."""
    found = []
    if hasattr(parts, "LCD"):
        found.append(Lcd(bus, parts.LCD["address"]))
    if hasattr(parts, "TM1637"):
        from tm1637 import TM1637

        found.append(Segments(TM1637(Pin(parts.TM1637["clk"]), Pin(parts.TM1637["dio"]))))
    return found


def clock_chip(bus):
    """Driver of the board's clock chip, or None where there is none."""
    chip = parts.CLOCK["chip"]
    return {"ds3231": DS3231, "ds1307": DS1307}[chip](bus) if chip else None


def media(bus):
    """Where records lie: the chip's own flash first, then what survives its loss."""
    found = [Files("state")]
    if hasattr(parts, "NVS"):
        from esp32 import NVS

        found = [Nvs(NVS(parts.NVS["namespace"]))]
    if hasattr(parts, "EEPROM"):
        chip = parts.EEPROM
        found.append(Eeprom(bus, chip["address"], chip["size"], chip["page"]))
    if parts.CLOCK["chip"] == "ds1307":
        found.append(Nvram(bus))
    return found


pins = parts.I2C
bus = I2C(pins["id"], sda=Pin(pins["sda"]), scl=Pin(pins["scl"]), freq=pins["freq"])
store = Store(media(bus))
load = LoadSwitch(
    Pin(parts.LOAD["pin"], Pin.OUT, value=1 - parts.LOAD["active"]), parts.LOAD["active"]
)
unit = Unit(store, clock_chip(bus), load)
unit.start()
signals = Signals(output("LED_GREEN"), output("LED_RED"), output("BUZZER"))
app = App(unit, displays(bus), signals, matrix)
console = Console(unit, app.enter, sys.stdin.buffer, sys.stdout)

try:
    asyncio.run(app.run(console.run()))
finally:
    reset()
