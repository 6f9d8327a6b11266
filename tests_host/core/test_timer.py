"""The activation timer against a clock chip that lies, across the wrap of the ticks, with the plug
pulled.
"""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.account import DAY, DOUBT, HEARTBEAT, Account, tallied
from firmware.timer import RECORD_EVERY, ActivationTimer

PERIOD = 1 << 30


class Chip:
    """A clock chip in the world's time (seconds), with everything that can go wrong with it."""

    def __init__(self, world):
        self.world = world
        self.since, self.base, self.rate = 0, 10_000_000, 1.0
        self.stopped = False
        self.marks = None

    def _reading(self):
        return int(self.base + (self.world.now - self.since) * self.rate)

    def read(self):
        reading = self._reading()
        return None if self.stopped or reading < 0 else reading

    def set(self, seconds):
        self.since, self.base, self.stopped = self.world.now, seconds, False

    def turn(self, rate):
        self.base, self.since, self.rate = self._reading(), self.world.now, rate

    def mark(self, sequence, periods):
        self.marks = sequence, periods

    def tally(self, sequence):
        if self.marks is None:
            return None
        of, periods = self.marks
        return periods if of == sequence else 0 if of == sequence - 1 else None


class World:
    """A unit with power or without, in real seconds, and how long its load was on."""

    def __init__(self, paid, start_ticks=0):
        self.now = 0.0
        self.chip = Chip(self)
        self.stored, self.sequence = None, 0
        self.on_time = 0.0
        self.timer = None
        self.start = start_ticks
        self.boot(paid)

    @property
    def ticks(self):
        return int(self.start + self.now * 1000) % PERIOD

    def boot(self, paid=None):
        account = Account.unpack(self.stored) if self.stored else Account()
        self.timer = ActivationTimer(account, self.chip, self.ticks)
        self.timer.resume(self.sequence if self.stored else None)
        if paid:
            account.set(paid)
        self.record()

    def record(self):
        self.timer.sync(self.ticks)
        account = Account.unpack(self.timer.account.pack())
        self.timer.stamp(account)
        self.stored = account.pack()
        self.sequence += 1
        self.timer.recorded(self.sequence)

    def wait(self, seconds):
        """Live through powered time as the controller does: sleep until something is due."""
        end = self.now + seconds
        while self.now < end:
            step = min(self.timer.due(self.ticks) / 1000 + 0.001, end - self.now)
            self.timer.sync(self.ticks)
            if self.timer.account.left:
                self.on_time += step
            self.now += step
            self.timer.sync(self.ticks)
            self.timer.tally(self.sequence)
            if self.timer.record_due():
                self.record()

    def absent(self, seconds):
        self.timer = None
        self.now += seconds


@pytest.mark.parametrize("start", [0, PERIOD // 2 - 5000, PERIOD - 5000])
def test_credit_ends_on_time_across_the_wrap_of_the_ticks(start):
    world = World(20 * DAY, start)
    world.wait(20 * DAY - 2)
    assert world.timer.account.left == 2
    world.wait(2)
    assert world.timer.account.left == 0
    assert abs(world.on_time - 20 * DAY) < 1


@pytest.mark.parametrize("start", [0, PERIOD - 30_000])
def test_a_lockout_runs_its_whole_length_and_starts_at_the_mistake(start):
    world = World(DAY, start)
    world.now += 0.9
    account = world.timer.account
    world.timer.sync(world.ticks)
    account.locked = 120
    world.timer.replace(account, world.ticks, True)
    world.now += 119.999
    world.timer.sync(world.ticks)
    assert account.locked == 1
    world.now += 0.002
    world.timer.sync(world.ticks)
    assert account.locked == 0


def test_a_record_is_due_within_the_hour_and_tallies_in_between():
    world = World(DAY)
    world.wait(10)
    assert world.chip.marks == (world.sequence, 4)
    assert tallied(4) <= 10 < tallied(5)
    world.wait(RECORD_EVERY - 11)
    assert world.chip.marks == (world.sequence, RECORD_EVERY // 60 + 5)
    sequence = world.sequence
    world.wait(2)
    assert world.sequence == sequence + 1
    assert world.chip.marks == (world.sequence, 1)


def test_an_idle_unit_without_credit_only_wakes_for_its_records():
    world = World(0)
    assert world.timer.due(world.ticks) == RECORD_EVERY * 1000


def test_the_record_carries_the_chip_and_its_disagreement():
    world = World(DAY)
    world.wait(1000)
    world.record()
    assert not Account.unpack(world.stored).suspect
    world.chip.turn(0.5)
    world.wait(1000)
    world.record()
    assert Account.unpack(world.stored).suspect


def test_a_stopped_chip_is_restarted_and_remembered_as_suspect():
    world = World(DAY)
    world.chip.stopped = True
    world.record()
    assert not world.chip.stopped
    assert Account.unpack(world.stored).suspect


def test_a_board_without_a_clock_never_faults_and_pays_for_what_no_record_tells():
    account = Account()
    account.set(DAY)
    timer = ActivationTimer(account, None, 0)
    timer.stamp(account)
    again = Account.unpack(account.pack())
    timer = ActivationTimer(again, None, 0)
    assert not timer.resume(7)
    assert again.faults == 0
    assert again.left == DAY - HEARTBEAT


def test_a_dead_bus_is_a_fault_and_not_a_crash():
    world = World(DAY)

    def broken(*arguments):
        raise OSError(5)

    world.chip.read = world.chip.mark = world.chip.set = broken
    world.wait(5000)
    world.absent(10)
    world.boot()
    assert world.timer.account.faults == 1


def test_honest_brown_outs_cost_the_time_that_passed():
    world = World(30 * DAY)
    for _ in range(20):
        world.wait(4000)
        world.absent(61)
        world.boot()
    assert world.timer.account.faults == 0
    assert abs(world.timer.account.left - (30 * DAY - world.now)) <= 40


action = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 8000)),
    st.tuples(st.just("pull"), st.integers(0, 8000)),
    st.tuples(st.just("move"), st.integers(-9000, 3000)),
    st.tuples(st.just("move off"), st.integers(-9000, 3000)),
    st.tuples(st.just("lost"), st.just(0)),
    st.tuples(st.just("lost off"), st.just(0)),
    st.tuples(st.just("rate"), st.sampled_from([0.0, 0.5, 0.97, 0.985, 1.0, 1.015, 2.0])),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(action, max_size=30), st.integers(1, 60_000))
def test_no_game_with_the_chip_and_the_plug_gives_time(actions, paid):
    world = World(paid)
    for name, value in actions:
        if name == "wait":
            world.wait(value)
        elif name == "move":
            world.chip.base += value
        elif name == "rate":
            world.chip.turn(value)
        elif name == "lost":
            world.chip.stopped = True
        else:
            world.absent(value if name == "pull" else 5)
            if name == "move off":
                world.chip.base += value
            if name == "lost off":
                world.chip.stopped = True
            world.boot()
    world.wait(paid + 10)
    assert world.on_time <= paid + 1 + DOUBT


def test_pulling_the_plug_all_day_and_setting_the_chip_back_a_little_gains_three_minutes_once():
    world = World(10 * DAY)
    while world.timer.account.left:
        world.wait(3599)
        world.absent(1)
        world.chip.base -= 59
        world.boot()
    assert world.on_time <= 10 * DAY + 1 + DOUBT


def test_time_ticks_are_the_wrapping_ones():
    assert time.ticks_diff(5, PERIOD - 5) == 10
