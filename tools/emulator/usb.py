"""The other end of the emulated Pico's USB cable."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rp2040py.usb.cdc import USBCDC

WAKE_NS = 10_000  # emulated time until the guest sees typed bytes
PUMP_NS = 1_000_000  # between two looks at the guest's progress
ROOM = 256  # most bytes waiting inside the emulator, where bytes beyond 512 are lost


class QuietHost:
    """Keeps the emulated USB host from answering each read of the guest with an empty packet.

    The stock host sends an empty packet every 10 us and keeps the guest awake for ever. Here a
    read is left unanswered until there is data to send.
    """

    def __init__(self, cdc: USBCDC) -> None:
        self._cdc = cdc
        assert cdc.usb.on_endpoint_read and cdc.usb.on_reset
        self._answer = cdc.usb.on_endpoint_read
        self._send = cdc.send_serial_byte
        self._forget = cdc.usb.on_reset
        self._waiting: int | None = None
        self._alarm = cdc.usb.rp2040.clock.create_alarm(self._wake)
        self._alarmed = False
        cdc.usb.on_endpoint_read = self._read
        cdc.usb.on_reset = self._reset
        cdc.send_serial_byte = self._type  # type: ignore[method-assign]

    def _read(self, endpoint: int, size: int) -> None:
        cdc = self._cdc
        idle = cdc.tx_fifo.empty and cdc._pending_line_coding is None
        if idle and endpoint == cdc._out_endpoint:
            self._waiting = size
        else:
            self._answer(endpoint, size)

    def _type(self, data: int) -> None:
        self._send(data)
        if self._waiting is not None and not self._alarmed:
            self._alarmed = True
            self._alarm.schedule(WAKE_NS)

    def _wake(self) -> None:
        self._alarmed = False
        if self._waiting is not None and not self._cdc.tx_fifo.empty:
            size, self._waiting = self._waiting, None
            self._answer(self._cdc._out_endpoint, size)

    def _reset(self) -> None:
        self._waiting = None
        self._forget()


class Cable:
    """Bytes to and from the guest's console, at the guest's speed.

    `heard(data)`: called with the guest's output.
    """

    def __init__(self, cdc: USBCDC, heard: Callable[[bytes | bytearray], None]) -> None:
        QuietHost(cdc)
        self._cdc = cdc
        self._typed = bytearray()
        self._alarm = cdc.usb.rp2040.clock.create_alarm(self._pump)
        cdc.on_serial_data = heard

    @property
    def untaken(self) -> int:
        """Number of bytes that the guest has not fetched."""
        return len(self._typed) + self._cdc.tx_fifo.item_count

    @property
    def connected(self) -> bool:
        """Is the guest's USB up? Before, typing is not possible."""
        return self._cdc._initialized

    def type(self, data: bytes) -> None:
        """Send bytes to the guest."""
        self._typed += data
        self._pump()

    def _pump(self) -> None:
        cdc = self._cdc
        while self._typed and self.connected and cdc.tx_fifo.item_count < ROOM:
            cdc.send_serial_byte(self._typed.pop(0))
        if self._typed:
            self._alarm.schedule(PUMP_NS)
