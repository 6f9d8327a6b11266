"""The load switch at wire level: real `machine.ADC` and `Pin` signatures, noise, cut wires.

For CPython and MicroPython.
"""

from firmware import events
from firmware.load import (
    BYPASS,
    HIGH_BATTERY,
    LOW_BATTERY,
    OVER_CURRENT,
    SENSOR,
    LoadSwitch,
    limits,
)
from firmware.measure import calibration, current, voltage
from tools.sim.chips.flash import ERASE_US
from tools.sim.chips.keypad import Watch
from tools.sim.chips.supply import Supply
from tools.sim.mcu import machine
from tools.sim.mcu.kinds import Esp32
from tools.sim.mcu.pins import attach, touched
from tools.sim.world import World

BATTERY = {"divider": (100_000, 10_000)}
CURRENT = {"shunt_mohm": 10, "gain": 50, "limit_ma": 5_000}
OUTPUT = {"pin": 14, "active": 1}
FAULT = {"pin": 13, "active": 0}
PLAIN = (1.0, 0)
Pin = machine.Pin


class Wired:
    """A switch whose pins and inputs end at the simulator's models.

    guarded: by a protection chip on FAULT.
    """

    def __init__(self, active=1, gain=PLAIN, amplifier=CURRENT, guarded=True, chip=None):
        self.world = world = World()
        machine.install(world, (), chip)
        world.start()
        self.lamp = Watch(lambda: world.now, active)
        self.supply = supply = Supply(lambda: self.lamp.on)
        attach(15, self.lamp, 0)
        adcs = (34, 36) if isinstance(chip, Esp32) else (26, 28)
        for name, wiring, adc in (("BATTERY", BATTERY, adcs[0]), ("CURRENT", amplifier, adcs[1])):
            attach(adc, supply, supply.end(name, wiring))
        attach(14, supply, supply.end("OUTPUT", OUTPUT))
        attach(13, supply, supply.end("FAULT", FAULT))
        self.told = []
        self.switch = LoadSwitch(Pin(15, Pin.OUT, value=1 - active), active)
        live, fault = Pin(14, Pin.IN), Pin(13, Pin.IN, Pin.PULL_UP)
        if guarded:
            fault.irq(self.switch.cut, Pin.IRQ_FALLING)
        self.switch.watch(
            lambda event, number: self.told.append((event, number)),
            battery=voltage(machine.ADC(Pin(adcs[0])), BATTERY, 6_000, 18_000, gain),
            limits=limits("lead-acid", 12),
            current=current(machine.ADC(Pin(adcs[1])), amplifier, PLAIN),
            most=5_000,
            live=live,
            shorted=(lambda: not fault()) if guarded else None,
        )
        self._next = world.now  # when its task wakes
        self.switch.on_change = self._changed
        self.switch.set(True)

    def _changed(self):
        self._next = self.world.now

    def wait(self, milliseconds):
        """Let time pass; the switch looks when it said that it is due, as its task does."""
        world = self.world
        end = world.now + milliseconds * 1000
        while self._next < end:
            world.sleep(max(0, self._next - world.now))
            due = self.switch.check(world.now // 1000)
            self._next = world.now + due * 1000
            assert not (self.lamp.on and self.switch.faults)
        world.sleep(max(0, end - world.now))

    def opened_after(self, knob, value, limit):
        """Turn a knob of the supply; return after how many ms of at most `limit` it opened."""
        assert self.lamp.on
        self.lamp.take()
        began = self.world.now
        setattr(self.supply, knob, value)
        self.wait(limit)
        ((when, on),) = self.lamp.take()
        assert not on
        return (when - began) / 1000


def near(value, wanted, part):
    """Assert that a value is wrong by at most this part of the wanted one."""
    assert abs(value - wanted) <= wanted * part, (value, wanted)


def on_for_a_second():
    """Return a switch that closed a second ago."""
    wired = Wired()
    wired.wait(1_000)
    return wired


def test_either_level_switches():
    for active in (0, 1):
        wired = Wired(active)
        assert not wired.lamp.on
        wired.wait(2_000)
        assert wired.lamp.on and not wired.told


def test_voltages_are_right_to_half_a_percent_over_the_range():
    wired = Wired()
    for millivolts in (6_200, 9_000, 11_400, 12_600, 15_600, 17_900):
        wired.supply.battery = millivolts
        wired.wait(30_000)
        near(wired.switch.battery_mv, millivolts, 0.005)


def test_noise_is_filtered():
    wired = Wired()
    wired.supply.noise = 30  # 330 mV at the battery
    wired.wait(10_000)
    most = 0
    for _ in range(100):
        wired.wait(1_000)
        most = max(most, abs(wired.switch.battery_mv - 12_600))
    assert 0 < most < 250
    assert wired.lamp.on and not wired.told


def test_noise_at_a_limit_does_not_make_the_switch_flap():
    for millivolts in (11_380, 15_620):
        wired = Wired()
        wired.supply.noise = 30
        wired.supply.battery = millivolts
        for _ in range(600):
            wired.wait(1_000)
        assert len(wired.lamp.take()) <= 2  # on, and perhaps off, and then it stays


def test_over_voltage_opens_after_one_to_two_seconds_whenever_it_comes_and_however_high_it_is():
    # From little more than a step of the ADC (9 mV) to the end of the sensor's range.
    found = times("battery", (15_612, 15_650, 16_000, 17_900), HIGH_BATTERY, 12_000)
    assert 1_000 <= min(found) <= 1_050 and 1_950 <= max(found) <= 2_005, found


def test_a_voltage_beyond_the_sensor_opens_after_one_to_two_seconds_too():
    found = times("battery", (0, 5_900, 18_100, 40_000), SENSOR, 12_000)
    assert 1_000 <= min(found) <= 1_050 and 1_950 <= max(found) <= 2_005, found


def test_low_battery_opens_after_ten_to_eleven_seconds():
    found = times("battery", (11_388, 11_350, 11_000, 6_100), LOW_BATTERY, 62_000)
    assert 10_000 <= min(found) <= 10_050 and 10_950 <= max(found) <= 11_010, found


def times(knob, values, fault, back):
    """Return after how many ms the load opens, for steps at all phases of the sampling.

    back: ms after which the fault has gone with certainty.
    """
    found = []
    for guarded in (True, False):
        for value in values:
            wired = Wired(guarded=guarded)
            wired.supply.battery = good = 12_700
            wired.wait(2_000)
            for _ in range(90):  # 12 ms or more each: a whole second
                wired.wait(13)
                found.append(wired.opened_after(knob, value, 12_000))
                assert wired.switch.faults == fault
                wired.supply.battery = good
                wired.wait(back)
    return found


def test_calibration_corrects_a_divider():
    bad_divider = 1.04
    wired = Wired(gain=(bad_divider, 25))
    wired.supply.battery = (12_000 - 25) / bad_divider
    wired.wait(20_000)
    near(wired.switch.battery_mv, 12_000, 0.004)


class _File:
    def __init__(self, data):
        self._data = data

    def read(self, name, slot):
        assert (name, slot) == ("calibration", 0)
        return self._data


def test_calibrations_that_cannot_be_are_not_believed():
    good = b'{"BATTERY": [1.013, -20], "SOLAR": [1.5, 0], "CURRENT": ["1", 0], "OUTPUT": 3}'
    assert calibration(_File(good), "BATTERY") == (1.013, -20)
    for data in (None, b"", b"{", b"[1, 2]", b"3", b"\xff\xfe", good, b'{"SOLAR": [1, "0"]}'):
        for name in ("SOLAR", "CURRENT", "OUTPUT"):
            assert calibration(_File(data), name) == PLAIN


def test_currents():
    wired = Wired()
    for milliamperes in (0, 500, 2_000, 4_900):
        wired.supply.current = milliamperes
        wired.wait(500)
        assert wired.lamp.on
        near(wired.switch._current() + 1, milliamperes + 1, 0.02)


def overloads(guarded, limit, step, erase=None):
    """Return after how many ms at most an overload is off, at all phases of the sampling.

    limit: ms to wait for that. erase: when a sector of the flash is erased, ms from the overload.
    """
    longest = 0
    for offset in range(0, 1_000, step):
        wired = Wired(guarded=guarded)
        wired.supply.noise = 20
        wired.supply.current = 4_800
        wired.wait(2_000 + offset)
        assert wired.lamp.on and len(wired.lamp.take()) == 1
        if erase is not None:  # it holds up everything, interrupts too
            world = wired.world
            world.at(world.now + erase * 1000, lambda world=world: world.stall(ERASE_US))
        longest = max(longest, wired.opened_after("current", 6_000, limit))
        assert wired.switch.faults == OVER_CURRENT
    return longest


def test_full_load_stays_on_and_an_overload_is_off_within_70_ms_where_nothing_else_guards_it():
    assert 60 < overloads(False, 100, 7) <= 71


def test_an_erase_of_flash_meanwhile_makes_that_120_ms():
    longest = max([overloads(False, 200, 29, erase) for erase in range(0, 80, 5)])
    assert 110 < longest <= 120


def test_with_a_protection_chip_an_overload_is_off_within_about_a_second():
    assert 980 < overloads(True, 1_200, 13) <= 1_015


def test_a_current_beyond_the_amplifier_is_an_overload_not_a_sensor_failure():
    for guarded, limit in ((False, 100), (True, 1_100)):
        wired = Wired(guarded=guarded)
        wired.wait(1_000)
        wired.supply.current = 1_000_000
        wired.wait(limit)
        assert wired.switch.faults == OVER_CURRENT


def test_an_amplifier_with_a_zero_tells_when_it_is_broken():
    amplifier = dict(CURRENT)
    amplifier.update({"gain": 20, "zero_mv": 1_650})
    wired = Wired(amplifier=amplifier)
    wired.wait(2_000)
    near(wired.switch._current(), 500, 0.02)
    amplifier["zero_mv"] = 0  # the supply of the amplifier is gone
    wired.wait(3_000)
    assert not wired.lamp.on and wired.told == [(events.SENSOR, 0)]


def test_an_esp32_measures_from_142_millivolts_at_the_pin():
    wired = Wired(guarded=False, chip=Esp32())
    for milliamperes, seen in ((0, 284), (200, 284), (500, 500), (2_000, 2_000), (4_900, 4_900)):
        wired.supply.current = milliamperes
        wired.wait(30_000)
        assert wired.lamp.on and not wired.told
        near(wired.switch.current_ma, seen, 0.005)
    near(wired.switch.battery_mv, wired.supply.battery, 0.005)
    for off in (0, 40_000):  # a wire of the divider
        wired.supply.battery = off
        wired.wait(3_100)
        assert wired.switch.faults == SENSOR
        wired.supply.battery = 12_700
        wired.wait(13_000)
    assert wired.opened_after("current", 6_000, 100) <= 71


def test_an_esp32_without_calibration_has_a_sensor_fault_and_goes_on():
    chip = Esp32()
    chip.calibrated = False
    wired = Wired(chip=chip)
    wired.wait(60_000)
    assert not wired.lamp.on and wired.told == [(events.SENSOR, 0)]
    assert (wired.switch.battery_mv, wired.switch.current_ma) == (None, None)


def test_a_wire_of_the_divider_that_is_off():
    wired = on_for_a_second()
    for millivolts in (0, 40_000):
        wired.supply.battery = millivolts
        wired.wait(3_100)
        assert not wired.lamp.on and wired.switch.faults == SENSOR
        wired.supply.battery = 12_700
        wired.wait(13_000)
        assert wired.lamp.on
    assert (events.LOW_BATTERY, 0) not in wired.told


def test_low_battery_and_back():
    wired = on_for_a_second()
    wired.supply.battery = 11_000
    wired.wait(15_000)
    assert wired.switch.faults == LOW_BATTERY
    wired.supply.battery = 12_500
    wired.wait(120_000)
    assert not wired.lamp.on
    wired.supply.battery = 12_800
    wired.wait(70_000)
    assert wired.lamp.on


def test_the_protection_opens_the_switch_in_its_interrupt():
    wired = on_for_a_second()
    wired.supply.short = 1
    touched((13,))
    assert not wired.lamp.on  # before anything else ran
    wired.wait(60_000)
    assert wired.switch.faults == OVER_CURRENT and not wired.lamp.on
    wired.supply.short = 0
    wired.wait(33_000)
    assert wired.lamp.on


def test_a_wire_across_the_switch():
    wired = on_for_a_second()
    wired.switch.set(False)
    wired.supply.bridge = 1
    wired.wait(7_000)
    assert wired.switch.faults == BYPASS and wired.told == [(events.BYPASS, 0)]


def test_a_sense_wire_that_was_cut():
    wired = Wired()
    wired.supply.sensed = 0
    wired.wait(10_000)
    assert wired.lamp.on and wired.told == [(events.DEAD_OUTPUT, 0)]
