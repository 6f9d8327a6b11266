"""`payg wipe`: options and what is printed."""

import platform
from pathlib import Path

import click

from tools.batches import database as ledger_db
from tools.batches.ledger import open_for_counts
from tools.batches.lists import find
from tools.seconds import duration
from tools.station.prompt import PortError, Prompt, check_port
from tools.station.selftest import key_check
from tools.station.wipe import Found, WipeError, erase, who


@click.command(name="wipe")
@click.option("--port", required=True, metavar="PORT", help="Serial port of the unit.")
@click.option(
    "--batch",
    required=True,
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The list (CSV) that the unit was made with.",
)
@ledger_db.option
@ledger_db.new_option
@click.option(
    "--station", default=platform.node(), metavar="NAME", help="Of this computer, in the ledger."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(
    port: str, batch: Path, ledger: str | None, new_ledger: bool, station: str, yes: bool
) -> None:
    """Make a unit in service mode blank again: wrong list at the station, refurbished, sold on.

    The ledger gets the unit's count first, and never gives the unit's key and starting code again:
    the tokens that were issued for them would work again. The serial number's row of the list is
    used up. `payg provision` gives the unit a new row. The board's calibration stays.

    \b
    Type the service token on the keypad; the unit restarts into service mode. Then wipe the unit:
      payg token --batch batch.csv --serial SLT000000001 --extended 1
      payg wipe --port /dev/ttyACM0 --batch batch.csv
    Give the unit a new identity:
      payg provision --port /dev/ttyACM0 --batch batch.csv --serial next
    """
    try:
        check_port(port)
        with (
            open_for_counts(ledger_db.place(ledger, batch), new_ledger) as book,
            Prompt(port) as prompt,
        ):
            found = who(prompt)
            if found is None:
                prompt.restart()
                click.echo("The unit is blank. Nothing was changed; the unit restarts.")
                return
            key = _key(found, batch)
            click.echo(_consequences(found))
            if not yes:
                click.confirm("Wipe it?", abort=True)
            book.refuse_other_keys([(found.serial, key)])
            again = who(prompt)  # the unit may be away since the question
            if again is None or again[:3] != found[:3]:
                raise WipeError("it is another unit now. Nothing was changed. Begin again")
            book.wiped(found.serial, station, key, found.key_check, found.count)
            erase(prompt)
    except (PortError, WipeError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(
        f"{found.serial} is wiped: the unit restarts blank, the ledger has count {found.count}."
    )


def _key(found: Found, batch: Path) -> bytes:
    """Return the unit's key from its list. Raises WipeError, ListError."""
    key: bytes = find(batch, [found.serial])[found.serial].key
    if key_check(key) != found.key_check:
        raise WipeError(
            f"{found.serial} has another key than the list. Nothing was changed. Find the list"
            " that the unit was made with"
        )
    return key


def _consequences(found: Found) -> str:
    left = "It is unlocked for good, and that ends"
    if found.left is not None:
        left = f"Its credit, {duration(found.left)}, is lost" if found.left else "It has no credit"
    return (
        f"{found.serial} has count {found.count}. {left}. No token works on it any more, and its"
        " serial number is given to no other unit of this list."
    )
