"""The account: credit, lockout and what clock faults cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.account import CAP, DAY, DOUBT, HEARTBEAT, PENALTY, Account, lockout, tallied

HOUR = 3600


def paid(left=100 * DAY, chip=1_000_000):
    account = Account()
    account.set(left)
    account.chip = chip
    return account


def test_two_mistakes_are_forgiven_then_minutes_double_up_to_512():
    minutes = [0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 512, 512]
    assert [lockout(n) // 60 for n in range(1, 14)] == minutes


def test_mistakes_never_overflow_their_byte():
    account = Account()
    for _ in range(300):
        account.mistake()
    assert account.mistakes == 255
    assert Account.unpack(account.pack()).locked == 512 * 60


@given(
    left=st.integers(0, CAP),
    locked=st.integers(0, 30720),
    mistakes=st.integers(0, 255),
    free=st.booleans(),
    suspect=st.booleans(),
    chip=st.integers(0, 2**32 - 1),
    faults=st.integers(0, 20),
)
def test_packing_keeps_everything(left, locked, mistakes, free, suspect, chip, faults):
    account = Account()
    for _ in range(faults):
        account.fault()
    account.left, account.locked, account.mistakes = left, locked, mistakes
    account.free, account.suspect, account.chip = free, suspect, chip
    account.last = faults % 9
    again = Account.unpack(account.pack())
    assert vars(again) == vars(account)


def test_the_cap_is_kept_and_said():
    account = Account()
    assert not account.credit(9999 * DAY)
    assert account.credit(1)
    assert account.left == CAP
    assert account.set(10_000 * DAY)
    assert account.left == CAP


def test_a_free_unit_is_not_relocked_by_added_time():
    account = paid()
    account.release()
    account.credit(30 * DAY)
    assert account.free and account.left == 0
    account.set(DAY)
    assert not account.free and account.left == DAY


def test_a_good_clock_costs_the_time_without_power():
    account = paid()
    assert not account.resume(1_000_000 + 5 * DAY, 0)
    assert account.left == 95 * DAY
    assert account.faults == 0


def test_tally_steps_are_fine_at_first_and_then_a_minute_each():
    assert [tallied(n) for n in range(10)] == [0, 1, 2, 4, 8, 16, 32, 60, 120, 180]


def test_the_stretch_that_the_tally_leaves_open_is_given_up_to_an_allowance():
    lost = []
    account = paid()
    for _ in range(6):
        before = account.left
        account.chip = 1_000_000
        assert not account.resume(1_000_000 + 30 * 60, 36)
        lost.append(before - account.left)
    assert lost == [30 * 60] * (DOUBT // 60) + [31 * 60] * 3
    assert not account.resume(1_000_000 + 31 * 60 + 60, 36)  # a minute surely without power
    before = account.left
    account.resume(1_000_000 + 30 * 60, 36)
    assert before - account.left == 30 * 60


def test_time_without_power_makes_up_for_doubt_only_as_far_as_it_was_paid():
    account = paid()
    for _ in range(3):
        account.resume(1_000_000 + 30 * 60, 36)
    account.left = 0
    account.resume(1_000_000 + 5 * DAY, 36)
    account.left = DAY
    account.resume(1_000_000 + 30 * 60, 36)
    assert account.left == DAY - 31 * 60


@pytest.mark.parametrize(
    "chip, tally",
    [
        (None, 0),  # stopped
        (999_999, 0),  # earlier than the record
        (1_000_000 + 401 * DAY, 0),  # set forward
        (1_000_000 + tallied(100) * 97 // 100, 100),  # slower than the ticks were
        (1_000_000 + 60, None),  # a tally of another record, or none
    ],
)
def test_a_clock_that_cannot_be_believed_is_a_fault(chip, tally):
    account = paid()
    assert account.resume(chip, tally)
    assert account.faults == 1
    assert account.left == 100 * DAY - HEARTBEAT


def test_a_chip_that_disagreed_while_powered_is_a_fault():
    account = paid()
    account.suspect = True
    assert account.resume(1_000_060, 1)


def test_exactly_400_days_is_an_absence_and_not_a_fault():
    account = paid(left=500 * DAY)
    assert not account.resume(1_000_000 + 400 * DAY, 0)
    assert account.left == 100 * DAY


def test_the_fourth_fault_within_30_days_brings_the_day_to_the_penalty():
    account = paid()
    lost = []
    for _ in range(5):
        before = account.left
        account.fault()
        lost.append(before - account.left)
    assert lost == [HOUR, HOUR, HOUR, PENALTY - 3 * HOUR, 0]


def test_faults_beyond_what_the_penalty_covers_cost_a_heartbeat_each():
    account = paid()
    for n in range(1, 40):
        account.fault()
        assert 100 * DAY - account.left >= n * HEARTBEAT


def test_faults_far_apart_never_cost_the_penalty():
    account = paid()
    for _ in range(20):
        before = account.left
        account.fault()
        assert before - account.left == HEARTBEAT
        account.counted += 11 * DAY
        account.powered += 11 * DAY


def test_five_brown_outs_a_day_with_a_dead_cell_cost_half_a_day_a_day():
    account = paid(left=1000 * DAY)
    for _ in range(30):
        before = account.left
        for _ in range(5):
            account.fault()
            account.counted += DAY // 5
            account.powered += DAY // 5
        account.powered += 1
        assert before - account.left <= PENALTY


def test_cleared_faults_start_anew():
    account = paid()
    for _ in range(4):
        account.fault()
    account.clear_faults()
    before = account.left
    account.fault()
    assert account.faults == 1
    assert before - account.left == HEARTBEAT
