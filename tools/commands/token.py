"""`payg token`: options and what is printed."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

from tools.batches import database as ledger_db
from tools.batches.lists import ClaimedError, ListError, find, new_file, tracked
from tools.identity import COUNT, Checked, Identity, identity_from, identity_options, whole
from tools.plain import hide_keys, visible
from tools.tokens import (
    EXTENDED_MAX,
    KINDS,
    OF_THE_LIST,
    grouped,
    make_token,
    parse_days,
    value_asked,
)

if TYPE_CHECKING:  # SQLAlchemy is slow to import
    from tools.batches.ledger import Issued, Ledger
    from tools.batches.wishes import Wish


def is_given(options: dict[str, Any], name: str) -> bool:
    """Return whether an option is on the command line; a 0 is."""
    return options[name] is not None and options[name] is not False


def chosen(options: dict[str, Any]) -> tuple[str, Any]:
    """Return (kind, what was given for it); exactly one kind must be asked for."""
    asked = [kind for kind in KINDS if is_given(options, kind)]
    if len(asked) != 1:
        raise click.UsageError(
            "say exactly one of --add D, --set D, --disable, --sync, --extended V"
        )
    return asked[0], options[asked[0]]


def identity_of(options: dict[str, Any]) -> Identity:
    """Return the Identity of parsed options, which must name it whole."""
    if (options["key"] is None) == (options["key_file"] is None):
        raise click.UsageError("give the key once: --key HEX or --key-file FILE")
    for name in ("serial", "count"):
        if options[name] is None:
            raise click.UsageError(f"missing option --{name}")
    return identity_from(options)


FAR = 1_000  # counts; a unit this far ahead of its ledger is rather a mistake in typing
STOPPED = 130  # exit code after Ctrl-C
LATE = 10  # tokens in a note
NOTICE_AFTER = 1  # seconds
NAMED = 3  # serial numbers in a note
DAYS = Checked("days", parse_days)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def issue_from_list(context: click.Context, options: dict[str, Any]) -> None:
    """`payg token --batch`. Raises click.ClickException."""
    given = [
        name
        for name in OF_THE_LIST
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    ]
    if given:
        raise click.UsageError(f"the list says it: leave out --{given[0].replace('_', '-')}")
    place = ledger_db.place(options["ledger"], options["batch"])
    source = Source(options["batch"], place, options["new_ledger"])
    if options["resync"] is not None:
        if options["csv"] or options["out"] or any(is_given(options, kind) for kind in KINDS):
            raise click.UsageError("--resync goes with --batch and --serial only")
    if options["csv"] is None:
        if options["serial"] is None:
            raise click.UsageError("missing option --serial")
        for name in ("out", "allow_duplicates"):
            if options[name]:
                raise click.UsageError(f"--{name.replace('_', '-')} is for --csv")
        if options["resync"] is not None:
            resync(source, options["serial"], options["resync"], options["yes"])
            return
        kind, given = chosen(options)
        issue_one(source, options["serial"], kind, None if given is True else given)
        return
    if options["serial"] or any(is_given(options, kind) for kind in KINDS):
        raise click.UsageError("with --csv, its rows say serial, kind and value")
    duplicates: bool = options["allow_duplicates"]
    issue_many(source, options["csv"], options["out"], duplicates)


class Source(NamedTuple):
    """Where the tokens come from: list, and place of the ledger. new_ledger: begin the ledger."""

    batch: Path
    place: str
    new_ledger: bool

    def ledger(self) -> Ledger:
        """Open the ledger. Raises LedgerError."""
        from tools.batches.ledger import open_for_counts

        return open_for_counts(self.place, self.new_ledger)

    def last(self, serial: str) -> str:
        """Return the command that prints the newest token of a unit."""
        return f"payg ledger last {serial} --batch {self.batch}{self._named()}"

    def history(self, serial: str) -> str:
        """Return the command that prints all tokens of a unit."""
        return f"payg ledger show {serial}{self._named(Path())}"

    def day(self, day: date) -> str:
        """Return the command that prints all tokens of a day."""
        return f"payg ledger day {day}{self._named(Path())}"

    def _named(self, folder: Path | None = None) -> str:
        """Return --ledger if the ledger is not in `folder`, without `folder` the list's folder."""
        beside = ledger_db.place(None, (self.batch.parent if folder is None else folder) / "list")
        if self.place == beside:
            return ""
        return f" --ledger {'URL' if '://' in self.place else self.place}"


