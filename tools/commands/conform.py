"""`payg conform`: does a unit keep the rules of OpenPAYGO Token? Any unit, not only ours."""

import contextlib
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from tools.batches import database
from tools.conformance import report
from tools.conformance.chains import Chains
from tools.conformance.checks import CHECKS, PROFILES, STRICT
from tools.conformance.files import check_reports, write
from tools.conformance.foreign import CommandUnit, ManualUnit
from tools.conformance.model import Model
from tools.conformance.reservation import Reservation
from tools.conformance.run import EXIT_CODES, NOTHING, Result, run
from tools.conformance.trial import Limits, Trial
from tools.conformance.units import (
    AnsweringUnit,
    CleanUnit,
    RamUnit,
    SerialUnit,
    SilentUnitError,
    SimUnit,
)
from tools.conformance.words import Cleaner
from tools.identity import (
    PUBLISHED_CODE,
    PUBLISHED_KEY,
    Identity,
    identity_from,
    identity_options,
    key_from,
    whole,
)
from tools.interpreter import simulator_command
from tools.tokens import EXTENDED_MAX, OF_THE_LIST

SERIAL = "CONFORM01"
SIM_EXTENDED = 999_999  # does nothing on our firmware
ID_S = 2
ENTRIES = 300
RISES = {"certification": 700, "protocol": 900, "strict": 1100}  # counts that a profile spends
COUNTS_AN_ENTRY = 2.4  # spent by a random entry, measured over 300
UNITS = ("sim", "port", "command_line", "manual")
COMMAND_LINE = ParameterSource.COMMANDLINE

Options = dict[str, Any]
Unit = SimUnit | SerialUnit | RamUnit | CommandUnit | ManualUnit


class NothingCheckedError(click.ClickException):
    """The unit gave no answer at all: nothing was checked."""

    exit_code = EXIT_CODES[NOTHING]


def given_identity(options: Options) -> Identity:
    """Return the Identity of parsed options; without a key the protocol's published example."""
    if options["batch"]:
        return listed_identity(options)
    unchanged = (options["restricted"], options["time_divider"], options["count"])
    if key_from(options) is None and not options["sim"] and unchanged != (False, 1, None):
        raise click.UsageError("--restricted, --time-divider and --count need the key")
    return identity_from(options, SERIAL, PUBLISHED_KEY, PUBLISHED_CODE, 1)


def listed_identity(options: Options) -> Identity:
    """Return the Identity of --batch and --serial, with the ledger's count if that is higher."""
    from tools.batches.ledger import open_for_counts
    from tools.batches.lists import find

    serial = options["serial"]
    identity = find(options["batch"], [serial])[serial].identity()
    place = database.place(options["ledger"], options["batch"])
    with open_for_counts(place, options["new_ledger"]) as ledger:
        return identity._replace(count=max(identity.count, ledger.count(serial) or 0))


def checked(context: click.Context) -> tuple[Options, bool]:
    """Return (options, is a key given?), or raise click.UsageError for a contradiction."""
    options = context.params
    units = [options[name] not in (None, False) for name in UNITS]
    if sum(units) != 1:
        raise click.UsageError(
            "say what to check: --sim, or --port PORT, or --command ADAPTER, or --manual"
        )
    known = any(options[name] is not None for name in ("key", "key_file", "batch"))
    if options["setup"] and (options["sim"] or options["manual"] or known):
        raise click.UsageError(
            "--setup is for a blank unit on a port or an adapter, and brings its own key"
        )
    if options["batch"]:
        check_listed(context)
    elif options["ledger"] and context.get_parameter_source("ledger") is COMMAND_LINE:
        raise click.UsageError("--ledger needs --batch")
    elif options["new_ledger"]:
        raise click.UsageError("--new-ledger needs --batch")
    return options, known


def check_listed(context: click.Context) -> None:
    """Raise click.UsageError where other options contradict --batch."""
    if context.params["sim"]:
        raise click.UsageError("--batch is for a real unit, not for --sim")
    if context.params["serial"] is None:
        raise click.UsageError("--batch needs --serial: which unit of the list?")
    for name in OF_THE_LIST:
        if context.get_parameter_source(name) is COMMAND_LINE:
            raise click.UsageError(f"the list says it: leave out --{name.replace('_', '-')}")


