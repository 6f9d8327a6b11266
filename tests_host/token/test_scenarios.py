"""The protocol's published and certification scenarios, and each rule of the window."""

import json

import pytest
from openpaygo import OpenPAYGOTokenEncoder, TokenType

from opaygo import Device, judge, new_state
from tests_host.helpers.published import ADD_1, ADD_29, FREE, LOCK, SET_7, WRONG
from tools.identity import PUBLISHED_CODE, PUBLISHED_KEY
from tools.proofs.tokens.encoder import EXTENDED, Encoder
from tools.proofs.tokens.lives import micropython_judge, parse
from tools.proofs.tokens.replay import replay
from tools.proofs.tokens.small import STARTING_CODE, Small, Token, scaled
from tools.proofs.tokens.spec import Windows
from tools.seconds import DAY

KEY, CODE = PUBLISHED_KEY, PUBLISHED_CODE
UNIT = Encoder(KEY, CODE)
DEVICE = Device(KEY, CODE)
RESERVED, DISABLE, SYNC = 996, 998, 999


class Controller:
    """A unit to type tokens into: the token of a value and a count."""

    def __init__(self, count=1, device=DEVICE, unit=UNIT):
        self.state = new_state(count)
        self.device = device
        self.unit = unit

    def type(self, value, count, extended=False):
        """Return the outcome."""
        return self.enter(self.unit.token(value, count, extended))[0]

    def enter(self, digits):
        """Return the verdict."""
        verdict, self.state = judge(self.device, self.state, digits)
        return verdict


def test_published_scenario():
    published = (
        (WRONG, ("INVALID", 0, 0, 0)),
        (ADD_1, ("ADD_TIME", 1, 2, DAY)),
        (ADD_1, ("ALREADY_USED", 1, 2, 0)),
        (ADD_29, ("ADD_TIME", 29, 4, 29 * DAY)),
        (SET_7, ("SET_TIME", 7, 5, 7 * DAY)),
        (FREE, ("DISABLE_PAYG", 998, 7, 0)),
        (LOCK, ("SET_TIME", 0, 9, 0)),
    )
    unit = Controller(count=0)
    for digits, verdict in published:
        assert unit.enter(digits) == verdict
    job = {"key": KEY.hex(), "starting_code": CODE, "divider": 1, "restricted": False, "count": 0}
    job["tokens"] = [digits for digits, _ in published]
    with micropython_judge() as micropython:
        line = micropython.ask(job)
    assert parse(line) == [verdict for _, verdict in published]
    assert replay(json.loads(json.dumps(job))) == line.strip()


@pytest.mark.parametrize("restricted", (False, True))
def test_certification_twenty_one_jumps(restricted):
    """21 SET_TIME tokens, each 30 counts ahead, from the protocol's own encoder."""
    unit = Controller(device=Device(KEY, CODE, restricted=restricted))
    count = 1
    for _ in range(21):
        count, digits = OpenPAYGOTokenEncoder.generate_token(
            secret_key=KEY.hex(),
            count=count + 28,
            value=10,
            token_type=TokenType.SET_TIME,
            starting_code=CODE,
            restricted_digit_set=restricted,
        )
        assert unit.enter(digits.zfill(9)) == ("SET_TIME", 10, count, 10 * DAY)
    assert unit.state.count == 631


def test_certification_disable_and_relock():
    unit = Controller()
    assert unit.type(1, 2) == "ADD_TIME"
    assert unit.type(DISABLE, 4) == "DISABLE_PAYG"  # an even count, as the procedure has it
    assert unit.type(1, 6) == "ADD_TIME"
    assert unit.type(0, 7) == "SET_TIME"


@pytest.mark.parametrize("divider, seconds", ((1, 995 * DAY), (255, 337129), (24, 995 * 3600)))
def test_credit_in_seconds(divider, seconds):
    unit = Controller(device=Device(KEY, CODE, divider))
    assert unit.enter(UNIT.token(995, 2)) == ("ADD_TIME", 995, 2, seconds)


def test_unordered_add_time_tokens():
    unit = Controller()
    assert unit.type(5, 16) == "ADD_TIME"
    assert [unit.type(5, count) for count in (14, 2, 8)] == ["ADD_TIME"] * 3
    assert [unit.type(5, count) for count in (14, 2, 8, 16)] == ["ALREADY_USED"] * 4


def test_a_count_is_spent_once_whatever_the_value():
    unit = Controller()
    assert [unit.type(5, count) for count in (16, 14)] == ["ADD_TIME"] * 2
    assert [unit.type(7, count) for count in (16, 14)] == ["ALREADY_USED"] * 2
    assert unit.type(7, 12) == "ADD_TIME"


def test_the_older_window_ends_after_sixteen_counts():
    unit = Controller()
    unit.type(5, 18)
    assert unit.type(5, 2) == "ALREADY_USED"
    assert unit.type(5, 4) == "ADD_TIME"
    unit = Controller()
    unit.type(RESERVED, 17)
    assert unit.type(5, 2) == "ADD_TIME"