def issue_one(source: Source, serial: str, kind: str, given: Fraction | int | None) -> None:
    """Issue a token for one unit of the list, and print it."""
    from tools.batches.issuing import order_of, sms
    from tools.batches.wishes import Wish

    wish = Wish(serial, kind, given)
    unit = find(source.batch, [serial])[serial]
    try:
        orders = [order_of(unit, wish)]
    except ValueError as error:
        raise click.UsageError(f"--{kind}: {error}") from error
    with source.ledger() as ledger:
        # A wipe that was begun and not finished needs a service token; no other kind works there.
        refuse = ledger.refuse_other_keys if kind == "extended" else ledger.refuse_keys
        refuse([(serial, unit.key)])
        note_blank(ledger, {serial})
        note_free(ledger, [wish])
        with Patience() as patience:
            (issued,) = ledger.issue(orders, step=patience.step)
    with printed(f"the token is in the ledger, and {source.last(serial)} prints the token again"):
        show(issued, sms(wish, issued.digits))


class Patience:
    """A context manager that tells of tokens that take longer than NOTICE_AFTER to make."""

    def __enter__(self) -> Patience:
        text = "Note: making tokens; at a high count each token takes seconds to minutes"
        self._made = 0
        self._notice = threading.Timer(NOTICE_AFTER, click.echo, (text,), {"err": True})
        self._notice.daemon = True
        self._told = time.monotonic()
        self._notice.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._notice.cancel()

    def step(self) -> None:
        """Count a token that was made."""
        self._made += 1
        if time.monotonic() > self._told + NOTICE_AFTER:
            self._told = time.monotonic()
            click.echo(f"Note: {ledger_db.counted(self._made, 'token')} made", err=True)


@contextlib.contextmanager
def printed(kept: str) -> Iterator[None]:
    """Raise click.ClickException if the output cannot be written. kept: what is safe, in words."""
    try:
        yield
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the rest is lost, too
        raise click.ClickException(f"cannot print: {error.strerror}; {kept}") from error


def show(issued: Issued, message: str) -> None:
    """Print an issued token with the message to send."""
    click.echo(f"token {grouped(issued.digits)}")
    click.echo(f"count {issued.count}")
    click.echo(f"sms   {message}")


def resync(source: Source, serial: str, reported: int, sure: bool) -> None:
    """Issue the tokens after which a unit and the ledger have the same count, and print them."""
    from tools.batches.issuing import order_of, sms
    from tools.batches.wishes import Wish

    unit = find(source.batch, [serial])[serial]
    wish = Wish(serial, "sync", None)
    with source.ledger() as ledger:
        ledger.refuse_keys([(serial, unit.key)])
        known = max(unit.count, ledger.count(serial) or 0)
        if reported > known + FAR and not sure:
            raise click.ClickException(
                f"count {reported:,} is more than {FAR:,} ahead of the ledger's, {known:,}, and a"
                " count never sinks. Read the status page again; if it is right, add --yes"
            )
        late = [token for token in ledger.tokens(serial) if token.count > reported]
        with Patience() as patience:
            made = ledger.resync(order_of(unit, wish), reported, patience.step)
    with printed(f"the tokens are in the ledger, and {source.history(serial)} prints them again"):
        for step, issued in enumerate(made, 1):
            show(issued, sms(wish, issued.digits, step, len(made)))
    text = f"Note: the ledger had count {known}; unit and ledger now meet at {made[-1].count}"
    click.echo(text, err=True)
    if len(made) > 1:
        click.echo(
            f"Note: enter these {len(made)} tokens in this sequence, 1/{len(made)} first", err=True
        )
    note_worthless(late, unit.time_divider, source.history(serial))