def warn(options: Options, known: bool, identity: Identity, limits: Limits) -> None:
    """Tell what the run leaves behind on a unit that keeps it, and ask unless --yes."""
    keeps = known or options["command_line"] is not None or options["manual"]
    if options["sim"] or options["setup"] or not keeps:
        return
    rise = RISES[options["profile"]] + COUNTS_AN_ENTRY * limits.entries
    text = (
        f"This run moves the unit's count from {identity.count} up by about {rise:.0f}, and"
        " changes its credit. Tokens that a platform has issued for this unit before will not"
        " count any more."
    )
    lockout = options["profile"] == STRICT and "lockout" not in options["without"]
    if lockout:
        text += " At the end the unit's keypad is locked for some minutes."
    if options["batch"]:
        text += " The ledger gets each new count before the unit."
    else:
        text += " Tell the platform the new count, which the report names."
    click.echo(text)
    if options["yes"]:
        return
    try:
        agreed = click.confirm("Go on?")
    except click.Abort:
        raise click.UsageError("nobody answered; --yes goes on without asking") from None
    if not agreed:
        raise click.ClickException("nothing was entered")


def power_of(options: Options) -> Callable[[], None] | None:
    """Return a function that takes the unit's power away and gives it back, or None."""
    command = options["power_command"]
    if command:
        return lambda: run_power_command(command)
    return ask_operator if sys.stdin.isatty() else None


def run_power_command(command: str) -> None:
    """Run the operator's own command. Raises SilentUnitError."""
    done = subprocess.run(command, shell=True, check=False)
    if done.returncode:
        raise SilentUnitError(f"--power-command ended with exit code {done.returncode}")


def ask_operator() -> None:
    """Have a person pull the battery."""
    click.echo("\nTake ALL power from the unit: battery, panel and USB. Wait ten seconds.")
    click.prompt("Give it back, then press Enter", default="", show_default=False)


def connect(options: Options, known: bool, identity: Identity) -> Unit:
    """Return the unit that is meant. Raises SilentUnitError."""
    if options["sim"]:
        return SimUnit(simulator_command(identity, None))
    if options["command_line"] is not None:
        return CommandUnit(options["command_line"], power_of(options), options["wait"])
    if options["manual"]:
        return ManualUnit(power_of(options) or ask_operator, options["wait"])
    if known or options["setup"]:
        return SerialUnit(options["port"], power_of(options), options["wait"])
    return RamUnit(options["port"], identity, options["wait"])


def set_up(unit: AnsweringUnit, identity: Identity) -> None:
    """Give a blank unit the example's identity over its console, for good."""
    assert identity.key
    answer = unit.ask(f"#SETUP;{identity.serial};{identity.starting_code:09};{identity.key.hex()}")
    if not answer.startswith("#SETUP;OK"):
        raise click.ClickException("the unit refuses #SETUP: has it an identity already?")
    click.echo(
        "The unit keeps this identity, whose key is public: everybody can make tokens for it. Set"
        " it up anew before it is sold."
    )


def identified(unit: AnsweringUnit) -> str | None:
    """Return what the unit says to #ID, or None: not every console knows it."""
    try:
        answer = unit.ask("#ID", ID_S)
    except SilentUnitError:
        return None
    return answer if answer.startswith("#ID;") else None


def new_trial(unit: AnsweringUnit, identity: Identity, limits: Limits) -> Trial:
    """Return the trial of a unit that has this identity."""
    assert identity.key
    chains = Chains(identity.key, identity.starting_code)
    model = Model(chains, identity.count, identity.time_divider, identity.restricted)
    trial = Trial(unit, model, limits)

    def progress(done: int, of: int) -> None:
        if done * 10 // of > (done - 1) * 10 // of:
            click.echo(f"         {done} of {of} random entries", err=True)

    trial.progress = progress
    return trial


def tell(result: Result) -> None:
    """Tell a result on standard error."""
    click.echo(f"{report.WORDS[result.verdict]:8} {result.title}", err=True)


