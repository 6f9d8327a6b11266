"""One emulated RP2040 with a Pico's flash, from power on to power off, in lockstep.

The emulator is rp2040py 0.3.6, whose inner loop is called here directly: the guest runs exactly
until the time given to `run_until`, so a run is the same each time. Cycles are 8 ns, as at 125
MHz.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ParamSpec, Protocol

from tools.emulator.usb import Cable

if TYPE_CHECKING:
    from rp2040py.clock.clock import IAlarm

P = ParamSpec("P")
FLASH = 2 << 20
SECTOR = 4096
FILE_SYSTEM = 0xA0000  # start of the image's file system
FILE_SYSTEM_END = FLASH  # end of the image's file system
START = 0x1000_0000
CYCLE_NS = 8
ERASES = {0x20: 1, 0xD8: 16}  # command -> sectors
PROGRAM = 0x02


class FlashStore(Protocol):
    """The file system's part of a flash, such as tools.sim.chips.flash.Flash."""

    sectors: int

    def erase(self, sector: int) -> None:
        """Erase a sector."""

    def program(self, offset: int, data: bytes) -> None:
        """Program bytes of one page."""

    def read(self, offset: int, buffer: bytearray) -> None:
        """Fill `buffer`."""


class Pico:
    """The chip.

    `image`: path of MicroPython's UF2; `files`: bytes of the file system; `heard(data)`: called
    with the guest's USB output; `store`: erases and programs the file system's part of the flash
    in place of the emulator (with erase(sector), program(offset, data), read(offset, buffer) as in
    tools.sim.chips.flash.Flash), or None; `on_reset()`: called after a reset by the chip itself;
    `plugged`: a USB host is connected; `stalled`: ns for which the flash held the guest up.
    """

    def __init__(
        self,
        image: str,
        files: bytes | None = None,
        heard: Callable[[bytes | bytearray], None] | None = None,
        plugged: bool = True,
    ) -> None:
        from rp2040py.boards import BoardSpec
        from rp2040py.device import MicroPythonDevice

        self._device = MicroPythonDevice(board=BoardSpec(image=image))
        self._simulator = self._device.simulator
        self.mcu = self._device.mcu
        self.store: FlashStore | None = None
        self.on_reset: Callable[[], None] | None = None
        self.stalled = 0
        self.resets = 0
        self._clock = self.mcu.clock
        self._fault: BaseException | None = None
        self._halted = False
        if files is not None:
            self.mcu.flash[FILE_SYSTEM : FILE_SYSTEM + len(files)] = files
        self.cable = Cable(self._device.cdc, heard or (lambda data: None))
        if not plugged:
            self.mcu.usb_ctrl.on_usb_enabled = None
        self.mcu.watchdog.on_watchdog_trigger = self._bite
        self._apply = self.mcu.ssi._apply_command
        self.mcu.ssi._apply_command = self._command  # type: ignore[method-assign]
        self._alarm = self._clock.create_alarm(self._simulator.stop)
        self.mcu.core.pc = START

    # --- time ----------------------------------------------------------------------------

    @property
    def nanos(self) -> int:
        """Emulated nanoseconds since power on."""
        return int(self._clock.nanos)

    @property
    def busy(self) -> int:
        """Nanoseconds, since power on, for which the guest was awake."""
        return self.mcu.core.cycles * CYCLE_NS + self.stalled

    def run_until(self, nanos: float) -> None:
        """Let the guest run until `nanos`, or `halt`. Raises exceptions caught by `guarded`."""
        from rp2040py.execute_batch import execute_batch

        simulator = self._simulator
        left = nanos - self._clock.nanos
        if left <= 0 or self._halted:
            return
        self._alarm.schedule(left)
        simulator.stopped = False
        while not simulator.stopped:
            execute_batch(simulator, 1)
        self._alarm.cancel()
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault

    def wakes_until(self, nanos: float) -> list[tuple[int, int]]:
        """Like `run_until`, slowly; return [(time of waking, ns awake)], the last
        of them whole.
        """
        core, clock = self.mcu.core, self._clock
        found: list[tuple[int, int]] = []
        woke: float | None = None
        before = 0
        self._alarm.schedule(nanos - clock.nanos)  # or sleep would jump over the end
        while clock.nanos < nanos or woke is not None:
            if core.waiting:
                if woke is not None:
                    found.append((int(woke), self.busy - before))
                    woke = None
                if clock.nanos < nanos:
                    clock.tick(clock.nanos_to_next_alarm)
            else:
                if woke is None:
                    woke, before = clock.nanos, self.busy
                clock.tick(core.execute_instruction() * CYCLE_NS)
        return found

    def pause(self) -> None:
        """Return from `run_until` at once. To be called from inside."""
        self._simulator.stop()

    def halt(self) -> None:
        """Fail the supply: never run again."""
        self._halted = True
        self.pause()

    def at(self, delay: float, action: Callable[[], None]) -> IAlarm:
        """Call `action()` in `delay` ns of emulated time."""
        alarm = self._clock.create_alarm(action)
        alarm.schedule(delay)
        return alarm

    def stall(self, nanos: int) -> None:
        """Let time pass with the guest held up, as during a flash write."""
        if not self._halted:
            self.stalled += nanos
            self._clock.tick(nanos)

    def guarded(self, action: Callable[P, object]) -> Callable[P, None]:
        """Return `action`, wrapped so that an exception ends `run_until` and is raised there.

        No exception may pass through the emulator's compiled code.
        """

        def call(*arguments: P.args, **options: P.kwargs) -> None:
            if self._halted:
                return
            try:
                action(*arguments, **options)
            except BaseException as error:
                self._fault = self._fault or error
                self.halt()

        return call

    # --- resets --------------------------------------------------------------------------

    def reset(self) -> None:
        """Pull the RUN pin low for a moment; the flash has the store's present contents."""
        if self.store is not None:
            self._mirror(self.store, 0, self.store.sectors)
        self._device.hard_reset()
        self._was_reset()

    def _bite(self) -> None:
        # A watchdog is off after its reset: true on silicon, but not in the emulator.
        watchdog = self.mcu.watchdog
        watchdog._enable = watchdog.timer.enable = watchdog.alarm.enable = False
        self._device._on_watchdog_trigger()
        self._was_reset()

    def _was_reset(self) -> None:
        self.resets += 1
        if self.on_reset is not None:
            self.on_reset()

    # --- flash ---------------------------------------------------------------------------

    def _command(self) -> None:
        """Handle a complete flash command: the store handles changes to the file system."""
        ssi = self.mcu.ssi
        command = bytes(ssi._tx_buffer)
        operation = command[0] if command else 0
        address = int.from_bytes(command[1:4], "big")
        changes = operation in ERASES or operation == PROGRAM
        if not (self.store and changes and ssi._write_enabled and address >= FILE_SYSTEM):
            self._apply()
            return
        ssi._write_enabled = False
        ssi._tx_buffer = bytearray()
        self.guarded(self._change)(self.store, operation, address - FILE_SYSTEM, command[4:])

    def _change(self, store: FlashStore, operation: int, offset: int, data: bytes) -> None:
        sector = offset // SECTOR
        count = ERASES.get(operation, 1)
        try:
            if operation == PROGRAM:
                store.program(offset, data)
            else:
                for number in range(sector, sector + count):
                    store.erase(number)
        finally:
            self._mirror(store, sector, count)

    def _mirror(self, store: FlashStore, sector: int, count: int) -> None:
        buffer = bytearray(SECTOR * count)
        store.read(sector * SECTOR, buffer)
        at = FILE_SYSTEM + sector * SECTOR
        self.mcu.flash[at : at + len(buffer)] = buffer
