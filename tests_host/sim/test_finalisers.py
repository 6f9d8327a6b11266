"""Objects of the port that end when no variable holds them. CPython only (see Timer)."""

import gc

import pytest

from tools.sim.mcu import machine, time
from tools.sim.mcu.kinds import Esp32, Rp2040
from tools.sim.world import World


@pytest.mark.parametrize("chip, fires", [(Rp2040, 0), (Esp32, 3)])
def test_a_timer_that_no_variable_holds(chip, fires):
    world = World()
    world.start()
    machine.install(world, [], chip())
    seen = []
    machine.Timer(chip.timers[0], period=10, callback=lambda timer: seen.append(0))
    gc.collect()
    time.sleep_ms(30)
    assert len(seen) == fires


def test_a_timer_that_a_variable_holds():
    world = World()
    world.start()
    machine.install(world, [], Rp2040())
    seen = []
    timer = machine.Timer(period=10, callback=lambda timer: seen.append(0))
    gc.collect()
    time.sleep_ms(30)
    timer.deinit()
    assert len(seen) == 3