def check_files(options: Options) -> None:
    """Raise click.ClickException where a report would replace what is no earlier report."""
    inputs = [("--key-file", options["key_file"]), ("--batch", options["batch"])]
    if options["batch"]:
        place = database.place(options["ledger"], options["batch"])
        inputs.append(("--ledger", database.file_of(place)))
    reports = [("--" + name.partition("_")[0], options[name]) for name in REPORTS]
    check_reports(
        [(option, path) for option, path in reports if path],
        [(option, path) for option, path in inputs if path],
    )


def reservation_of(options: Options, identity: Identity) -> Reservation | None:
    """Return the Reservation of a unit of a list, or None."""
    if not options["batch"]:
        return None
    place = database.place(options["ledger"], options["batch"])
    return Reservation(place, options["serial"], identity.count)


def tell_counts(trial: Trial, reserved: Reservation | None) -> None:
    """Tell the unit's count, and the ledger's if the unit is one of a list."""
    if trial.entries:
        click.echo(report.afterwards(trial))
    if reserved:
        with contextlib.suppress(database.LedgerError):  # the counts are in the ledger
            reserved.look()
        click.echo(reserved.words(trial.rules.last if trial.accepted else trial.before))


FILE = click.Path(dir_okay=False, path_type=Path)
REPORTS = {
    "json_file": report.as_json,
    "html_file": report.as_html,
    "junit_file": report.as_junit,
}


@click.command(name="conform")
@click.option("--sim", is_flag=True, help="Check the simulated unit.")
@click.option("--port", metavar="PORT", help="Check the unit on this serial port.")
@click.option(
    "--command",
    "command_line",
    metavar="ADAPTER",
    help="Check the unit behind this program: lines on its standard input and output.",
)
@click.option("--manual", is_flag=True, help="Check a unit with a keypad only: you type.")
@click.option(
    "--setup", is_flag=True, help="Give a blank unit the test identity by #SETUP; it keeps it."
)
@identity_options
@click.option("--key-file", type=FILE, help="Read the key from this file.")
@click.option(
    "--batch",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="LIST",
    help="Take the identity of --serial from this list; the ledger gets the counts.",
)
@database.option
@database.new_option
@click.option("--yes", is_flag=True, help="Do not ask before a unit's count is moved.")
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default=STRICT,
    show_default=True,
    help="certification: its procedure alone. protocol: its text, too. strict: all checks.",
)
@click.option(
    "--without",
    type=click.Choice([check.name for check in CHECKS]),
    multiple=True,
    metavar="NAME",
    help="Leave out a check that the unit cannot take part in; the report says so. Repeatable."
    f" Names: {', '.join(check.name for check in CHECKS)}.",
)
@click.option(
    "--entries",
    type=whole("n", "a number of entries", 0, 1_000_000),
    help=f"Random entries; {ENTRIES} without this option, none with --manual.",
)
@click.option(
    "--seed",
    type=whole("n", "a seed", 0, 10**12 - 1),
    help="Repeat the random entries of an earlier run.",
)
@click.option(
    "--tolerance",
    type=whole("seconds", "a tolerance", 1, 3600),
    default=3,
    show_default=True,
    help="Seconds that a unit may round by.",
)
@click.option(
    "--extended",
    type=whole("value", "an extended value", 0, EXTENDED_MAX),
    help="Try extended tokens, with a value that does nothing on this unit.",
)
@click.option("--wait", is_flag=True, help="Wait for lockouts of 2 and 4 minutes in real time.")
@click.option(
    "--power-command", metavar="COMMAND", help="Takes the unit's power away and gives it back."
)
@click.option("--json", "json_file", type=FILE, metavar="FILE", help="Write the report as JSON.")
@click.option("--html", "html_file", type=FILE, metavar="FILE", help="Write it as one page.")
@click.option("--junit", "junit_file", type=FILE, metavar="FILE", help="Write it as JUnit XML.")
@click.pass_context
def command(context: click.Context, /, **_: Any) -> None:
    """Check a unit against the rules of OpenPAYGO Token, and write a report.

    It works with any unit whose console answers #TOKEN;digits and #STATUS, with any adapter
    program that speaks these lines, and with a person at a keypad. Exit code 0: every check of
    the profile that was run passed. 1: one failed, or the unit cannot be reached. 3: nothing was
    checked (wrong key, locked keypad, silent unit). 130: stopped by Ctrl-C.

    \b
    The simulated unit, with a page for a certifier:
      payg conform --sim --html report.html
    A blank unit of ours; the test identity lies in its RAM only:
      payg conform --port /dev/ttyACM0
    Any blank unit that knows #SETUP (it keeps the test identity, whose key is public):
      payg conform --port /dev/ttyUSB0 --setup --json report.json
    Any unit whose key is known, its power switched by a relay; its count moves by hundreds:
      payg conform --port /dev/ttyUSB0 --key-file test.key --starting-code 123456789 \\
        --count 1 --wait --power-command "./relay.sh"
    A unit of a list; the ledger gets its new count:
      payg conform --port /dev/ttyUSB0 --batch batch.csv --serial SLT000000001
    A decoder behind an adapter, without a lockout, for a build server:
      payg conform --command "./adapter" --yes --without lockout --junit conform.xml
    A unit with a keypad only, by the certification procedure:
      payg conform --manual --key-file test.key --profile certification
    """
    options, known = checked(context)
    check_files(options)
    identity = given_identity(options)
    without = options["without"]
    limits = limits_of(options)
    reserved = reservation_of(options, identity)
    with reached(options, known, identity, limits) as unit:
        says = identified(unit)
        trial = new_trial(unit, identity, limits)
        if reserved:
            trial.reserve = reserved
        results = run(trial, tell=tell, profile=options["profile"], without=without)
    finish(options, trial, results, report.about(trial, says, identity.count), reserved)


