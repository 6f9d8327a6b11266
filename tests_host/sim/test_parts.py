"""Steps and calendar."""

from tests_host.sim.support import refuses
from tools.sim.parts import PowerCut, Steps, date_of, day_number, days_in, is_leap


def test_only_the_nth_step_is_cut_and_only_once():
    steps = Steps()
    steps.arm(3)
    assert [steps.take(100) for _ in range(5)] == [-1, -1, 50, -1, -1]
    assert steps.done == 5


def test_a_cut_can_be_disarmed_and_placed():
    steps = Steps()
    steps.arm(1)
    steps.arm(0)
    assert steps.take(100) == -1
    for at, done in ((0, 0), (7, 7), (100, 100), (101, 100)):
        steps.arm(1, at)
        assert steps.take(100) == done


def test_the_power_is_gone_before_the_caller_unwinds():
    order = []
    steps = Steps(lambda: order.append("off"))
    refuses(PowerCut, steps.cut)
    assert order == ["off"]


def test_days_count_on_through_two_centuries():
    number = day_number(1999, 12, 31)
    assert number == 10956
    for year in range(2000, 2201):
        for month in range(1, 13):
            for day in (1, days_in(year, month)):
                number += 1 if day == 1 else days_in(year, month) - 1
                assert day_number(year, month, day) == number
                assert date_of(number) == (year, month, day)


def test_leap_years():
    assert [year for year in (1999, 2000, 2023, 2024, 2100) if is_leap(year)] == [2000, 2024]
