"""`payg verify`: options and what is printed."""

from pathlib import Path

import click

from tools.batches.lists import ListError, read_list
from tools.station.build import TARGETS, BuildError
from tools.station.console import ConsoleError
from tools.station.deploy import DeployError
from tools.station.prompt import PortError, RefusedError
from tools.station.verify import VerifyError, verify
from tools.station.versions import untested_option


@click.command(name="verify")
@click.option("--port", required=True, metavar="PORT", help="Serial port of the unit.")
@click.option(
    "--batch",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The list (CSV) that the unit was made with: its key is compared, too.",
)
@click.option("--board", type=click.Choice(list(TARGETS)), help="Refuse every other board.")
@click.option(
    "--custom",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own board file, as it was deployed.",
)
@untested_option
def command(
    port: str,
    batch: Path | None,
    board: str | None,
    custom: Path | None,
    untested_version: bool,
) -> None:
    """Compare a unit with this checkout and with its list; nothing on it is changed.

    \b
    Before sealing or in service mode, every file byte for byte:
      payg verify --port /dev/ttyACM0
    Sealed: seal, firmware version, and whether it has the list's key:
      payg verify --port /dev/ttyACM0 --batch batch.csv
    """
    try:
        rows = {row.serial: row.key for row in read_list(batch)} if batch else None
        verify(port, board, custom, rows, click.echo, untested_version)
    except (BuildError, ListError, DeployError, VerifyError, PortError, ConsoleError) as error:
        raise click.ClickException(str(error)) from error
    except RefusedError as error:
        raise click.ClickException(
            f"the unit on {port} refused: {error}. Repeat the same command"
        ) from error
