"""Runs the firmware's drivers on chip models, under CPython and under MicroPython alike.

    python -m tests_host.drivers.child LIBRARIES        (micropython likewise)

Each line of standard input is a scenario as JSON, each answer one line of JSON. Time is simulated
and in microseconds. Scenarios and their answers: see the functions in SCENARIOS.
"""

import json
import sys

CPYTHON = sys.implementation.name == "cpython"
sys.path.append(sys.argv[1])

from tools.sim.chips.hd44780 import Backpack, Hd44780  # noqa: E402
from tools.sim.chips.keypad import Keypad as Matrix  # noqa: E402
from tools.sim.chips.keypad import Watch  # noqa: E402
from tools.sim.chips.tm1637 import CLK, DIO, Tm1637  # noqa: E402
from tools.sim.mcu import machine, pins, time  # noqa: E402
from tools.sim.mcu.i2c import Bus  # noqa: E402
from tools.sim.mcu.kinds import CHIPS  # noqa: E402
from tools.sim.parts import ChipError  # noqa: E402
from tools.sim.world import World  # noqa: E402

if CPYTHON:
    from tests_host.drivers import vloop as asyncio

    sys.modules["asyncio"] = asyncio
else:
    import asyncio

    from tools.sim import loop

sys.modules["machine"] = machine
sys.modules["time"] = time

from machine import I2C, Pin  # noqa: E402

from firmware import signals  # noqa: E402
from firmware.keypad import Buttons, Keypad  # noqa: E402
from firmware.lcd import Lcd  # noqa: E402
from firmware.segments import Segments  # noqa: E402


class FixedWords:
    """Says what it is told to."""

    def __init__(self):
        self.said = None

    def lines(self):
        return self.said

    def segments(self, now):
        return self.said


def new_world(buses=(), chip="rp2040"):
    world = World()
    machine.install(world, buses, CHIPS[chip]())
    machine.power_on()
    world.start()
    if CPYTHON:
        asyncio.core.install(world)
    else:
        loop.install(world)
    return world


