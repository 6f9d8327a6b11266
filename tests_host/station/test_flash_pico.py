"""`payg flash --board pico` and the images. A directory is the boot drive; MicroPython answers."""

import http.server
import os
import resource
import struct
import threading

import pytest
from click.testing import CliRunner

from tests_host.helpers.board_on_cable import ESP32
from tools.commands.flash import command
from tools.station import flash, images

NAME = b"MicroPython v1.28.0 on 2026-04-06; Raspberry Pi Pico with RP2040"
FAMILY = 0xE48BFF56
INFO = "UF2 Bootloader v3.0\nModel: Raspberry Pi RP2\nBoard-ID: RPI-RP2\n"


def block(number, total, address, family=FAMILY, magic=0x9E5D5157, length=256):
    """One block of a UF2 file."""
    text = NAME.ljust(256, b"\0") + bytes(220)
    head = (0x0A324655, magic, 0x2000, address, length, number, total, family)
    return struct.pack("<8I476sI", *head, text, 0x0AB16F30)


def uf2(**options):
    """Bytes of an image that could be the Pico's; `options` as in `block`."""
    return b"".join(block(at, 40, 0x1000_0000 + at * 256, **options) for at in range(40))


@pytest.fixture
def image(tmp_path):
    """Path of a good image."""
    path = tmp_path / "pico.uf2"
    path.write_bytes(uf2())
    return path


@pytest.fixture
def drive(tmp_path):
    """A boot drive."""
    path = tmp_path / "RPI-RP2"
    path.mkdir()
    (path / "INFO_UF2.TXT").write_text(INFO)
    return path


def run(*arguments):
    """Return (exit code, everything it said)."""
    result = CliRunner().invoke(command, ["--board", "pico", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def copied(drive):
    """Return the names of the files that arrived on the drive."""
    return sorted(path.name for path in drive.iterdir() if path.name != "INFO_UF2.TXT")


def test_the_image_is_copied_and_the_new_micropython_says_who_it_is(plug_in, drive, image):
    code, said = run("--image", image, "--drive", drive, "--port", plug_in().port)
    assert code == 0, said
    assert (drive / "firmware.uf2").read_bytes() == image.read_bytes()
    assert "Raspberry Pi Pico with RP2040, MicroPython 1.28.0" in said and "Flashed" in said


def test_another_board_on_the_port_is_told(plug_in, drive, image):
    unit = plug_in(machine=ESP32)
    code, said = run("--image", image, "--drive", drive, "--port", unit.port)
    assert code == 1 and "no pico" in said and "Flashed" not in said


def test_a_port_that_does_not_appear(drive, image, tmp_path, monkeypatch):
    monkeypatch.setattr(flash, "RESTART", 0.2)
    code, said = run("--image", image, "--drive", drive, "--port", tmp_path / "ttyX")
    assert code == 1 and "did not appear" in said and "hold the board's BOOTSEL" in said


def test_a_drive_that_goes_away_midway_is_told(drive, image):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(flash.FlashError, match="broke off after 4,096 of 20,480 bytes"):
            flash.copy(image.read_bytes(), drive)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_the_boot_drive_is_found_among_others(drive, tmp_path):
    (tmp_path / "stick").mkdir()
    places = [tmp_path / "stick", tmp_path / "nothing", drive]
    assert flash.find_drive(places) == drive
    with pytest.raises(
        flash.FlashError, match="no RP2040 boot drive is mounted. Hold the board's"
    ):
        flash.find_drive(places[:2])
    with pytest.raises(flash.FlashError, match="several boards"):
        flash.find_drive([drive, drive])
    (drive / "INFO_UF2.TXT").write_text("Board-ID: RP2350\n")
    with pytest.raises(flash.FlashError, match="not that of an RP2040"):
        flash.find_drive(places)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not whole UF2 blocks"),
        (uf2()[:-100], "not whole UF2 blocks"),
        (uf2()[:-512], "a download cut short?"),
        (uf2(magic=0), "magic numbers"),
        (uf2(family=0xE48BFF59), "another chip (family 0xe48bff59"),
        (uf2(length=512), "not a page of the Pico's flash"),
        (block(0, 1, 0x1020_0000), "not a page of the Pico's flash"),
        (block(0, 1, 0x1000_0010), "not a page of the Pico's flash"),
        (block(0, 1, 0x1000_0100), "nothing is at the start"),
        (block(0, 2, 0x1000_0000) + block(1, 2, 0x1000_0000), "the same address"),
        (uf2().replace(b" with RP2040", b" with coffee"), "does not call itself MicroPython"),
    ],
)
def test_an_image_that_is_not_the_picos_is_refused(drive, tmp_path, content, words):
    path = tmp_path / "image.uf2"
    path.write_bytes(content)
    code, said = run("--image", path, "--drive", drive)
    assert code == 1 and words in said and "RPI_PICO" in said
    assert copied(drive) == []


class Site(http.server.BaseHTTPRequestHandler):
    """A download site that has one image for every name."""

    content, asked = b"", 0

    def do_GET(self):
        """Answer with the image."""
        type(self).asked += 1
        self.send_response(200)
        self.send_header("Content-Length", "20480")
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def site(monkeypatch):
    """The download site; set its `content`."""
    kind = type("OneSite", (Site,), {})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(images, "DOWNLOADS", f"http://127.0.0.1:{server.server_port}/")
    yield kind
    server.shutdown()
    server.server_close()


def test_the_official_image_is_downloaded_once_and_kept(site, tmp_path):
    site.content = uf2()
    said = []
    for _ in range(2):
        assert images.find("pico", said.append, cache=tmp_path / "cache") == uf2()
    assert site.asked == len(said) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [(uf2()[:5000], "cannot be downloaded"), (uf2(magic=1), "magic numbers")],
    ids=["cut short", "wrong"],
)
def test_a_bad_download_is_not_kept(site, tmp_path, content, words):
    site.content = content
    with pytest.raises(images.ImageError, match=words):
        images.find("pico", print, cache=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_without_a_network_it_says_what_to_fetch(drive, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(images, "DOWNLOADS", "http://127.0.0.1:1/")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    code, said = run("--drive", drive)
    assert code == 1 and "another computer" in said and "--image FILE" in said
    assert images.IMAGES["pico"] in said


@pytest.mark.skipif("MICROPYTHON_UF2" not in os.environ, reason="needs the Pico's image")
def test_the_real_image_is_taken():
    with open(os.environ["MICROPYTHON_UF2"], "rb") as file:
        assert images.check_uf2(file.read()) is None