def limits_of(options: Options) -> Limits:
    """Return the Limits of parsed options."""
    extended, entries, seed = (options[name] for name in ("extended", "entries", "seed"))
    if extended is None and options["sim"]:
        extended = SIM_EXTENDED
    if entries is None:
        entries = 0 if options["manual"] else ENTRIES
    if options["profile"] != STRICT or "random" in options["without"]:
        entries = 0
    if seed is None:
        seed = secrets.randbelow(10**9)
    return Limits(options["tolerance"], extended, entries, seed, "sync" not in options["without"])


@contextlib.contextmanager
def reached(
    options: Options, known: bool, identity: Identity, limits: Limits
) -> Iterator[AnsweringUnit]:
    """Yield the unit when it answers, and the person agrees. Raises click.ClickException."""
    assert identity.key
    clean = Cleaner(identity.key)
    try:
        for name in REPORTS:  # an earlier report would outlive a run that checks nothing
            if options[name] and options[name].is_file():
                options[name].write_text("")
        with connect(options, known, identity) as connected:
            unit = CleanUnit(connected, clean)
            if limits.entries:
                click.echo(f"Random entries: {limits.entries}, --seed {limits.seed}")
            warn(options, known, identity, limits)
            try:
                if options["setup"]:
                    set_up(unit, identity)
                unit.greet()
            except SilentUnitError as error:
                raise NothingCheckedError(f"nothing was checked: {error}") from error
            yield unit
    except SilentUnitError as error:
        raise click.ClickException(clean(str(error))) from error


def finish(
    options: Options,
    trial: Trial,
    results: list[Result],
    facts: dict[str, object],
    reserved: Reservation | None,
) -> None:
    """Print and write the report, and exit."""
    found = report.profiles(results, trial, options["profile"])
    Console().print(report.table(results))
    click.echo("\n".join([*report.failures(results), ""]))
    for profile in found:
        click.echo(f"{profile.name + ':':15}{profile.text}")
    if options["without"]:
        click.echo(f"Left out: {', '.join(options['without'])}")
    likely = report.hint(results, trial)
    if likely:
        click.echo(likely)
    if not options["sim"]:
        tell_counts(trial, reserved)
    facts["left_out"] = list(options["without"])
    for name, make in REPORTS.items():
        if options[name]:
            write(options[name], make(facts, results, found))
    sys.exit(EXIT_CODES[found[-1].outcome])
