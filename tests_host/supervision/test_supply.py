"""A lamp whose inrush current resets the MCU: what it costs, and who is told."""

import pytest

from firmware import events
from tests_host.helpers.published import ADD_1
from tests_host.supervision.conftest import UNIT
from tools.proofs.lamp import shine
from tools.proofs.simulator import Sim

MINUTES = 10


@pytest.fixture
def sim():
    with Sim(**UNIT) as sim:
        assert sim.keys(f"{ADD_1}#")["load"]
        sim.do("advance 120")
        yield sim


def supplies(sim):
    return [event for _, event, _ in sim.do("events")["events"]].count(events.SUPPLY)


def test_ten_minutes_of_it_cost_less_than_half_an_hour(sim):
    """Each flash is charged 10 s; a patient start makes one in 7.4 s, an ordinary one each second.

    So the days last less than half as long, and not a twelfth.
    """
    used, flashes = shine(sim, MINUTES * 60)
    assert 60 < flashes < 90
    assert MINUTES * 60 < used < 2.5 * MINUTES * 60


def test_it_is_logged_once_however_often_it_happens(sim):
    assert supplies(sim) == 0
    shine(sim, 120)
    assert supplies(sim) == 1


def test_with_another_lamp_all_is_as_before(sim):
    shine(sim, 60)
    sim.do("advance 60")
    assert sim.status()["load"]
    sim.do("power off")
    sim.do("power on")
    assert sim.do("run 1500")["load"]
    shine(sim, 60)
    assert supplies(sim) == 2
