"""`payg flash`: MicroPython onto a blank board, and read back.

An ESP32 is written with esptool, then the flash's MD5 is read back. A Pico's boot drive takes the
image and disappears; afterwards the new MicroPython itself tells its version.
"""

import contextlib
import getpass
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from serial.tools import list_ports

from tools.station.deploy import check_board
from tools.station.prompt import Prompt

ESP32_PLACE = 0x1000  # in flash, where the combined image begins
FAST = 460_800  # baud, once esptool has the chip
ATTEMPTS = 7  # to get a chip into its boot loader
RESTART = 15  # seconds for a Pico to come back as a serial port
PICO_USB = (0x2E8A, 0x0005)  # vendor and product of MicroPython on an RP2040
DRIVE = "INFO_UF2.TXT"
BOOTSEL = (
    "Hold the board's BOOTSEL button while you plug its cable in, then repeat the same command"
)


class FlashError(Exception):
    """The board has not got MicroPython; the text says why and what to do next."""


class Esp32:
    """An ESP32's boot loader on `port`, through esptool. Raises FlashError."""

    def __init__(self, port: str, say: Callable[[str], None]) -> None:
        self.port, self._say = port, say

    def flash(self, image: bytes) -> None:
        """Erase the whole flash, write `image`, compare the MD5, restart."""
        from esptool.cmds import attach_flash, detect_chip, reset_chip
        from esptool.logger import log

        log.set_verbosity("silent")
        with self._told("looking for the chip"):
            chip = detect_chip(self.port, connect_attempts=ATTEMPTS)
        with chip:
            if chip.CHIP_NAME != "ESP32":
                raise FlashError(
                    f"the chip on {self.port} is an {chip.CHIP_NAME}, not an ESP32. Nothing was"
                    " changed. Take a board with an ESP32, or another port"
                )
            with self._told("preparing"):
                chip = self._start_stub(chip)
                chip.change_baud(FAST)
                attach_flash(chip)
                self._say(f"{self.port}: {chip.get_chip_description()}")
            chip.WRITE_FLASH_ATTEMPTS = 1  # a pulled cable is told, not waited for
            with self._told("erasing"):
                self._erase(chip)
            self._write(chip, image)
            with self._told("restarting"):
                reset_chip(chip, "hard-reset")

    @contextlib.contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Put esptool's errors into our words."""
        from esptool.util import FatalError

        try:
            yield
        except (FatalError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise FlashError(
                f"the connection to {self.port} failed while {doing} ({reason}). Check cable and"
                " port; if the board has a BOOT button, hold it. Then repeat the same command:"
                " it begins anew"
            ) from error

    def _start_stub(self, chip: Any) -> Any:
        """Run esptool's faster loader; fall back to the chip's own loader where refused."""
        from esptool.cmds import run_stub
        from esptool.util import FatalError

        try:
            return run_stub(chip)
        except FatalError:
            return chip

    def _erase(self, chip: Any) -> None:
        from esptool.cmds import detect_flash_size, erase_flash
        from esptool.util import flash_size_bytes

        self._say("Erasing ...")
        if chip.IS_STUB:
            erase_flash(chip)
        else:  # the chip's own loader erases the range to be written
            chip.flash_begin(flash_size_bytes(detect_flash_size(chip) or "4MB"), 0)

    def _write(self, chip: Any, image: bytes) -> None:
        from esptool.cmds import write_flash
        from esptool.util import FatalError

        self._say(f"Writing {len(image):,} bytes ...")
        image += b"\xff" * (-len(image) % 4)
        wished = hashlib.md5(image).hexdigest()
        with self._told("writing"):
            try:
                write_flash(chip, [(ESP32_PLACE, image)], no_progress=True)
                failure = None
            except FatalError as error:
                failure = error  # perhaps of the read back: see below
            found = chip.flash_md5sum(ESP32_PLACE, len(image))
            if failure and found == wished:
                raise failure
        if found != wished:
            raise FlashError(
                f"the flash on {self.port} reads back wrong: MD5 {found}, not {wished}. Repeat the"
                " same command; if it happens again, its flash is bad: take another board"
            )
        self._say(f"Read back right: MD5 {found}")


def mounted() -> list[Path]:
    """Return all directories where a drive may be mounted."""
    user = getpass.getuser()
    parents = ("/media", f"/media/{user}", f"/run/media/{user}", "/mnt", "/Volumes")
    return [path for parent in parents for path in sorted(Path(parent).glob("*"))]


def find_drive(places: Iterable[Path]) -> Path:
    """Return the only directory of `places` that is the boot drive of an RP2040.

    Raises FlashError if there is none, or more than one.
    """
    found: list[Path] = []
    others: list[Path] = []
    for place in places:
        with contextlib.suppress(OSError):
            text = (place / DRIVE).read_text(errors="replace")
            (found if "RPI-RP2" in text else others).append(place)
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(str(place) for place in found)
        raise FlashError(f"several boards wait for an image: {names}. Name one with --drive DIR")
    if others:
        raise FlashError(f"{others[0]} is a boot drive, but not that of an RP2040. Wrong board?")
    raise FlashError(f"no RP2040 boot drive is mounted. {BOOTSEL}; --drive DIR names its place")


def copy(image: bytes, drive: Path) -> None:
    """Write `image` onto the boot drive, which disappears afterwards. Raises FlashError."""
    done = 0
    try:
        with open(drive / "firmware.uf2", "wb", buffering=0) as file:
            while done < len(image):
                done += file.write(image[done : done + 65536])
            os.fsync(file.fileno())
    except OSError as error:
        if done < len(image):  # else: the board took all, and restarted before we let go
            raise FlashError(
                f"{drive} broke off after {done:,} of {len(image):,} bytes"
                f" ({error.strerror or error}). {BOOTSEL}"
            ) from error


def pico_ports() -> set[str]:
    """Return the names of all serial ports of MicroPython on an RP2040."""
    return {port.device for port in list_ports.comports() if (port.vid, port.pid) == PICO_USB}


def await_port(port: str | None, before: set[str]) -> str:
    """Return the port of the restarted Pico: `port`, or else a port that was absent `before`."""
    end = time.monotonic() + RESTART
    while time.monotonic() < end:
        new = {port} if port and os.path.exists(port) else pico_ports() - before
        if new and (not port or port in new):
            return new.pop()
        time.sleep(0.1)
    raise FlashError(
        f"the image was copied, but {port or 'no serial port of it'} did not appear within"
        f" {RESTART} seconds. Plug the cable in again without the button; if there is still no"
        f" port: {BOOTSEL[0].lower()}{BOOTSEL[1:]}"
    )


def flash_pico(
    image: bytes,
    drive: Path,
    port: str | None,
    say: Callable[[str], None],
    insisted: bool = False,
) -> None:
    """Put `image` onto the Pico with the boot drive `drive`, then ask the Pico for the version."""
    before = pico_ports()
    say(f"Writing {len(image):,} bytes to {drive} ...")
    copy(image, drive)
    port = await_port(port, before)
    with Prompt(port) as prompt:
        _, description = check_board(prompt, "pico", insisted)
    say(f"{port}: {description}")
