"""`payg batch`: makes device lists, and judges them."""

import sys
from itertools import chain
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tools.batches import database as ledger_db
from tools.batches.fresh import NUMBER_MAX, make_units, refuse_taken, write_new_list
from tools.batches.lists import (
    NUMBER_DIGITS,
    TEST_CODE_DIGITS,
    Repeats,
    judge,
    parse_text,
    refuse_existing,
    tracked,
)
from tools.identity import (
    TIME_DIVIDER_MAX,
    Checked,
    parse_serial,
    whole,
)
from tools.tokens import grouped


@click.group(name="batch")
def command() -> None:
    """Make the list of a batch of units, or judge one.

    The list is the protocol's own CSV: platforms import it, `payg provision` gives its rows to
    units, `payg token` finds keys in it. Whoever has it can make tokens: keep it as such.

    \b
    A thousand units, SLT000000001 to SLT000001000:
      payg batch new --prefix SLT --first 1 --quantity 1000 --model SHS60 --hw-version 1.0
    Is this list fit for import?
      payg batch check SLT000000001-SLT000001000.csv
    """


def _parse_prefix(text: str) -> str:
    parse_serial(f"{text}{NUMBER_MAX}")
    return text


def _parse_test_code(text: str) -> int:
    if len(text) != TEST_CODE_DIGITS or not (text.isascii() and text.isdigit()):
        raise ValueError(f"a test code has {TEST_CODE_DIGITS} digits, not {text!r}")
    return int(text)


LIST = click.Path(exists=True, dir_okay=False, path_type=Path)


@command.command()
@click.option(
    "--prefix",
    type=Checked("text", _parse_prefix),
    required=True,
    help="Before the nine digits of each serial number.",
)
@click.option(
    "--first",
    type=whole("n", "a serial number's number", 0, NUMBER_MAX),
    required=True,
    help="Number of the first unit.",
)
@click.option(
    "--quantity",
    type=whole("n", "a quantity", 1, NUMBER_MAX),
    required=True,
    help="How many units.",
)
@click.option("--model", type=Checked("text", parse_text), default="", help="Hardware model.")
@click.option(
    "--hw-version", type=Checked("text", parse_text), default="", help="Hardware version."
)
@click.option(
    "--time-divider",
    type=whole("n", "a time divider", 1, TIME_DIVIDER_MAX),
    default=1,
    show_default=True,
    help="Time units in a day, 1 to 255.",
)
@click.option("--restricted", is_flag=True, help="Tokens of the digits 1 to 4 only.")
@click.option(
    "--test-code",
    type=Checked("code", _parse_test_code),
    help="Code of nine digits that switches a unit's load on for 30 s. With --restricted, the 15"
    " digits to be typed are printed.",
)
@click.option("--against", type=LIST, multiple=True, help="No serial number of this list. Repeat.")
@ledger_db.option
@click.option("--out", type=click.Path(path_type=Path), help="Name of the list.")
@click.pass_context
def new(
    context: click.Context,
    /,
    prefix: str,
    first: int,
    quantity: int,
    out: Path | None,
    **options: Any,
) -> None:
    """Make a new list, each unit with a key and a starting code of its own.

    No serial number is given twice: the ledger keeps which lists were made, with a hash of each
    key and no key, and serial numbers are also compared with the lists named by --against. The
    file is readable by you only, and never overwrites another.

    \b
    A thousand units; the list is called SLT000000001-SLT000001000.csv:
      payg batch new --prefix SLT --first 1 --quantity 1000 --model SHS60 --hw-version 1.0
    The next thousand, sold by the hour, with a keypad of four digits:
      payg batch new --prefix SLT --first 1001 --quantity 1000 --time-divider 24 --restricted \\
        --against SLT000000001-SLT000001000.csv --out second.csv
    """
    numbers = range(first, first + quantity)
    if numbers[-1] > NUMBER_MAX:
        raise click.UsageError(f"serial numbers end at {prefix}{NUMBER_MAX}: fewer units")
    names = [f"{prefix}{number:0{NUMBER_DIGITS}}" for number in (numbers[0], numbers[-1])]
    out = out or _default_name(names)
    place = ledger_db.place(options["ledger"], out)
    refuse_existing(out)
    asked = context.get_parameter_source("ledger") is ParameterSource.COMMANDLINE
    refuse_taken(prefix, numbers, options["against"], place, asked, out.parent)
    units = make_units(
        prefix,
        numbers,
        options["model"],
        options["hw_version"],
        time_divider=options["time_divider"],
        restricted=options["restricted"],
        test_code=options["test_code"],
    )
    tracking = tracked(units, quantity, f"Writing {out.name}")
    write_new_list(out, prefix, numbers, tracking, place)
    units_made = ledger_db.counted(quantity, "unit")
    click.echo(f"{out}: {units_made}, {names[0]} to {names[1]}. It has their keys: guard it")
    if options["restricted"] and options["test_code"] is not None:
        from tools.batches.issuing import typed_test_code  # SQLAlchemy is slow to import

        click.echo(
            f"Test code, to be typed: {grouped(typed_test_code(options['test_code'], True))} #"
        )


def _default_name(names: list[str]) -> Path:
    if "/" in names[0]:
        raise click.UsageError("the prefix is no file name: name the list by --out FILE")
    return Path("-".join(names) + ".csv")


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Judge every row of a list; exit code 1 if something is wrong with it.

    Each problem is a line with its line number. What is in a cell is never shown, so the output
    may be sent to others.

    \b
    Before a list goes to a platform, or comes from one:
      payg batch check SLT000000001-SLT000001000.csv
    """
    rows, repeats = 0, Repeats()
    problems: list[str] = []
    for row in tracked(judge(file), None, f"Judging {file.name}"):
        rows += row.number > 1
        again = repeats.problems(row.number, row.unit) if row.unit else ()
        problems += [f":{row.number}: {problem}" for problem in chain(row.problems, again)]
    if not rows and not problems:
        problems.append(": no unit in it")
    for problem in problems:
        click.echo(f"{file}{problem}")
    found = ledger_db.counted(len(problems), "problem") if problems else "no problems"
    click.echo(f"{file}: {ledger_db.counted(rows, 'row')}, {found}")
    if file.is_file() and file.stat().st_mode & 0o077:
        click.echo(f"Others can read this list, which has keys: chmod 600 {file}", err=True)
    sys.exit(1 if problems else 0)
