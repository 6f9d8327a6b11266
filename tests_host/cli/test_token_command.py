"""`payg token` against the encoder's front door, the published scenario, and bad input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpaygo import OpenPAYGOTokenEncoder, TokenType

from tools.identity import Identity
from tools.tokens import make_token, parse_days, value_of

KEY = "a29ab82edc5fbbc41ec9530f6dac86b1"
UNIT = ["token", "--serial", "T1", "--key", KEY, "--starting-code", "123456789"]
TYPES = {
    "add": TokenType.ADD_TIME,
    "set": TokenType.SET_TIME,
    "disable": TokenType.DISABLE_PAYG,
    "sync": TokenType.COUNTER_SYNC,
    "extended": TokenType.ADD_TIME,
}


@pytest.mark.parametrize(
    ("count", "kind", "token", "new_count"),
    [
        (1, ["--add", "1"], "662486790", 2),
        (3, ["--add", "29"], "927706818", 4),
        (3, ["--set", "7"], "942433796", 5),
        (5, ["--disable"], "650975787", 7),
        (7, ["--set", "0"], "592185789", 9),
    ],
)
def test_published_scenario(payg, count, kind, token, new_count):
    assert payg(*UNIT, "--count", count, *kind) == (0, f"token {token}\ncount {new_count}\n", "")


@given(
    key=st.binary(min_size=16, max_size=16),
    starting_code=st.none() | st.integers(1, 999_999_999),
    count=st.integers(0, 40),
    kind=st.sampled_from(sorted(TYPES)),
    value=st.integers(0, 995),
    restricted=st.booleans(),
)
def test_agrees_with_the_encoder(key, starting_code, count, kind, value, restricted):
    wanted = OpenPAYGOTokenEncoder.generate_token(
        secret_key=key.hex(),
        count=count,
        value=None if kind in ("disable", "sync") else value,
        token_type=TYPES[kind],
        starting_code=starting_code,
        restricted_digit_set=restricted,
        extended_token=kind == "extended",
    )
    identity = Identity("T1", key, starting_code, count, restricted=restricted)
    assert make_token(identity, kind, value) == wanted


@pytest.mark.parametrize(
    ("options", "length"),
    [
        (["--add", 1], 9),
        (["--add", 1, "--restricted"], 15),
        (["--extended", 0], 12),
        (["--extended", 999_999, "--restricted"], 20),
    ],
)
def test_length_is_kept_at_every_count(payg, options, length):
    for count in range(0, 60, 2):  # about one nine-digit token in ten begins with a zero
        _, output, _ = payg(*UNIT, "--count", count, *options)
        assert len(output.split()[1]) == length


def test_starting_code_zero_is_a_starting_code(payg):
    unit = ["token", "--serial", "T1", "--key", KEY, "--count", 1, "--add", 7]
    _, zero, _ = payg(*unit, "--starting-code", "0")
    _, derived, _ = payg(*unit)
    assert zero.split()[1].endswith("007")
    assert zero != derived


@pytest.mark.parametrize(
    ("days", "divider", "value"),
    [("0", 1, 0), ("995", 1, 995), ("0.5", 24, 12), ("1/24", 24, 1), ("1/3", 255, 85)],
)
def test_days_become_whole_units(days, divider, value):
    assert value_of(parse_days(days), divider) == value


@pytest.mark.parametrize(("days", "divider"), [("0.5", 1), ("996", 1), ("4", 255), ("1/7", 24)])
def test_days_that_no_token_holds(days, divider):
    with pytest.raises(ValueError, match="days are"):
        value_of(parse_days(days), divider)


@pytest.mark.parametrize("text", ["", "-1", "1e3", "1_0", "1.", ".5", " 1", "٣", "1/0", "nan"])
def test_what_is_not_a_number_of_days(text):
    with pytest.raises(ValueError, match="days"):
        parse_days(text)


def test_key_file(payg, tmp_path):
    path = tmp_path / "unit.key"
    path.write_text(KEY.upper() + "\n")
    unit = ["token", "--serial", "T1", "--starting-code", "123456789", "--count", 1, "--add", 1]
    assert payg(*unit, "--key-file", path)[1] == "token 662486790\ncount 2\n"


@pytest.mark.parametrize("content", [b"", b"a29a", b"\xff" * 32, b"g" * 32])
def test_bad_key_file(payg, tmp_path, content):
    path = tmp_path / "unit.key"
    path.write_bytes(content)
    code, output, said = payg(
        "token", "--serial", "T1", "--count", 1, "--sync", "--key-file", path
    )
    assert (code, output, said.count("\n")) == (2, "", 1)
    assert str(path) in said


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (UNIT + ["--add", "1"], "--count"),
        (UNIT + ["--count", "1"], "exactly one of"),
        (UNIT + ["--count", "1", "--sync", "--disable"], "exactly one of"),
        (UNIT + ["--count", "1", "--add", "0", "--sync"], "exactly one of"),
        (UNIT + ["--count", "1", "--add", "1000"], "--add: 1000 days are too many"),
        (UNIT + ["--count", "1", "--add", "1000"], "a token holds 0 to 995 days"),
        (
            UNIT + ["--count", "1", "--set", "42", "--time-divider", "24"],
            "a token holds 0 to 41.4583 days (995 units of 1 h)",
        ),
        (UNIT + ["--count", "1", "--add", "-1"], "a number from 0 to 995"),
        (UNIT + ["--count", "1", "--add", "0"], "--add: 0 days are no addition"),
        (UNIT + ["--count", "1", "--set", "0.1"], "--set"),
        (UNIT + ["--count", "1", "--extended", "1000000"], "--extended"),
        (UNIT + ["--count", "-1", "--sync"], "--count"),
        (UNIT + ["--count", "16777216", "--sync"], "--count"),
        (UNIT + ["--count", "1", "--sync", "--time-divider", "0"], "--time-divider"),
        (UNIT + ["--count", "1", "--sync", "--time-divider", "256"], "--time-divider"),
        (UNIT + ["--count", "1", "--sync", "--starting-code", "1000000000"], "--starting-code"),
        (UNIT + ["--count", "1", "--sync", "--key-file", "x"], "key once"),
        (["token", "--serial", "T1", "--count", "1", "--sync"], "key once"),
        (["token", "--key", KEY, "--count", "1", "--sync"], "--serial"),
        (["token", "--key", KEY[:-1]], "--key"),
        (["token", "--key", "z" + KEY[1:]], "--key"),
        (["token", "--serial", "a b"], "--serial"),
        (["token", "--serial", "a;b"], "--serial"),
        (["token", "--serial", "x" * 33], "--serial"),
        (["token", "--nonsense"], "--nonsense"),
    ],
)
def test_a_mistake_is_one_plain_line(payg, arguments, reason):
    code, output, said = payg(*arguments)
    assert (code, output, said.count("\n")) == (2, "", 1)
    assert said.startswith("payg token: ")
    assert reason in said
    assert KEY[1:-1] not in said


@pytest.mark.parametrize("key", [KEY, " ".join(KEY[at : at + 4] for at in range(0, 32, 4))])
@pytest.mark.parametrize(
    "before",
    [
        [*UNIT, "--sync", "--count"],
        [*UNIT, "--count", "1", "--add"],
        [*UNIT, "--count", "1", "--sync", "--starting-code"],
        ["token", "--batch", "LIST", "--add", "1", "--serial"],
        ["batch", "new", "--prefix", "A", "--first", "1", "--quantity", "1", "--test-code"],
        ["ledger", "show"],
        ["ledger", "last"],
        ["ledger", "last", "--batch", "LIST"],
        ["ledger", "day"],
        ["sim", "--time-divider"],
    ],
    ids=" ".join,
)
def test_a_key_in_a_wrong_place_is_not_echoed(payg, tmp_path, monkeypatch, before, key):
    monkeypatch.chdir(tmp_path)
    batch = ["batch", "new", "--prefix", "SLT", "--first", "1", "--quantity", "2"]
    assert payg(*batch, "--out", "LIST")[0] == 0
    code, output, said = payg(*before, key)
    assert (code in (1, 2), output, said.count("\n")) == (True, "", 1)
    assert KEY[:24] not in said.replace(" ", "")
