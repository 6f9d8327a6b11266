"""The activation timer: when records are due, how long they cover the load, what it believes of a
clock chip that lies, across the wrap of the ticks, with the plug pulled.
"""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.account import BOUNCES, CALM, DAY, DOUBT, FIRST, LONGEST, Account
from firmware.timer import ActivationTimer

PERIOD = 1 << 30  # of the ticks, see tests_host/conftest.py
STARTS = (0, PERIOD // 2 - 5000, PERIOD // 2 - 1, PERIOD - 5000, PERIOD - 1)
BOUNDS = (10, 20, 40, 60, 60)
SOON = 10  # ms between two looks at what is late, as in firmware.app


class Chip:
    """A clock chip in the world's time, with everything that can go wrong with it."""

    def __init__(self, world):
        self.world = world
        self.since, self.base, self.rate = 0, 10_000_000, 1.0
        self.stopped = False
        self.deaf = 0  # reads that fail, one after the other
        self.stuck = False  # cannot be set
        self.reads = self.sets = 0

    def reading(self):
        return int(self.base + (self.world.now - self.since) / 1000 * self.rate)

    def read(self):
        self.reads += 1
        if self.deaf:
            self.deaf -= 1
            raise OSError(5)
        return None if self.stopped or self.reading() < 0 else self.reading()

    def set(self, seconds):
        self.sets += 1
        if self.stuck:
            raise OSError(5)
        self.since, self.base, self.stopped = self.world.now, seconds, False

    def turn(self, rate):
        self.base, self.since, self.rate = self.reading(), self.world.now, rate


class World:
    """A unit with power or without, in real milliseconds, and how long its load was on.

    It lives as firmware.unit and firmware.app let it: a start charges and stores, each record is
    that of a copy. `flash`: does it take records? `records`: (powered seconds, bound) of each.
    """

    def __init__(self, paid=0, chip=True, start_ticks=0):
        self.now = 0
        self.start = start_ticks
        self.chip = Chip(self) if chip else None
        self.flash = True
        self.quiet = True
        self.stored = None
        self.on_ms = 0
        self.paid = 0
        self.records = []
        self.boot()
        if paid:
            self.pay(paid)

    @property
    def ticks(self):
        return (self.start + self.now) % PERIOD

    @property
    def account(self):
        return self.timer.account

    @property
    def newest(self):
        return Account.unpack(self.stored)

    def boot(self, hung=0):
        """Start, with what was stored; return whether that was a clock fault."""
        account = Account.unpack(self.stored) if self.stored else Account()
        self.timer = timer = ActivationTimer(account, self.chip, self.ticks)
        self.records = []
        fault = timer.resume(hung) if self.stored else timer.begin()
        self.record(account)
        return fault

    def record(self, account=None):
        if account is None:
            self.timer.sync(self.ticks)
            account = Account.unpack(self.account.pack())
        self.timer.stamp(account)
        if not self.flash:
            self.timer.refused(self.ticks)
            return False
        self.stored = account.pack()
        self.timer.recorded(account)
        self.records.append((self.timer.powered, account.bound))
        return True

    def pay(self, seconds):
        """Enter a token."""
        self.timer.sync(self.ticks)
        account = Account.unpack(self.account.pack())
        account.credit(seconds)
        if self.record(account):
            self.timer.replace(account, self.ticks)
            self.paid += seconds * 1000

    def lock(self, seconds):
        """Begin a lockout, and store it."""
        account = Account.unpack(self.account.pack())
        account.locked = seconds
        self.timer.replace(account, self.ticks, True)
        self.record()

    @property
    def on(self):
        """Is the load on? Makes the unit's own steps at each look."""
        self.timer.sync(self.ticks)
        return self.account.left > 0 and self.timer.covered

    def wait(self, ms, looks=None):
        """Live through powered time; `looks`: a list that gets the time of each look."""
        end = self.now + ms
        while self.now < end:
            on = self.on
            if self.timer.record_due(self.ticks, self.quiet):
                self.record()
                on = self.on
            soon = SOON if self.account.left > 1 else 1  # to see the credit's very end
            step = min(self.timer.due(self.ticks) or soon, end - self.now)
            if looks is not None:
                looks.append(self.now)
            self.on_ms += step * on
            self.now += step
        self.timer.sync(self.ticks)

    def away(self, ms):
        """Be without power, then start; return whether that was a clock fault."""
        self.timer = None
        self.now += ms
        return self.boot()


# --- when records are due -----------------------------------------------------------------


@pytest.mark.parametrize("start", STARTS)
def test_bounds_double_and_records_are_due_a_second_before_five_sixths(start):
    world = World(DAY, start_ticks=start)
    world.away(1000)
    dues, before = [], world.now
    for bound in BOUNDS:
        assert world.newest.bound == bound
        due = world.timer.due(world.ticks)
        world.now += due - 1
        assert not world.timer.record_due(world.ticks, True)
        world.now += 1
        assert world.timer.record_due(world.ticks, True)
        dues.append(world.now - before)
        before = world.now
        world.record()
    assert dues == [7333, 15666, 32333, 49000, 49000]


@pytest.mark.parametrize("bound, due, held", [(10, 7333, 7500), (20, 15666, 17500)])
@pytest.mark.parametrize("locked", [False, True])
def test_a_held_key_delays_a_record_until_2500_ms_before_the_bound(bound, due, held, locked):
    check_held(locked, bound, due, held)


@pytest.mark.parametrize("bound, due, held", [(40, 32333, 37333), (60, 49000, 54000)])
@pytest.mark.parametrize("locked", [False, True])
def test_a_held_key_delays_a_record_by_5_seconds_at_most(bound, due, held, locked):
    check_held(locked, bound, due, held)


def check_held(locked, bound, due, held):
    world = World(0 if locked else DAY)
    if locked:
        world.lock(3600)
    world.away(1000)
    while world.newest.bound < bound:
        world.record()
    assert (world.account.left > 0, world.account.locked > 0) == (not locked, locked)
    begin = world.now
    for at in (due - 1, due, held - 1, held):
        world.now = begin + at
        world.timer.sync(world.ticks)
        assert world.timer.record_due(world.ticks, True) == (at >= due)
        assert world.timer.record_due(world.ticks, False) == (at >= held)


def test_an_idle_unit_records_hourly_and_waits_5_seconds_for_a_key():
    world = World()
    for bound in (20, 40, 60, 60):
        begin = world.now
        assert world.timer.due(world.ticks) == 3600_000
        world.now = begin + 3599_999
        assert not world.timer.record_due(world.ticks, True)
        world.now += 1
        assert world.timer.record_due(world.ticks, True)
        assert not world.timer.record_due(world.ticks, False)
        world.now += 4999
        assert not world.timer.record_due(world.ticks, False)
        world.now += 1
        assert world.timer.record_due(world.ticks, False)
        world.record()
        assert world.newest.bound == bound


def test_a_lockout_without_credit_is_recorded_as_often_as_credit():
    world = World()
    world.away(1000)
    world.lock(3600)
    assert world.newest.bound == 20
    assert world.timer.due(world.ticks) == 15_666


def test_a_record_makes_the_next_one_due_sooner_when_credit_comes():
    world = World()
    world.wait(60_000)
    world.pay(DAY)
    assert world.timer.due(world.ticks) == 15_666
    assert world.on


def test_a_refused_record_is_tried_again_every_ten_seconds():
    world = World(DAY)
    world.away(1000)
    world.flash = False
    looks = []
    world.wait(30_000, looks)
    assert [at - looks[0] for at in looks if at - looks[0] <= 30_000][:4] == [
        0,
        7333,
        8000,
        17_333,
    ]
    world.flash = True
    world.wait(10_000)
    assert world.newest.bound == 20
    assert world.on


# --- how long a record covers the load -------------------------------------------------------


@pytest.mark.parametrize("bound", [10, 20, 40, 60])
@pytest.mark.parametrize("start", STARTS)
def test_the_load_opens_two_seconds_before_the_bound_and_stays_open(bound, start):
    world = World(30 * DAY, start_ticks=start)
    world.away(1000)
    while world.newest.bound < bound:
        world.record()
    world.now += bound * 1000 - 2001
    assert world.on
    world.now += 1
    assert not world.on
    for _ in range(8):  # also when the ticks have wrapped
        world.now += 2 * DAY * 1000
        assert not world.on
    assert world.account.left == world.newest.left - (world.now - 1000) // 1000
    world.record()
    assert world.on


def test_cover_counts_from_the_copy_not_from_the_end_of_the_write():
    world = World(DAY)
    world.away(1000)
    world.timer.sync(world.ticks)
    account = Account.unpack(world.account.pack())
    world.now += 900  # the write takes so long
    world.timer.stamp(account)
    world.timer.recorded(account)
    world.now += 20_000 - 2000 - 900 - 1
    assert world.on
    world.now += 1
    assert not world.on


def test_credit_runs_on_while_the_flash_refuses():
    world = World(3600)
    world.flash = False
    world.wait(1800_000)
    assert world.account.left == 1800
    assert world.on_ms == 18_000  # under the token's record, of a bound of 20 s


def test_a_start_whose_record_is_refused_keeps_the_load_open():
    world = World(DAY)
    world.flash = False
    world.away(1000)
    assert not world.on
    world.flash = True
    world.wait(11_000)
    assert world.newest.bound == FIRST
    assert world.on


# --- a start -------------------------------------------------------------------------------


@pytest.mark.parametrize("chip", [True, False])
@pytest.mark.parametrize("hung", [0, 9])
def test_a_start_charges_the_bound_of_the_newest_record(chip, hung):
    world = World(DAY, chip)
    world.wait(200_000)
    left = world.newest.left
    assert world.newest.bound == LONGEST
    world.boot(hung)
    assert world.account.left == left - LONGEST - hung
    assert world.newest.left == world.account.left
    assert world.newest.bound == FIRST


def test_a_good_clock_charges_the_time_without_power():
    world = World(10 * DAY)
    world.wait(5_000)
    assert world.away(2 * DAY * 1000) is False
    assert 0 <= 8 * DAY - world.account.left <= 5


def test_a_board_without_a_clock_never_faults():
    world = World(DAY, chip=False)
    for _ in range(5):
        assert world.away(5 * DAY * 1000) is False
    assert (world.account.faults, world.account.doubt, world.newest.chip) == (0, 0, 0)
    assert world.account.left == DAY - 20 - 3 * 10  # the fourth start was a patient one


def test_honest_brown_outs_cost_a_bound_each():
    world = World(30 * DAY)
    for _ in range(20):
        world.wait(4000_000)
        assert world.away(61_000) is False
    assert world.account.faults == 0
    assert 0 <= 30 * DAY - world.account.left - world.now // 1000 <= 20 * LONGEST


def test_a_supply_that_fails_with_the_load_costs_three_bounds_and_then_nothing():
    world = World(DAY, chip=False)
    world.wait(200_000)
    lefts = [world.newest.left]
    for _ in range(8):
        patient = world.away(500) is False and world.account.starts == BOUNCES
        lefts.append(world.newest.left)
        assert world.on == (not patient)
        world.wait(300)
    costs = [before - after for before, after in zip(lefts, lefts[1:])]
    assert costs == [60, 10, 10, 10, 0, 0, 0, 0]


def test_a_patient_start_closes_the_load_with_its_second_record():
    world = World(DAY, chip=False)
    for _ in range(5):
        world.away(500)
    assert world.newest.bound == 0
    world.wait(7_332)
    assert not world.on
    world.wait(1)
    world.wait(SOON)
    assert world.records == [(0, 0), (7, 10)]
    assert world.on
    assert world.newest.starts == BOUNCES  # until a longer bound
    world.wait(10_000)
    assert world.records[-1] == (14, 20)
    assert world.newest.starts == 0


# --- ticks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("doubt", [0, CALM, CALM + DOUBT])
def test_credit_ends_on_time_across_the_wrap_of_the_ticks(start, doubt):
    world = World(8 * DAY, chip=False, start_ticks=start)
    world.account.doubt = doubt
    end = 8 * DAY - max(0, doubt - CALM) // 3
    world.wait(end * 1000 - 1)
    assert (world.account.left, world.on) == (1, True)
    world.wait(1)
    assert not world.on
    assert world.account.left == 0
    assert world.on_ms == end * 1000


@pytest.mark.parametrize("start", STARTS)
def test_credit_that_ends_under_doubt_ends_on_time(start):
    world = World(400, chip=False, start_ticks=start)
    world.account.doubt = CALM + DOUBT
    world.wait(299_999)
    assert world.on
    world.wait(1)
    assert (world.on, world.on_ms) == (False, 300_000)


@pytest.mark.parametrize("start", STARTS)
def test_a_lockout_runs_its_whole_length_and_starts_at_the_mistake(start):
    world = World(DAY, start_ticks=start)
    world.now += 900
    world.timer.sync(world.ticks)
    world.lock(120)
    world.now += 119_999
    world.timer.sync(world.ticks)
    assert world.account.locked == 1
    world.now += 2
    world.timer.sync(world.ticks)
    assert world.account.locked == 0


def test_time_without_power_does_not_run_a_lockout_down():
    world = World()
    world.lock(120)
    world.away(DAY * 1000)
    assert world.account.locked == 120


@pytest.mark.parametrize("every_ms", [3_000, 110_000])
def test_cuts_lengthen_a_lockout_by_a_bound_each_at_most(every_ms):
    world = World()
    world.lock(120)
    powered = cuts = 0
    while world.account.locked:
        locked = world.account.locked
        world.wait(every_ms)
        powered += every_ms
        left = world.account.locked
        world.away(1000)
        cuts += 1
        assert world.account.locked - left <= LONGEST
        if every_ms < 7_333:  # the power never lasts until a record is due: nothing is stored
            assert world.account.locked == locked
            break
    assert powered <= 120_000 + cuts * LONGEST * 1000


def test_a_paid_second_begins_with_the_credit():
    world = World()
    world.now += 700
    world.pay(10)
    world.wait(9_999)
    assert world.on
    world.wait(1)
    assert (world.on, world.on_ms) == (False, 10_000)


def test_more_credit_does_not_begin_the_second_anew():
    world = World(10)
    world.wait(700)
    world.pay(10)
    world.wait(19_300)
    assert (world.on, world.on_ms) == (False, 20_000)


def test_time_ticks_are_the_wrapping_ones():
    assert time.ticks_diff(5, PERIOD - 5) == 10


FRACTIONS = (0, 1, 333, 500, 999)


@pytest.mark.parametrize("power", FRACTIONS)
@pytest.mark.parametrize("credit", FRACTIONS)
@pytest.mark.parametrize("doubt", [0, CALM, CALM + 1, CALM + 2, CALM + 3, CALM + 50])
def test_the_task_wakes_when_credit_ends_and_not_much_more_often(power, credit, doubt):
    """Every fraction of a second at which credit and powered time may have begun."""
    for left in range(1, 60):
        account = Account()
        account.left, account.doubt = left, doubt
        timer = ActivationTimer(account, None, 0)
        timer._due = PERIOD // 2 - 1  # no record comes in between
        timer._power.mark = time.ticks_add(0, -power)
        timer._credit.mark = time.ticks_add(0, -credit)
        end = end_of(left, doubt, power, credit)
        now, wakes = 0, 0
        while account.left:
            step = timer.due(now)
            assert 0 < step <= end - now
            now, wakes = now + step, wakes + 1
            timer.sync(now)
        assert now == end
        assert wakes <= 12


def end_of(left, doubt, power, credit):
    """When `left` paid seconds end, by the rule: a third of the doubt's seconds cost one more."""
    seconds = [(k * 1000 - credit, 1, False) for k in range(1, 80)]
    seconds += [(k * 1000 - power, 0, True) for k in range(1, 80)]
    for at, paid, powered in sorted(seconds):
        if powered:
            paid = doubt > CALM and doubt % 3 == 0
            doubt = max(0, doubt - 1)
        left -= paid
        if left <= 0:
            return at
    raise AssertionError("the credit does not end")


# --- the clock chip --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "since, off, good",
    [
        (0, 2, True),
        (0, 3, False),
        (49, 2, True),
        (49, 3, False),
        (50, 3, True),
        (50, 4, False),
        (1000, 22, True),
        (1000, 23, False),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_chip_agrees_within_two_percent_and_two_seconds(since, off, good, sign):
    world = World(DAY)
    world.wait(since * 1000)
    world.chip.base += sign * off
    world.record()
    assert (world.newest.chip > 0) == good
    if good:
        assert world.newest.chip == world.chip.reading()


def test_a_stretch_that_disagreed_makes_the_next_start_a_fault():
    world = World(DAY)
    world.wait(1000_000)
    world.chip.turn(0.5)
    world.wait(1000_000)
    world.chip.turn(1.0)
    assert world.newest.chip == 0
    assert world.away(1000) is True
    assert world.away(1000) is False


def test_the_comparison_begins_with_the_power():
    world = World(DAY)
    world.wait(1000_000)
    world.chip.base += 3600  # while the power is on, then off
    world.away(1000)
    world.record()
    assert world.newest.chip == world.chip.reading()


@pytest.mark.parametrize("moved, fault", [(-5000, True), (0, False), (5000, False)])
def test_a_clock_set_back_is_a_fault_and_one_set_forward_costs_the_difference(moved, fault):
    world = World(DAY)
    world.chip.base += moved
    left, bound = world.newest.left, world.newest.bound
    assert world.away(100_000) is fault
    assert left - world.account.left == (bound if fault else 100 + moved)


def test_a_clock_more_than_400_days_ahead_is_a_fault():
    world = World(DAY)
    world.chip.base += 400 * DAY
    assert world.away(0) is False
    world.chip.base += 400 * DAY + 1
    assert world.away(0) is True


def test_a_chip_lost_at_start_is_set_after_the_record_to_what_it_says():
    world = World(DAY)
    world.wait(100_000)
    before = world.newest.chip
    world.chip.stopped = True
    world.flash = False
    assert world.away(5_000) is True
    assert (world.chip.sets, world.chip.stopped) == (0, True)  # a cut here must not hide it
    world.flash = True
    world.wait(10_001)
    assert (world.chip.sets, world.chip.stopped) == (1, False)
    assert world.newest.chip == before + 10
    assert world.newest.faults == 1 and world.newest.doubt == CALM - 10
    world.wait(1000_000)
    world.record()
    assert world.newest.chip == world.chip.reading()
    assert world.chip.sets == 1
    assert world.away(1000) is False


def test_a_fault_whose_record_was_cut_is_a_fault_again():
    world = World(DAY)
    world.chip.stopped = True
    world.flash = False
    assert world.away(5_000) is True
    assert world.away(5_000) is True
    assert world.newest.faults == 0
    world.flash = True
    assert world.away(5_000) is True
    assert world.newest.faults == 1


def test_a_chip_that_stops_while_powered_is_recorded_as_zero_and_then_set():
    world = World(DAY)
    world.wait(100_000)
    reading = world.chip.reading()
    world.chip.stopped = True
    world.record()
    assert world.newest.chip == 0
    assert abs(world.chip.reading() - reading) <= 1
    assert not world.chip.stopped
    world.wait(10_000)
    world.record()
    assert world.newest.chip == world.chip.reading()  # its time is right again
    assert world.away(50_000) is False


def test_the_comparison_begins_anew_when_the_clock_is_set():
    world = World(DAY)
    world.chip.base += 3600
    world.record()
    world.chip.stopped = True
    world.record()
    assert world.newest.chip == 0
    world.record()
    assert world.newest.chip == world.chip.reading()


def test_a_chip_that_cannot_be_set_is_tried_with_each_record():
    world = World(DAY)
    world.chip.stopped = world.chip.stuck = True
    for tries in (1, 2, 3):
        world.record()
        assert world.chip.sets == tries
    world.chip.stuck = False
    world.record()
    assert not world.chip.stopped
    assert world.chip.sets == 4


def test_a_chip_that_never_runs_is_never_believed():
    world = World(DAY)
    world.chip.set = lambda seconds: None  # acknowledges and stays stopped
    world.chip.stopped = True
    for _ in range(4):
        world.wait(100_000)
        assert world.away(5_000) is True


@pytest.mark.parametrize("deaf, fault", [(0, False), (1, False), (2, False), (3, True)])
def test_a_chip_is_asked_three_times(deaf, fault):
    world = World(DAY)
    world.chip.deaf = deaf
    assert world.away(5_000) is fault
    world.chip.reads = 0
    world.chip.deaf = deaf
    world.record()
    assert world.chip.reads == min(3, deaf + 1)


def test_a_chip_silent_at_a_record_stands_at_its_last_reading_and_the_ticks():
    world = World(DAY)
    world.wait(200_000)
    world.chip.deaf = 3
    world.record()
    assert abs(world.newest.chip - world.chip.reading()) <= 1
    assert world.away(50_000) is False


def test_a_chip_silent_at_start_is_a_fault_and_is_not_set():
    world = World(DAY)
    world.chip.deaf = 3
    assert world.away(5_000) is True
    assert world.chip.sets == 0
    assert world.newest.chip == world.chip.reading()
    assert world.away(5_000) is False


def test_a_dead_bus_is_a_fault_at_each_start_and_not_a_crash():
    world = World(DAY)
    world.chip.deaf = 1 << 60
    for faults in range(1, 5):
        world.wait(500_000)
        assert world.away(10_000) is True
        assert world.account.faults == faults
    assert world.account.doubt == CALM + DOUBT


# --- games -----------------------------------------------------------------------------------

action = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 8_000_000)),
    st.tuples(st.just("wait"), st.integers(1, 70_000)),
    st.tuples(st.just("pull"), st.integers(0, 8_000_000)),
    st.tuples(st.just("move"), st.integers(-9000, 3000)),
    st.tuples(st.just("move off"), st.integers(-9000, 3000)),
    st.tuples(st.just("lost"), st.just(0)),
    st.tuples(st.just("lost off"), st.just(0)),
    st.tuples(st.just("silent"), st.integers(1, 5)),
    st.tuples(st.just("flash"), st.booleans()),
    st.tuples(st.just("hold"), st.integers(1, 70_000)),
    st.tuples(st.just("pay"), st.integers(1, 20_000)),
    st.tuples(st.just("rate"), st.sampled_from([0.0, 0.5, 0.97, 0.985, 1.0, 1.015, 2.0])),
)