async def beside(coroutine, world, until):
    """Let a driver's task run until that time."""
    asyncio.create_task(coroutine)
    await asyncio.sleep_ms(until // 1000)


def keypad(scenario):
    """{keys: [string a row], rows, columns: pins, events: [[us, key, closed]], until: us}.

    Without rows it is a row of buttons. An erase of flash, [us, duration] in `erases`, holds up
    all but the contacts; keys pressed at [us, key] in `drops` find all slots for interrupts taken;
    `chip`: of kinds.py. Answers {keys: [[character, us]], stuck:
    [[characters, us]], drives: [us of each level put on a row], settled: shortest us from there to
    a look at a column, quiet: bool, shorts: rows driven against each other}.
    """
    world = new_world(chip=scenario.get("chip", "rp2040"))
    matrix = Matrix(scenario["keys"])
    ends = list(scenario["rows"] or (None,)) + scenario["columns"]
    for end, pin in enumerate(ends):
        if pin is None:
            matrix.drive(end, 0)
        else:
            pins.attach(pin, matrix, end)
    matrix.changed = lambda touched: pins.touched(
        [ends[end] for end in touched if ends[end] is not None]
    )
    pressed, stuck, drives, looks = [], [], [], []
    rows = [
        counted(Pin(n, Pin.OPEN_DRAIN, None, value=1), world, drives) for n in scenario["rows"]
    ]
    columns = [
        Column(Pin(n, Pin.IN, Pin.PULL_UP), world, drives, looks) for n in scenario["columns"]
    ]
    driver = (Keypad if rows else Buttons)(
        rows,
        columns,
        scenario["keys"],
        lambda key: pressed.append([key, world.now]),
        lambda keys: stuck.append([keys, world.now]),
        Pin.IRQ_FALLING,
    )
    for due, key, closed in scenario["events"]:
        world.at(due, switch(matrix, key, closed))
    for due, duration in scenario.get("erases", ()):
        world.at(due, lambda duration=duration: world.stall(duration))
    for due, key in scenario.get("drops", ()):
        world.at(due, dropped(world, switch(matrix, key, True)))
    asyncio.run(beside(driver.run(), world, scenario["until"]))
    return {
        "keys": pressed,
        "stuck": stuck,
        "drives": drives,
        "settled": min(looks) if looks else None,
        "quiet": driver.quiet,
        "shorts": matrix.shorts,
    }


def counted(pin, world, drives):
    def drive(level):
        drives.append(world.now)
        pin(level)

    return drive


class Column:
    """A pin, with the time from the newest level of a row to each look (us) in `looks`."""

    def __init__(self, pin, world, drives, looks):
        self._pin, self._world, self._drives, self._looks = pin, world, drives, looks
        self.irq = pin.irq

    def __call__(self):
        if self._drives:
            self._looks.append(self._world.now - self._drives[-1])
        return self._pin()


def dropped(world, action):
    def act():
        state = world.mask()
        for number in range(8):
            world.interrupt(lambda _: None, number)
        action()
        world.unmask(state)

    return act


def switch(matrix, key, closed):
    return lambda: matrix.press(key) if closed else matrix.release(key)


def lcd(scenario):
    """{steps: [[name, value]]}: show [two lines], wait us, or present, stuck or power with a bool.

    Answers a list of [lines on the glass, what show returned, us it took], one for each show.
    """
    bus = Bus(20, 21)
    world = new_world([bus])
    glass = Hd44780(lambda: world.now)
    chip = Backpack(glass, 0x27)
    bus.add(chip)
    glass.power_on()

    def present(there):
        bus.chips.pop(0x27, None)
        if there:
            bus.add(chip)

    def stuck(is_stuck):
        bus.stuck = is_stuck

    def power(on):
        for part in (glass, chip):
            part.power_on() if on else part.power_off()

    driver = Lcd(I2C(0, sda=Pin(20), scl=Pin(21), freq=100_000), 0x27)
    others = {"present": present, "stuck": stuck, "power": power}
    return shown_in(scenario["steps"], driver, world, glass, others)


def shown_in(steps, driver, world, glass, others):
    """Return [lines on the glass, what show returned, us it took] of each show in the steps.

    `others`: functions for the steps beside show and wait.
    """
    panel = FixedWords()
    shown = []
    for name, value in steps:
        if name == "show":
            panel.said = value
            began = world.now
            again = driver.show(panel, time.ticks_ms())
            shown.append([glass.lines(), again, world.now - began])
        elif name == "wait":
            world.sleep(value)
        else:
            others[name](value)
    return shown


def digits(scenario):
    """{steps: [[name, value]]}: show [text, ms until it moves or null], wait us, power bool.

    Answers {shown: as `lcd`, contentions: …, brightness: …}.
    """
    world = new_world()
    glass = Tm1637(lambda: world.now)
    pins.attach(16, glass, CLK)
    pins.attach(17, glass, DIO)
    glass.power_on()
    from tm1637 import TM1637

    def power(on):
        glass.power_on() if on else glass.power_off()

    driver = Segments(TM1637(Pin(16), Pin(17)))
    shown = shown_in(scenario["steps"], driver, world, glass, {"power": power})
    return {"shown": shown, "contentions": glass.contentions, "brightness": glass.brightness}


def blink(scenario):
    """{plays: [[us, pattern's name]], active: 0 or 1, fitted: [names], until: us}.

    Answers {name: [[us, on]]} of green, red and buzzer.
    """
    world = new_world()
    watches, outputs = {}, []
    for number, name in enumerate(("green", "red", "buzzer")):
        watch = watches[name] = Watch(lambda: world.now, scenario["active"])
        pins.attach(10 + number, watch, 0)
        off = 1 - scenario["active"]
        pin = Pin(10 + number, Pin.OUT, value=off)
        switched = pin if scenario["active"] else inverted(pin)
        outputs.append(switched if name in scenario["fitted"] else None)
    player = signals.Signals(*outputs)
    for due, name in scenario["plays"]:
        world.at(due, playing(player, getattr(signals, name)))
    asyncio.run(beside(player.run(), world, scenario["until"]))
    return {name: watches[name].take() for name in watches}


def playing(player, pattern):
    return lambda: player.play(pattern)


def inverted(pin):
    return lambda on: pin(1 - on)


SCENARIOS = {"keypad": keypad, "lcd": lcd, "digits": digits, "blink": blink}


def main():
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        scenario = json.loads(line)
        try:
            answer = SCENARIOS[scenario["run"]](scenario)
        except ChipError as error:
            answer = {"refused": str(error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        if CPYTHON:
            sys.stdout.flush()


main()
