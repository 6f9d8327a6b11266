"""The account: credit, lockout, and what a start and a clock fault cost."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.account import (
    ABSENCE,
    BOUNCES,
    CALM,
    CAP,
    DAY,
    DOUBT,
    FIRST,
    LONGEST,
    OUTCOMES,
    UNKNOWN,
    Account,
    from_version_1,
    lockout,
)

NOON = 1_000_000  # a clock reading


def paid(left=100 * DAY, chip=NOON, bound=LONGEST):
    account = Account()
    account.left, account.chip, account.bound = left, chip, bound
    return account


def cost(account, away=0, hung=0):
    """Paid seconds that a start takes."""
    before = account.left
    account.resume(away, hung)
    return before - account.left


# --- lockout ----------------------------------------------------------------------------


def test_two_mistakes_are_forgiven_then_minutes_double_up_to_512():
    minutes = [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 512]
    assert [lockout(n) // 60 for n in range(1, 14)] == minutes


def test_mistakes_never_overflow_their_byte():
    account = Account()
    for _ in range(300):
        account.mistake()
    assert account.mistakes == 255
    assert Account.unpack(account.pack()).locked == 512 * 60


def test_a_valid_token_ends_lockout_and_row():
    account = Account()
    for _ in range(5):
        account.mistake()
    account.forgive()
    assert (account.mistakes, account.locked) == (0, 0)


# --- the record -------------------------------------------------------------------------


@given(
    left=st.integers(0, CAP),
    free=st.booleans(),
    locked=st.integers(0, 30720),
    mistakes=st.integers(0, 255),
    last=st.integers(0, len(OUTCOMES) - 1),
    tests=st.integers(0, 31),
    chip=st.integers(0, 2**32 - 1),
    bound=st.integers(0, UNKNOWN),
    doubt=st.integers(0, CALM + DOUBT),
    faults=st.integers(0, 2**16 - 1),
    starts=st.integers(0, BOUNCES),
)
def test_packing_keeps_everything(**fields):
    account = Account()
    assert vars(account).keys() == fields.keys()
    vars(account).update(fields)
    assert vars(Account.unpack(account.pack())) == fields


def test_a_record_has_room_for_21_bytes_of_account():
    assert len(Account().pack()) == 21


@pytest.mark.parametrize(
    "field, most",
    [
        ("left", CAP),
        ("chip", 2**32 - 1),
        ("doubt", CALM + DOUBT),
        ("locked", 2**16 - 1),
        ("bound", 2**16 - 1),
        ("faults", 2**16 - 1),
        ("mistakes", 255),
        ("tests", 31),
    ],
)
def test_no_number_wraps_when_it_is_written(field, most):
    """MicroPython's struct takes a number that is too large and drops its upper bits."""
    for value in (most, most + 1, most + 2**32):
        account = Account()
        setattr(account, field, value)
        again = Account.unpack(account.pack())
        assert getattr(again, field) == most
        setattr(again, field, 0)
        assert vars(again) == vars(Account())


def test_the_longest_of_each_fits_into_its_bits():
    account = Account()
    account.free, account.starts, account.tests = True, BOUNCES, 31
    again = Account.unpack(account.pack())
    assert (again.free, again.starts, again.tests) == (True, BOUNCES, 31)