def play(world, name, value):
    if name == "wait":
        world.wait(value)
    elif name == "move":
        world.chip.base += value
    elif name == "rate":
        world.chip.turn(value)
    elif name == "lost":
        world.chip.stopped = True
    elif name == "silent":
        world.chip.deaf = value
    elif name == "flash":
        world.flash = value
    elif name == "hold":
        world.quiet = False
        world.wait(value)
        world.quiet = True
    elif name == "pay":
        world.pay(value)
    else:
        if name == "move off":
            world.chip.base += value
        if name == "lost off":
            world.chip.stopped = True
        world.away(value if name == "pull" else 5_000)


@settings(max_examples=400, deadline=None)
@given(st.lists(action, max_size=30), st.integers(1, 60_000), st.sampled_from(STARTS))
def test_no_game_with_chip_plug_and_flash_gives_time(actions, paid, start):
    world = World(paid, start_ticks=start)
    for name, value in actions:
        play(world, name, value)
        assert world.on_ms <= world.paid
    world.flash = True
    world.wait(paid * 1000 + 30_000)
    assert world.on_ms <= world.paid


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 100_000), st.integers(0, 3000)), max_size=60))
def test_an_honest_customer_pays_a_bound_for_each_cut(cuts):
    world = World(10 * DAY)
    for powered, off in cuts:
        world.wait(powered)
        world.away(off)
    assert world.account.faults == 0
    spent = 10 * DAY - world.account.left
    assert spent <= world.now // 1000 + len(cuts) * (LONGEST + 1)


def test_pulling_the_plug_all_day_and_setting_the_chip_back_gains_nothing():
    world = World(10 * DAY)
    while world.account.left:
        world.wait(3599_000)
        world.away(1000)
        world.chip.base -= 59
    assert world.on_ms <= world.paid
