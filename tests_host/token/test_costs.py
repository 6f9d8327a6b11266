"""The number of hashes a token costs, and the slices of a walk: counted, not timed."""

import pytest

from opaygo import Device, decoder, judge, judging, new_state
from opaygo.chain import Chain
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY
from tools.proofs.tokens.encoder import EXTENDED, PLAIN, Encoder

KEY, CODE = PUBLISHED_KEY, PUBLISHED_CODE
UNIT = Encoder(KEY, CODE)
DEVICE = Device(KEY, CODE)
SYNC = 999
USUAL = 2 + 63 + 16 + 2  # since the last token, below the window, older counts, to the next one
WORST = 63 + 16 + 64 + 64  # the last two tokens of the value were each 64 counts ahead


@pytest.fixture
def meter(monkeypatch):
    """A list of how many hashes each slice made."""
    slices = []

    class MeteredChain(Chain):
        def next(self, hashes):
            before = self.count
            found = super().next(hashes)
            slices.append(self.count - before)
            return found

    monkeypatch.setattr(decoder, "Chain", MeteredChain)
    return slices


def _cost(meter, state, value, count, extended=PLAIN):
    meter.clear()
    verdict, state = judge(DEVICE, state, UNIT.token(value, count, extended))
    assert verdict.count == count
    assert verdict.outcome not in ("ALREADY_USED", "INVALID")
    return sum(meter), state


@pytest.mark.parametrize(
    "last, extended",
    ((1, PLAIN), (100, PLAIN), (3650, PLAIN), (65535, PLAIN), (1, EXTENDED), (3650, EXTENDED)),
)
def test_a_value_seen_lately_costs_a_window(meter, last, extended):
    last += 1 - last % 2
    cost, state = _cost(meter, new_state(last), 30, last + 1, extended)
    assert cost == last + 1
    for count in range(last + 3, last + 30, 2):
        cost, state = _cost(meter, state, 30, count, extended)
        assert cost <= USUAL
    cost, state = _cost(meter, state, 30, count + 64, extended)
    assert cost <= WORST
    cost, state = _cost(meter, state, 30, count + 128, extended)
    assert cost <= WORST


def test_eight_values_are_seen_lately(meter):
    state, count = new_state(1001), 1000
    for rounds in range(3):
        for value in range(8):
            count += 2
            cost, state = _cost(meter, state, value, count)
            assert cost <= USUAL + 16 or rounds == 0


def test_the_mark_is_of_use_after_a_sync_backwards(meter):
    state = new_state(1001)
    _, state = _cost(meter, state, 30, 1002)
    _, state = _cost(meter, state, SYNC, 1003)
    cost, state = _cost(meter, state, 30, 1066)
    assert cost <= WORST
    cost, state = _cost(meter, state, SYNC, 1005)  # 61 back
    assert cost <= WORST + 64 + 36
    cost, state = _cost(meter, state, 30, 1006)
    assert cost <= WORST


@pytest.mark.parametrize("hashes", (1, 7, 64, 256))
def test_slices_are_no_longer_than_asked(meter, hashes):
    *slices, _ = judging(DEVICE, new_state(700), UNIT.token(30, 5), hashes)
    assert max(meter) == hashes
    assert len(meter) == len(slices)
    assert sum(meter) == 764


def test_a_remembered_token_costs_nothing(meter):
    _, state = _cost(meter, new_state(3650), 30, 3652)
    meter.clear()
    verdict, _ = judge(DEVICE, state, UNIT.token(30, 3652))
    assert (verdict.outcome, sum(meter)) == ("ALREADY_USED", 0)


def test_refused_tokens_leave_the_marks(meter):
    _, state = _cost(meter, new_state(1001), 30, 1002)
    for wrong in range(20):
        assert judge(DEVICE, state, UNIT.token(wrong, 3))[1] is state
