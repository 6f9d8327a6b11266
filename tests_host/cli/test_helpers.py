"""The tests' own tools: the headless simulator's driver, MicroPython's ticks on CPython."""

import sys
import time

import pytest

from tests_host import conftest
from tools.proofs.simulator import Sim, SimulatorError


def stub(program):
    """Return a Sim whose simulator is this Python program."""
    return Sim(command=[sys.executable, "-c", program], timeout=30)


def test_helper_reads_answers_in_order():
    program = "import sys\nfor line in sys.stdin: print('{\"said\": %r}' % 1, flush=True)"
    with stub(program) as sim:
        assert sim.do_all(["status"] * 120) == [{"said": 1}] * 120


@pytest.mark.parametrize(
    "program",
    [
        "import sys; sys.exit('the reason')",
        "import sys; print('Traceback', flush=True); sys.exit('the reason')",
        "import sys; print('[]', flush=True); sys.exit('the reason')",
    ],
)
def test_helper_shows_why_it_failed(program):
    with stub(program) as sim:
        sim._process.wait()
        with pytest.raises(SimulatorError, match="the reason"):
            sim.do("status")


def test_helper_gives_up_on_a_silent_simulator():
    with Sim(command=[sys.executable, "-c", "input(); input()"], timeout=0.05) as sim:
        with pytest.raises(SimulatorError, match="silent"):
            sim.do("status")
    assert sim._process.returncode is not None


def test_ticks_wrap_like_a_32_bit_port():
    last = (1 << 30) - 1
    assert time.ticks_add(last, 1) == 0
    assert time.ticks_diff(3, last) == 4
    assert time.ticks_diff(last, 3) == -4
    assert time.ticks_add(0, -1) == last
    with pytest.raises(OverflowError):
        time.ticks_add(0, 1 << 29)


def test_ticks_count_real_time_below_their_period(monkeypatch):
    monkeypatch.setattr(time, "monotonic_ns", lambda: ((1 << 30) + 5) * 1_000_000)
    assert time.ticks_ms() == 5
    assert time.ticks_us() == ((1 << 30) + 5) * 1_000 % conftest.TICKS_PERIOD
