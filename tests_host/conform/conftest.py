"""Units on cables, as the tests of the station have them."""

from tests_host.station.conftest import pico_build, plug_in

__all__ = ("pico_build", "plug_in")
