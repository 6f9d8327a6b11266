"""Code that runs at the prompt of the board under test, and prints what the test judges."""

# An exact second of the clock chip takes as long as the MCU's ticks say, or one of them is wrong.
CLOCK_RATE = """
from time import ticks_us, ticks_diff
def edge():
    first = controller.clock.read()
    while True:
        now = controller.clock.read()
        if now != first:
            return now, ticks_us()
_, begin = edge()
first = controller.clock.read()
passed = 0
while passed < {seconds}:
    last, end = edge()
    passed = last - first
    print(".")  # a sign of life
print(passed, ticks_diff(end, begin))
"""
HEAP = "import gc\ngc.collect()\nprint(gc.mem_free(), gc.mem_alloc())"
# Milliseconds to import all that must run before the load's decision, in a fresh interpreter.
LOADING = """
from time import ticks_ms, ticks_diff
begin = ticks_ms()
import board, firmware
from firmware.events import EventLog
from firmware.media import Files
from firmware.supervisor import Supervisor
from firmware.wiring import Wiring
from firmware.store import Store
from firmware.unit import Unit
print(ticks_diff(ticks_ms(), begin))
"""
HASH = """
from opaygo.chain import Chain, schedule
from time import ticks_us, ticks_diff
chain = Chain(schedule(bytes(16)), False, 0, 0)
chain.seek(0, 123456789)
begin = ticks_us()
chain.next({times})
print(ticks_diff(ticks_us(), begin))
"""
I2C = """
from machine import I2C, Pin
parts = controller.wiring.parts
pins = parts.I2C
bus = I2C(pins["id"], sda=Pin(pins["sda"]), scl=Pin(pins["scl"]), freq=pins["freq"])
wanted = []
for name in ("LCD", "EEPROM"):
    if hasattr(parts, name):
        wanted.append("{}={}".format(name, getattr(parts, name)["address"]))
if parts.CLOCK["chip"]:
    wanted.append("CLOCK=104")
print(*wanted)
found = []
for address in range(0x08, 0x78):
    try:
        bus.readfrom(address, 1)
        found.append(address)
    except OSError:
        pass
print(*found)
"""
# (millivolts or None) of battery and solar panel, mA; - for a value that the board has not.
INPUTS = """
load, parts = controller.load, controller.wiring.parts
found = [load.battery_mv, load.solar_mv, load.current_ma]
for at, name in enumerate(("BATTERY", "SOLAR", "CURRENT")):
    if not hasattr(parts, name):
        found[at] = "-"
battery = getattr(parts, "BATTERY", {})
print(*found, battery.get("volts", 0))
"""
RECORDS = """
import os
from binascii import crc32
for name in sorted(os.listdir("state")):
    if name.split(".")[0] in ("identity", "full"):
        with open("state/" + name, "rb") as file:
            print(name, crc32(file.read()))
"""
WATCHDOG = "from machine import WDT\nfrom time import sleep\nWDT(timeout=2000)\nsleep(20)"
CAUSE = "from machine import reset_cause, WDT_RESET\nprint(reset_cause() == WDT_RESET)"