@pytest.mark.parametrize("suspect", [False, True])
def test_a_record_of_version_1_keeps_its_credit_and_is_charged_an_hour(suspect):
    old = "<IIHBBBHIIIIIIBIH"
    flags = 1 | suspect << 1 | 5 << 3
    data = struct.pack(old, 7 * DAY, NOON, 240, 4, 8, flags, 300, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    account = Account.unpack(from_version_1(data))
    assert (account.left, account.locked, account.mistakes) == (7 * DAY, 240, 4)
    assert (account.free, account.tests, account.last, account.faults) == (True, 5, 8, 300)
    assert account.chip == (0 if suspect else NOON)
    assert (account.bound, account.doubt, account.starts) == (UNKNOWN, 0, 0)
    account.free = False
    assert cost(account) == 3600


# --- credit -----------------------------------------------------------------------------


def test_the_cap_is_kept_and_said():
    account = Account()
    assert not account.credit(9999 * DAY)
    assert account.credit(1)
    assert account.left == CAP
    assert account.set(10_000 * DAY)
    assert account.left == CAP
    assert not account.set(CAP)


def test_a_free_unit_is_not_relocked_by_added_time():
    account = paid()
    account.release()
    assert not account.credit(30 * DAY)
    assert account.free and account.left == 0
    account.set(DAY)
    assert not account.free and account.left == DAY


# --- the charge of a start --------------------------------------------------------------


@pytest.mark.parametrize("bound", [0, 10, 20, 40, 60, UNKNOWN])
@pytest.mark.parametrize("hung", [0, 9])
@pytest.mark.parametrize("away", [None, 0, 5, 69, 70, 5 * DAY])
def test_a_start_charges_the_bound_or_the_time_without_power(bound, hung, away):
    account = paid(bound=bound)
    assert cost(account, away, hung) == max(bound + hung, away or 0)


def test_a_start_never_charges_below_nothing():
    account = paid(left=59)
    assert cost(account) == 59
    assert account.left == 0


def test_charges_without_credit_are_not_remembered():
    account = paid(left=0)
    for _ in range(1000):
        account.resume(None, 9)
    account.left = DAY
    assert cost(account, None) == LONGEST


def test_the_thousandth_fault_costs_what_the_first_one_does():
    account = paid()
    assert {cost(account, None) for _ in range(1000)} == {LONGEST}
    assert account.faults == 1000


def test_faults_are_counted_up_to_what_their_field_holds():
    account = paid()
    account.faults = 0xFFFE
    account.resume(None, 0)
    account.resume(None, 0)
    assert account.faults == 0xFFFF


# --- starts in a row ----------------------------------------------------------------------


def test_the_fourth_start_without_a_second_record_is_patient():
    account = paid()
    rows = []
    for bound in (LONGEST, FIRST, FIRST, FIRST, 0, 0):
        account.bound = bound
        account.resume(0, 0)
        rows.append(account.starts)
    assert rows == [0, 1, 2, 3, 3, 3]
    assert BOUNCES == 3


def test_a_longer_bound_ends_the_row():
    account = paid(bound=FIRST)
    account.starts = 2
    account.bound = FIRST + 1
    account.resume(0, 0)
    assert account.starts == 0


def test_a_unit_without_credit_counts_no_starts():
    account = paid(left=0, bound=FIRST)
    account.starts = 2
    account.resume(0, 0)
    assert account.starts == 0


# --- belief in the clock ------------------------------------------------------------------


@pytest.mark.parametrize(
    "reading, away",
    [
        (None, None),  # stopped, or silent
        (NOON - 1, None),
        (NOON, 0),
        (NOON + 1, 1),
        (NOON + ABSENCE, ABSENCE),
        (NOON + ABSENCE + 1, None),
        (0, None),
    ],
)
def test_a_clock_is_believed_from_its_record_on_for_400_days(reading, away):
    assert paid().away(reading) == away
    assert ABSENCE == 400 * DAY


def test_a_record_without_a_reading_makes_no_reading_good():
    account = paid(chip=0)
    assert account.away(0) is None
    assert account.away(NOON) is None


# --- doubt --------------------------------------------------------------------------------


def run(account, seconds, step=1):
    """Let powered time pass; return the paid seconds that it took beside itself."""
    before = account.left
    for _ in range(0, seconds, step):
        account.power(step)
    return before - account.left


def test_the_first_fault_in_30_days_of_use_costs_nothing_more():
    account = paid(bound=0)
    account.resume(None, 0)
    assert account.doubt == CALM == 30 * DAY
    assert run(account, 30 * DAY, 3600) == 0
    assert account.doubt == 0
    account.resume(None, 0)
    assert account.doubt == CALM


@pytest.mark.parametrize("step", [1, 2, 7, 3600, DAY])
def test_a_further_fault_costs_four_hours_over_twelve(step):
    account = paid(bound=0)
    account.resume(None, 0)
    account.power(30 * DAY - 1)
    account.resume(None, 0)
    assert account.doubt == CALM + DOUBT == 30 * DAY + 12 * 3600
    assert run(account, 12 * 3600, step) == 4 * 3600
    assert run(account, 30 * DAY, 3600) == 0


def test_three_powered_seconds_cost_four_in_any_three():
    account = paid()
    account.doubt = CALM + DOUBT
    for _ in range(DOUBT // 3):
        assert run(account, 3) == 1
    assert account.doubt == CALM


def test_faults_do_not_add_up():
    account = paid()
    for _ in range(50):
        account.resume(None, 0)
    assert account.doubt == CALM + DOUBT
    assert run(account, 12 * 3600, 60) == 4 * 3600


def test_doubt_runs_down_without_credit_too():
    account = paid(left=0)
    account.doubt = CALM + DOUBT
    account.power(DOUBT)
    assert (account.doubt, account.left) == (CALM, 0)


@given(st.lists(st.integers(0, 5000), max_size=40), st.integers(0, DOUBT))
def test_it_does_not_matter_how_often_doubt_is_looked_at(steps, doubt):
    often, once = paid(), paid()
    often.doubt = once.doubt = CALM + doubt
    for step in steps:
        often.power(step)
    once.power(sum(steps))
    assert vars(often) == vars(once)


def test_cleared_faults_start_anew():
    account = paid(bound=0)
    for _ in range(4):
        account.resume(None, 0)
    account.clear_faults()
    assert (account.faults, account.doubt) == (0, 0)
    account.resume(None, 0)
    assert (account.faults, account.doubt) == (1, CALM)
