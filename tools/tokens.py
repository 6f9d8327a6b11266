"""Makes a token by the protocol's own encoder."""

import re
from fractions import Fraction

from openpaygo import OpenPAYGOTokenEncoder, TokenType
from openpaygo.token_shared import OpenPAYGOTokenShared

from tools.identity import Identity

OF_THE_LIST = ("key", "key_file", "starting_code", "count", "time_divider", "restricted")
"""Options that say what a list says: not both."""

VALUE_MAX = 995
EXTENDED_MAX = 999_999
DISABLE_VALUE = OpenPAYGOTokenShared.PAYG_DISABLE_VALUE
SYNC_VALUE = OpenPAYGOTokenShared.COUNTER_SYNC_VALUE
KINDS = ("add", "set", "disable", "sync", "extended")


def parse_days(text: str) -> Fraction:
    """Return days as a Fraction from "30", "0.5" or "1/24", or raise ValueError."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}|/[0-9]{1,9})?", text):
        raise ValueError(
            f"days are a number from 0 to {VALUE_MAX}, such as 30, 0.5 or 1/24, not {text!r}"
        )
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"days cannot be divided by zero: {text!r}") from None


def value_of(days: Fraction, time_divider: int) -> int:
    """Return the token value (time units, 0..995) for `days`, or raise ValueError.

    A unit of time is a day / time divider; nothing is rounded, neither for the customer nor
    against.
    """
    value = days * time_divider
    if value.denominator != 1:
        raise ValueError(
            f"{float(days):g} days are not whole time units: with a time divider of"
            f" {time_divider} the unit is {float(Fraction(24, time_divider)):g} h"
        )
    if value > VALUE_MAX:
        raise ValueError(f"{float(days):g} days are too many: {limits(time_divider)}")
    return int(value)


def limits(time_divider: int) -> str:
    """Return in words how many days a token holds."""
    if time_divider == 1:
        return f"a token holds 0 to {VALUE_MAX} days"
    unit = f"{float(Fraction(24, time_divider)):g} h"
    return f"a token holds 0 to {VALUE_MAX / time_divider:g} days ({VALUE_MAX} units of {unit})"


def value_asked(kind: str, days: Fraction, time_divider: int) -> int:
    """Return the token value for `days` to add or set, or raise ValueError.

    To set 0 days locks a unit; to add 0 days is a mistake.
    """
    value = value_of(days, time_divider)
    if kind == "add" and value == 0:
        raise ValueError("0 days are no addition; `set` with 0 days locks the unit")
    return value


def grouped(digits: str) -> str:
    """Return a token's digits in groups of three: people read, hear and type it like this."""
    return " ".join(digits[at : at + 3] for at in range(0, len(digits), 3))


def make_token(identity: Identity, kind: str, value: int | None) -> tuple[int, str]:
    """Return (new count, digits) of the next token of this kind after `identity.count`.

    `kind` is one of KINDS, `value` its time units or extended value (ignored by disable and
    sync). The encoder's rule: an odd count for set, disable and sync, an even one otherwise.
    Its lower level is called because the upper one takes a starting code of 0 for none.
    """
    code = identity.starting_code
    if code is None:
        code = OpenPAYGOTokenShared.generate_starting_code(identity.key)
    value, mode = {
        "disable": (DISABLE_VALUE, TokenType.DISABLE_PAYG),
        "sync": (SYNC_VALUE, TokenType.COUNTER_SYNC),
        "set": (value, TokenType.SET_TIME),
    }.get(kind, (value, TokenType.ADD_TIME))
    encode = OpenPAYGOTokenEncoder.generate_standard_token
    if kind == "extended":
        encode = OpenPAYGOTokenEncoder.generate_extended_token
    made: tuple[int, str] = encode(
        code, identity.key, value, identity.count, mode, identity.restricted
    )
    return made