def note_worthless(late: Sequence[Issued], time_divider: int, history: str) -> None:
    """Note the tokens of value that cannot be entered after a sync, the newest ones by name.

    history: the command that names all of them.
    """
    from tools.batches.issuing import worth

    lost = [token for token in late if token.kind != "sync"]
    names = [
        f"{worth(token.kind, token.value, time_divider)} (count {token.count})"
        for token in lost[-LATE:]
    ]
    if len(lost) > LATE:
        names.insert(0, f"{len(lost) - LATE:,} older tokens ({history} names them)")
    if lost:
        click.echo(
            f"Note: after this sync the unit refuses {', '.join(names)}. If the customer did not"
            f" enter {'these tokens' if len(lost) > 1 else 'this token'}, issue the same value"
            " again",
            err=True,
        )


def issue_many(source: Source, requests: Path, out: Path | None, allow_duplicates: bool) -> None:
    """Issue the tokens that the file `requests` asks for, all or none; write them to `out`."""
    out = out or requests.with_name(f"{requests.stem}-tokens.csv")
    stopping = Stopping()
    try:
        with stopping:
            number = issue_file(source, requests, out, allow_duplicates, stopping)
    except KeyboardInterrupt:
        click.echo("Stopped. No token was issued.", err=True)
        sys.exit(STOPPED)
    if stopping.late:
        click.echo(f"Stopped after the tokens were issued; they are in {out}", err=True)
        sys.exit(STOPPED)
    with printed(f"the tokens were issued, and are in {out}"):
        click.echo(f"{out}: {ledger_db.counted(number, 'token')}")