def test_an_odd_older_count_is_not_accepted():
    unit = Controller()
    unit.type(5, 16)
    assert unit.type(5, 15) == "ALREADY_USED"


@pytest.mark.parametrize("value, count", ((3, 17), (DISABLE, 17), (DISABLE, 18), (SYNC, 17)))
def test_older_tokens_are_void_after_a_final_one(value, count):
    unit = Controller()
    unit.type(5, 16)
    assert unit.type(value, count) in ("SET_TIME", "DISABLE_PAYG", "COUNTER_SYNC")
    assert unit.type(5, 14) == "ALREADY_USED"


@pytest.mark.parametrize(
    "value, extended, outcome",
    ((RESERVED, False, "RESERVED"), (997, False, "RESERVED"), (SYNC, True, "EXTENDED")),
)
def test_older_tokens_stay_enterable_after_these(value, extended, outcome):
    unit = Controller()
    assert unit.type(value, 15, extended) == outcome
    assert unit.type(value, 15, extended) == "ALREADY_USED"
    assert unit.type(value, 13, extended) == "ALREADY_USED"  # only credit may come late
    assert unit.type(5, 14) == "ADD_TIME"


@pytest.mark.parametrize("value, extended", ((5, False), (RESERVED, False), (7, True)))
def test_the_window_ahead_is_64_counts(value, extended):
    assert Controller(10).type(value, 75, extended) == "INVALID"
    assert Controller(10).type(value, 74, extended) not in ("INVALID", "ALREADY_USED")


def test_the_window_of_a_counter_sync():
    assert Controller(200).type(SYNC, 301) == "INVALID"
    assert Controller(200).type(SYNC, 300) == "COUNTER_SYNC"
    unit = Controller(200)
    assert unit.type(SYNC, 200) == "ALREADY_USED"  # provisioned there: used
    assert unit.type(5, 264) == "ADD_TIME"
    assert unit.type(SYNC, 200) == "ALREADY_USED"  # 64 back, and at the floor
    assert unit.type(SYNC, 201) == "COUNTER_SYNC"
    assert unit.state.count == 201
    unit = Controller()
    unit.type(5, 64)
    unit.type(5, 66)
    assert unit.type(SYNC, 2) == "ALREADY_USED"
    assert unit.type(SYNC, 3) == "COUNTER_SYNC"


def test_a_used_counter_sync_does_not_roll_back_again():
    unit = Controller()
    assert unit.type(5, 60) == "ADD_TIME"
    assert unit.type(SYNC, 21) == "COUNTER_SYNC"
    assert unit.type(7, 60) == "ADD_TIME"  # the same count, issued anew
    assert unit.type(5, 60) == "ALREADY_USED"
    assert unit.type(SYNC, 21) == "ALREADY_USED"
    assert unit.state.count == 60


def test_the_floor_rises_with_the_65th_token():
    unit = Controller()
    counts = range(2, 132, 2)
    assert [unit.type(5, count) for count in counts] == ["ADD_TIME"] * 65
    assert unit.state.floor == 2
    assert unit.type(5, 132) == "ADD_TIME"
    assert unit.state.floor == 4


def test_count_zero_is_no_token():
    for value in (1, 995, RESERVED, DISABLE, SYNC):
        assert Controller(0).type(value, 0) == "INVALID"
    assert Controller(0).type(7, 0, EXTENDED) == "INVALID"


def test_the_same_number_as_plain_and_as_extended_token():
    """123456789 and 000123456789 are two tokens: having used one says nothing of the other."""
    prefix = 123456
    plain = Token(5, False, prefix)
    number = int(plain.digits)
    value = (number - STARTING_CODE) % 1000000
    extended = Token(value, True, number // 1000000)
    assert int(extended.digits) == number
    prefixes = [0, 1, prefix, extended.prefix, 4] + [5] * 70
    with scaled(Small(Windows()), prefixes):
        _, state = judge(DEVICE, new_state(), plain.digits)
        assert judge(DEVICE, state, extended.digits)[0].outcome == "EXTENDED"
        _, state = judge(DEVICE, new_state(), extended.digits)
        assert judge(DEVICE, state, plain.digits)[0].outcome == "ADD_TIME"


def test_provisioned_at_a_count():
    unit = Controller(40)
    assert unit.type(5, 40) == unit.type(5, 38) == unit.type(5, 2) == "ALREADY_USED"
    assert unit.type(5, 42) == "ADD_TIME"
    assert unit.type(5, 40) == "ALREADY_USED"


def test_long_ago_is_told_from_never():
    unit = Controller(500)
    assert unit.type(5, 3) == "ALREADY_USED"
    assert unit.enter("999999" + UNIT.token(5, 3)[6:])[0] == "INVALID"


def test_leading_zeros_are_digits():
    count = next(n for n in range(2, 400) if UNIT.token(5, n)[0] == "0")
    unit = Controller(count - 1)
    digits = UNIT.token(5, count)
    assert len(digits) == 9
    assert unit.enter(digits)[2] == count
