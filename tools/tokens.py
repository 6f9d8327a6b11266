"""`payg token`: a token by the protocol's own encoder. Of units of a list: see tools.issue."""

import re
from fractions import Fraction
from pathlib import Path

import click
from click.core import ParameterSource
from openpaygo import OpenPAYGOTokenEncoder, TokenType
from openpaygo.token_shared import OpenPAYGOTokenShared

from tools import ledger_db
from tools.identity import Checked, Identity, identity_options, parse_key, whole

OF_THE_LIST = ("key", "key_file", "starting_code", "count", "time_divider", "restricted")
"""Options that say what a list says: not both."""

VALUE_MAX = 995
EXTENDED_MAX = 999_999
DISABLE_VALUE = OpenPAYGOTokenShared.PAYG_DISABLE_VALUE
SYNC_VALUE = OpenPAYGOTokenShared.COUNTER_SYNC_VALUE
KINDS = ("add", "set", "disable", "sync", "extended")


def parse_days(text):
    """Return days as a Fraction from "30", "0.5" or "1/24", or raise ValueError."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9}|/[0-9]{1,9})?", text):
        raise ValueError(f"days are a number such as 30, 0.5 or 1/24, not {text!r}")
    try:
        return Fraction(text)
    except ZeroDivisionError:
        raise ValueError(f"days cannot be divided by zero: {text!r}") from None


def value_of(days, time_divider):
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
        raise ValueError(
            f"{float(days):g} days are {value} time units; a token holds 0 to {VALUE_MAX}"
        )
    return int(value)


def make_token(identity, kind, value):
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
    return encode(code, identity.key, value, identity.count, mode, identity.restricted)


def read_key_file(path):
    """Return the key in a text file of 32 hexadecimal digits, or raise click.UsageError."""
    try:
        return parse_key(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise click.UsageError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise click.UsageError(f"the key file {path} is not text") from None
    except ValueError as error:
        raise click.UsageError(f"in the key file {path}: {error}") from error


def chosen(options):
    """Return (kind, what was given for it); exactly one kind must be asked for."""
    asked = [kind for kind in KINDS if options[kind] is not None and options[kind] is not False]
    if len(asked) != 1:
        raise click.UsageError(
            "say exactly one of --add D, --set D, --disable, --sync, --extended V"
        )
    return asked[0], options[asked[0]]


def identity_of(options):
    """Return the Identity of parsed options, the key from its file where one is named."""
    key = options["key"]
    if (key is None) == (options["key_file"] is None):
        raise click.UsageError("give the key once: --key HEX or --key-file FILE")
    for name in ("serial", "count"):
        if options[name] is None:
            raise click.UsageError(f"missing option --{name}")
    return Identity(
        serial=options["serial"],
        key=key or read_key_file(options["key_file"]),
        starting_code=options["starting_code"],
        count=options["count"],
        time_divider=options["time_divider"],
        restricted=options["restricted"],
    )


DAYS = Checked("days", parse_days)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def issue_from_list(context, options):
    """`payg token --batch`. Raises click.ClickException."""
    given = [
        name
        for name in OF_THE_LIST
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(f"the list says it: leave out --{given[0].replace('_', '-')}")
    from tools.issue import Wish, issue_many, issue_one

    place = ledger_db.place(options["ledger"], options["batch"])
    if options["csv"] is None:
        if options["serial"] is None:
            raise click.UsageError("missing option --serial")
        if options["out"] is not None:
            raise click.UsageError("--out is for --csv")
        kind, given = chosen(options)
        given = None if given is True else given
        issue_one(options["batch"], place, Wish(options["serial"], kind, given))
        return
    if options["serial"] or any(options[kind] not in (None, False) for kind in KINDS):
        raise click.UsageError("with --csv, its rows say serial, kind and value")
    issue_many(options["batch"], place, options["csv"], options["out"])


@click.command()
@identity_options
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Read the key from this file: other users see a command's options.",
)
@click.option("--add", type=DAYS, help="Add this many days: 30, 0.5, 1/24.")
@click.option("--set", type=DAYS, help="Set the days left; also locks a free unit again.")
@click.option("--disable", is_flag=True, help="Unlock the unit for good.")
@click.option("--sync", is_flag=True, help="Bring the unit's count up to the server's.")
@click.option(
    "--extended",
    type=whole("value", "an extended value", 0, EXTENDED_MAX),
    help="A 12-digit token with this value, 0 to 999999.",
)
@click.option("--batch", type=FILE, help="Find the unit in this list (CSV).")
@click.option("--csv", type=FILE, help="Tokens for many: rows of serial,kind,value.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where their tokens go; without it, NAME-tokens.csv beside NAME.csv.",
)
@ledger_db.option
@click.pass_context
def token(context, **options):
    """Print the next token of a unit, and the count that it brings.

    With --batch the list has the unit's key and the ledger its count: neither is typed, and a
    count is never used twice. The kinds in a --csv are add and set (value: days), disable, sync,
    extended (value: 0 to 999999). All of its tokens are issued, or none.

    Without --batch, --count is the count of the unit's last token; give the printed one next
    time. Additions and extended tokens take the next even count, all others the next odd one.

    \b
    The protocol's published example, one day:
      payg token --serial A1 --key a29ab82edc5fbbc41ec9530f6dac86b1 \\
        --starting-code 123456789 --count 1 --add 1
    Thirty days more for a unit of a list:
      payg token --batch batch.csv --serial SLT000000001 --add 30
    For everybody who paid today:
      payg token --batch batch.csv --csv paid.csv --out tokens.csv
    Without a list, twelve hours, where a unit of time is an hour:
      payg token --serial A1 --key-file a1.key --count 2 --time-divider 24 --add 0.5
    Unlock for good, in digits 1 to 4:
      payg token --serial A1 --key-file a1.key --count 2 --restricted --disable
    """
    if options["batch"] is not None:
        issue_from_list(context, options)
        return
    for name in ("csv", "out"):
        if options[name] is not None:
            raise click.UsageError(f"--{name} needs --batch")
    kind, given = chosen(options)
    identity = identity_of(options)
    value = given
    if kind in ("add", "set"):
        try:
            value = value_of(given, identity.time_divider)
        except ValueError as error:
            raise click.UsageError(f"--{kind}: {error}") from error
    count, digits = make_token(identity, kind, value)
    click.echo(f"token {digits}")
    click.echo(f"count {count}")