class Stopping:
    """A context manager for Ctrl-C: KeyboardInterrupt, but after `defer` only `late` is set."""

    def __init__(self) -> None:
        self.late = False

    def __enter__(self) -> None:
        self._before = signal.getsignal(signal.SIGINT)

    def __exit__(self, *error: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def defer(self) -> None:
        """From now on Ctrl-C no longer stops: tokens are issued, and their file gets its name."""

        def later(_number: int, _frame: object) -> None:
            self.late = True

        signal.signal(signal.SIGINT, later)


def issue_file(
    source: Source, requests: Path, out: Path, allow_duplicates: bool, stopping: Stopping
) -> int:
    """Do the work of issue_many; return how many tokens are in `out`."""
    from tools.batches.issuing import plan, write_tokens
    from tools.batches.wishes import read_wishes, told

    def write(issued: list[Issued]) -> None:
        write_tokens(file, asked, issued, wishes.extra)
        stopping.defer()

    wishes = read_wishes(requests, allow_duplicates)
    orders, more, keys = plan(source.batch, wishes.asked)
    for number, problem in told(wishes.problems + more):
        click.echo(f"{requests}:{number}: {visible(hide_keys(problem))}", err=True)
    if wishes.problems or more:
        raise click.ClickException("no token was issued; put these lines right and repeat")
    asked = [wish for _, wish in wishes.asked]
    with contextlib.ExitStack() as held:
        try:
            file = held.enter_context(new_file(out, claim=True))
        except ClaimedError as error:
            raise ListError(cut_short(source, error.part, out)) from error
        except ListError as error:
            raise ListError(f"no token was issued: {error.message}") from error
        ledger = held.enter_context(source.ledger())
        ledger.refuse_keys(keys)
        note_blank(ledger, {wish.serial for wish in asked})
        note_free(ledger, asked)
        bar = tracked(range(len(orders)), len(orders), "Making tokens")
        # The file is on the disk before the ledger counts its tokens as issued.
        ledger.issue(orders, before_commit=write, step=lambda: next(bar))
        bar.close()
    return len(orders)


def cut_short(source: Source, part: Path, out: Path) -> str:
    """Return the refusal of a run while the file `part` of an earlier run is there.

    The tokens of a run that was killed may be in the ledger, and their messages only in `part`.
    """
    with contextlib.suppress(OSError):
        day = date.fromtimestamp(part.stat().st_mtime)
        move = shlex.join(["mv", str(part), str(out)])
        return (
            f"no token was issued: {part} is there. If another start of this command is writing"
            " the file, wait for its end. If an earlier start was cut short, its tokens may have"
            f" been issued and be in this file only: compare the file with `{source.day(day)}`. If"
            f" the ledger has the tokens, keep the file (`{move}`) and send the tokens; if the"
            " ledger has none of them, delete the file and repeat"
        )
    return f"no token was issued: {part} was there, and another start has ended: repeat"


def note_blank(ledger: Ledger, serials: set[str]) -> None:
    """Note how many of `serials`, a set, the ledger does not know as provisioned."""
    blank = serials - ledger.provisioned_ones(serials)
    if blank:
        some = f"{min(blank)} is" if len(blank) == 1 else f"{len(blank):,} of the units are"
        click.echo(f"Note: {some} not provisioned as far as this ledger knows", err=True)


def note_free(ledger: Ledger, wishes: Sequence[Wish]) -> None:
    """Note the units with an addition or a set that are free as far as the ledger knows."""
    from tools.batches.issuing import free_before

    free = sorted(free_before(ledger.free_ones({wish.serial for wish in wishes}), wishes))
    if free:
        names = ", ".join(free[:NAMED]) + (", ..." if len(free) > NAMED else "")
        some = f"{names} is" if len(free) == 1 else f"{len(free):,} of the units ({names}) are"
        click.echo(
            f"Note: {some} free as far as this ledger knows: an addition changes nothing on a free"
            " unit, and a set token ends the free use",
            err=True,
        )


@click.command(name="token")
@identity_options
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="Read the key from this file: other users see a command's options.",
)
@click.option("--add", type=DAYS, help="Add this many days, up to 995: 30, 0.5, 1/24.")
@click.option("--set", type=DAYS, help="Set the days left; also locks a free unit again.")
@click.option("--disable", is_flag=True, help="Unlock the unit for good.")
@click.option("--sync", is_flag=True, help="Bring the unit's count up to the server's.")
@click.option(
    "--resync",
    type=COUNT,
    metavar="COUNT",
    help="With --batch: the count on the unit's status page; unit and ledger meet above both.",
)
@click.option("--yes", is_flag=True, help=f"The COUNT is right, though {FAR:,} ahead.")
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
@click.option(
    "--allow-duplicates",
    is_flag=True,
    help="Rows of the same serial number, kind and value are meant, and each gets a token.",
)
@ledger_db.option
@ledger_db.new_option
@click.pass_context
def command(context: click.Context, /, **options: Any) -> None:
    """Print the next token of a unit, and the count that it brings.

    With --batch the list has the unit's key and the ledger its count: neither is typed, and a
    count is never used twice. A list that is new here has no ledger: add --new-ledger once. The
    kinds in a --csv are add and set (value: days), disable, sync, extended (value: 0 to 999999).
    All of its tokens are issued, or none. Its columns are found by the names in the header
    (serial, kind, value); further columns, such as phone or name, go into the output as they are.

    Without --batch, --count is the count of the unit's last token; give the printed one next
    time. Additions and extended tokens take the next even count, all others the next odd one.

    \b
    The protocol's published example, one day:
      payg token --serial A1 --key a29ab82edc5fbbc41ec9530f6dac86b1 \\
        --starting-code 123456789 --count 1 --add 1
    Thirty days more for a unit of a list:
      payg token --batch batch.csv --serial SLT000000001 --add 30
    The unit shows count 311, and the ledger has another one (kit, lost ledger, other laptop):
      payg token --batch batch.csv --serial SLT000000001 --resync 311
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
    for name in ("csv", "out", "allow_duplicates", "resync", "new_ledger"):
        if is_given(options, name):
            raise click.UsageError(f"--{name.replace('_', '-')} needs --batch")
    kind, given = chosen(options)
    identity = identity_of(options)
    value = given
    if kind in ("add", "set"):
        try:
            value = value_asked(kind, given, identity.time_divider)
        except ValueError as error:
            raise click.UsageError(f"--{kind}: {error}") from error
    count, digits = make_token(identity, kind, value)
    click.echo(f"token {digits}")
    click.echo(f"count {count}")
