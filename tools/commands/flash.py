"""`payg flash`: options and what is printed."""

from pathlib import Path

import click

from tools.boards import BOARDS
from tools.station import images
from tools.station.deploy import DeployError
from tools.station.flash import Esp32, FlashError, find_drive, flash_pico, mounted
from tools.station.prompt import PortError, RefusedError, check_port
from tools.station.versions import untested_option


@click.command(name="flash")
@click.option("--board", required=True, type=click.Choice(list(images.IMAGES)), help="The board.")
@click.option("--port", metavar="PORT", help="Serial port. An ESP32 needs it.")
@click.option(
    "--image",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"Use this image, not the official one of MicroPython {images.VERSION}.",
)
@click.option(
    "--drive",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where a Pico's boot drive is mounted, if it is not found.",
)
@untested_option
def command(
    board: str,
    port: str | None,
    image: Path | None,
    drive: Path | None,
    untested_version: bool,
) -> None:
    """Put MicroPython on a board. An ESP32 is erased first: identity and credit on it are lost.

    \b
    A Raspberry Pi Pico, plugged in while its BOOTSEL button is held:
      payg flash --board pico
    An ESP32:
      payg flash --board esp32 --port /dev/ttyUSB0
    """
    is_pico = BOARDS[board].chip == "rp2040"
    if not is_pico and not port:
        raise click.UsageError("an ESP32 needs --port")
    try:
        if is_pico:  # is the board there? Then a download is worth while
            drive = find_drive([drive] if drive else mounted())
        elif port:
            check_port(port)
        data = images.find(board, click.echo, image, insisted=untested_version)
        if drive:
            flash_pico(data, drive, port, click.echo, untested_version)
        elif port:
            Esp32(port, click.echo).flash(data)
    except (images.ImageError, FlashError, PortError, DeployError, RefusedError) as error:
        raise click.ClickException(str(error)) from error
    click.echo("Flashed. Next: payg deploy")
