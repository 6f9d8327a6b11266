"""`payg flash --board esp32`: the real esptool against a model of the chip's boot loader."""

import random

import pytest
from click.testing import CliRunner

from tests_host.station.rom import ESP32S3, FLASH, Rom
from tools.commands.flash import command
from tools.station import flash as flashing

PLACE = 0x1000


@pytest.fixture
def chip():
    """Function that makes a chip; see rom.Rom."""
    chips = []

    def make(**options):
        chips.append(Rom(**options))
        return chips[-1]

    yield make
    for made in chips:
        made.close()


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """An image that could be the ESP32's, its size no multiple of a block."""
    content = bytearray(random.Random(6).randbytes(70_001))
    content[:16] = b"\xe9\x01\x02\x20" + bytes(12)
    path = tmp_path_factory.mktemp("image") / "esp32.bin"
    path.write_bytes(content)
    return path


def flash(port, image):
    """Return (exit code, everything it said)."""
    result = CliRunner().invoke(
        command, ["--board", "esp32", "--port", port, "--image", str(image)]
    )
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def holds(rom, image):
    """Is the chip's flash erased but for the image?"""
    data = image.read_bytes()
    end = PLACE + len(data)
    around = set(rom.flash[:PLACE]) | set(rom.flash[end:])
    return rom.flash[PLACE:end] == data and around == {0xFF}


def test_a_board_is_erased_written_and_read_back(chip, image):
    rom = chip()
    code, said = flash(rom.url, image)
    assert code == 0, said
    assert holds(rom, image)
    assert rom.erased >= FLASH
    assert "Erasing" in said and "Writing 70,001 bytes" in said and "Read back right: MD5" in said


def test_another_chip_is_refused_before_anything_is_erased(chip, image):
    rom = chip(security_info=ESP32S3)
    code, said = flash(rom.url, image)
    assert code == 1
    assert "ESP32-S3, not an ESP32" in said and "Nothing was changed" in said
    assert set(rom.flash) == {0xA5}


def test_a_bit_that_does_not_clear_is_found_by_reading_back(chip, image):
    data = image.read_bytes()
    at = next(at for at in range(30_000, len(data)) if not data[at] & 1)
    code, said = flash(chip(broken=PLACE + at).url, image)
    assert code == 1
    assert "reads back wrong" in said and "take another board" in said
    assert "Flashed" not in said


@pytest.mark.parametrize("block", [0, 1, 33, 68])
def test_a_cable_pulled_midway_is_told_and_flashed_again(chip, image, block):
    rom = chip(pulled_at=block)
    code, said = flash(rom.url, image)
    assert code == 1
    assert "failed while writing" in said and "repeat the same command" in said
    rom.pulled_at = None
    rom.plug()
    code, said = flash(rom.url, image)
    assert code == 0 and holds(rom, image), said


def test_a_chip_that_does_not_answer(chip, image, monkeypatch):
    monkeypatch.setattr(flashing, "ATTEMPTS", 1)
    code, said = flash(chip(deaf=True).url, image)
    assert code == 1
    assert "failed while looking for the chip" in said and "hold it" in said


def test_a_port_that_is_not_there(image, tmp_path):
    code, said = flash(str(tmp_path / "ttyX"), image)
    assert code == 1
    assert "there is no port" in said, "noticed before anything is downloaded"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x7fELF" + bytes(70_000), "does not begin with a boot loader"),
        (b"\xe9" + bytes(11) + b"\x09" + bytes(70_000), "another chip (number 9"),
        (b"\xe9" + bytes(100), "does not begin"),
        (b"\xe9" + bytes(4 << 20), "more than the flash holds"),
    ],
)
def test_an_image_that_is_not_the_esp32s_is_refused(tmp_path, content, words):
    path = tmp_path / "image.bin"
    path.write_bytes(content)
    code, said = flash("socket://127.0.0.1:1", path)
    assert code == 1 and words in said and "ESP32_GENERIC" in said


def test_without_a_port_it_says_so():
    result = CliRunner().invoke(command, ["--board", "esp32"])
    assert result.exit_code == 2 and "--port" in result.output
