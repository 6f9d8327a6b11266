"""The world's clock: events in order, interrupts held back, a dead MCU that does nothing."""

from tests_host.sim.support import refuses
from tools.sim.world import NEVER, Halt, World


def make():
    world = World(1000)
    world.start()
    return world


def test_events_come_in_order_and_at_their_time():
    world = make()
    seen = []
    for due in (1300, 1100, 1200, 1100):
        world.at(due, lambda due=due: seen.append((due, world.now)))
    gone = world.at(1150, lambda: seen.append("gone"))
    world.cancel(gone)
    world.sleep(250)
    assert seen == [(1100, 1100), (1100, 1100), (1200, 1200)]
    assert world.now == 1250
    world.step()
    assert world.now == 1300


def test_an_event_may_make_another():
    world = make()
    seen = []
    world.at(1010, lambda: world.at(1020, lambda: seen.append(world.now)))
    world.sleep(20)
    assert seen == [1020]


def test_interrupts_wait_while_they_are_masked():
    world = make()
    seen = []
    world.at(1010, lambda: world.interrupt(seen.append, "edge"))
    world.at(1020, lambda: world.interrupt(seen.append, "edge"))
    outer = world.mask()
    inner = world.mask()
    world.sleep(100)
    world.unmask(inner)
    assert seen == []
    world.unmask(outer)
    assert seen == ["edge"]
    world.at(1200, lambda: world.interrupt(seen.append, "late"))
    world.stall(200)
    assert seen == ["edge", "late"]
    assert world.now == 1300


def test_the_driver_comes_after_all_that_is_due_then():
    world = make()
    order = []

    def driver():
        order.append(("driver", world.now))
        world.ask(NEVER)

    world.driver = driver
    world.at(2000, lambda: order.append(("event", world.now)))
    world.ask(2000)
    world.step(2000)
    assert order == [("event", 2000)]
    world.step(2000)
    assert order == [("event", 2000)]
    world.step(2001)
    assert order == [("event", 2000), ("driver", 2000)]


def test_the_driver_does_not_wait_for_ever_for_a_blocking_firmware():
    world = make()
    times = []

    def driver():
        times.append(world.now)
        world.ask(NEVER)

    world.driver = driver
    world.ask(5000)
    world.sleep(world.GRACE)
    assert times == []
    world.sleep(world.GRACE)
    assert times == [5000 + world.GRACE]
    assert world.now == 1000 + 2 * world.GRACE
    world.ask(world.now)
    while not times[1:]:
        world.glance()


def test_looking_at_the_time_takes_a_microsecond_but_not_the_driver():
    world = make()
    world.glance()
    assert world.now == 1001

    def driver():
        world.glance()
        world.ask(NEVER)

    world.driver = driver
    world.ask(1500)
    world.step(2000)
    assert world.now == 1500


def test_a_dead_mcu_does_nothing_more():
    world = make()
    seen = []
    world.at(1100, lambda: seen.append("timer"), mcu=True)
    world.at(1100, lambda: seen.append("hand"))
    assert refuses(Halt, world.halt, "reset").reason == "reset"
    for call in (world.check, world.glance):
        assert refuses(Halt, call).reason == "reset"
    assert refuses(Halt, world.sleep, 10).reason == "reset"
    assert refuses(Halt, world.halt, "power").reason == "reset"
    world.interrupt(seen.append, "edge")
    world.step()
    assert seen == ["hand"]
    world.start()
    world.check()
    assert world.booted == world.now


def test_a_stop_by_the_driver_unwinds_the_firmware():
    world = make()
    world.driver = lambda: world.stop("power")
    world.ask(1010)
    assert refuses(Halt, world.step).reason == "power"
