"""A simulated board (tools/sim) with an emulated Pico as the chip: the wires between the two.

tools.sim.board solders each model to its pins; here the pins are the emulated chip's own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

from rp2040py.gpio_pin import GPIOPinState
from rp2040py.peripherals.i2c import R_TX_EMPTY as TX_EMPTY
from rp2040py.peripherals.i2c import RPI2C, I2CMode

from tools.emulator.pico import Pico
from tools.emulator.world import EmulatedWorld
from tools.sim.board import Board
from tools.sim.mcu import pins

FIRST_ADC = 26
ADC_MOST = 4095
ADC_VOLTS = 3.3
ACKNOWLEDGE_BITS = 9
LEVELS = {GPIOPinState.LOW: 0, GPIOPinState.HIGH: 1}


class PicoBoard(Board):
    """The board of an emulated Pico.

    `image`: path of MicroPython's UF2; `heard(data)`: called with the guest's USB output;
    `plugged`: a USB host is connected; `chip`: the Pico while there is power; `painted`: the
    firmware has written to the digits since the start; `on_restart`: called when the chip
    restarts, by itself or with the supply.
    """

    def __init__(
        self,
        world: EmulatedWorld,
        data: ModuleType,
        image: str,
        heard: Callable[[bytes | bytearray], None] | None = None,
        plugged: bool = True,
    ) -> None:
        super().__init__(world, data)
        self._soldered = {
            number: (pin._wire, pin._end)
            for number, pin in pins._PINS.items()
            if pin._wire is not None
        }
        self._image = image
        self._heard = heard
        self.plugged = plugged
        self.bus_id = data.I2C["id"]
        self.chip: Pico | None = None
        self._given: dict[int, int | None] = {}  # GPIO -> level from outside
        self._driven: dict[int, int | None] = {}  # GPIO -> level from the chip
        self.painted = False
        # called when the chip starts anew, by itself or with its supply
        self.on_restart: Callable[[], None] | None = None
        if self.keypad is not None:
            self.keypad.changed = lambda ends: self._settle()
        self.supply.changed[:] = [self._settle]

    def power_on(self) -> None:
        """Turn the supply on; the chip starts when the world moves on."""
        super().power_on()
        chip = Pico(self._image, self.flash.dump(), self._heard, self.plugged)
        chip.store = self.flash
        chip.on_reset = self._let_go
        self.chip = chip
        self.painted = False
        self._given = {}
        self._driven = dict.fromkeys(self._soldered)
        for number, (wire, end) in self._soldered.items():
            drive = chip.guarded(self._driver(number, wire, end))
            chip.mcu.gpio[number].add_listener(drive)
        if self.bus is not None:
            I2cPort(chip, chip.mcu.i2c[self.bus_id], self.bus)
        read = chip.mcu.adc.on_adc_read
        chip.mcu.adc.on_adc_read = lambda channel: self._convert(channel, read)
        self.world.start(chip)
        self._settle()
        self._tell_restart()

    def power_off(self) -> None:
        """Turn the supply off."""
        if not self.power:
            return
        super().power_off()
        self.chip = None
        for wire, end in self._soldered.values():
            wire.drive(end, None)

    def level(self, number: int) -> int | None:
        """Return the level driven by the chip on GPIO `number`: 0, 1 or None."""
        return LEVELS.get(self.chip.mcu.gpio[number].value) if self.chip else None

    def _driver(
        self, number: int, wire: Any, end: int
    ) -> Callable[[GPIOPinState, GPIOPinState], None]:
        def drive(value: GPIOPinState, before: GPIOPinState) -> None:
            level = self._driven[number] = LEVELS.get(value)
            wire.drive(end, level)
            # The measuring pins see the load's state.
            self._settle(None if wire is self.watches["load"] else wire)
            if wire is self.digits:
                self.painted = True

        return drive

    def _let_go(self) -> None:
        """Release all pins after a reset of the chip: the emulator does not report inputs."""
        for number, (wire, end) in self._soldered.items():
            self._driven[number] = self.level(number)
            wire.drive(end, self._driven[number])
        self.painted = False
        self._settle()
        self._tell_restart()

    def _tell_restart(self) -> None:
        if self.on_restart is not None:
            self.on_restart()

    def _settle(self, only: Any = None) -> None:
        """Put the wires' levels on the pins; an output reads its own level."""
        if self.chip is None:
            return
        for number, (wire, end) in self._soldered.items():
            if (only is not None and wire is not only) or number >= FIRST_ADC:
                continue
            level = wire.levels[end]
            if self._driven[number] is not None and level != 0:
                level = self._driven[number]
            if self._given.get(number) != level or number not in self._given:
                self._given[number] = level
                pin = self.chip.mcu.gpio[number]
                if level is None:
                    pin.release_input()
                else:
                    pin.set_input_value(bool(level))

    def _convert(self, channel: int, read: Callable[[int], None]) -> None:
        wire, end = self._soldered.get(FIRST_ADC + channel, (None, 0))
        if wire is not None and self.chip is not None:
            share = wire.volts(end) / ADC_VOLTS
            self.chip.mcu.adc.channel_values[channel] = int(share * ADC_MOST)
        read(channel)


class I2cPort:
    """A bus of chip models on a controller of the emulated chip, at the speed of the wires.

    The emulator alone takes no time for a byte. Only whole bytes are supported: a write of no
    bytes, sent by MicroPython bit by bit (as in `scan()`), finds no chip.
    """

    def __init__(self, chip: Pico, port: RPI2C, bus: Any) -> None:
        self._chip = chip
        self._port = port
        self._bus = bus
        self._target: Any = None
        port.on_connect = chip.guarded(self._connect)
        port.on_write_byte = chip.guarded(self._write)
        port.on_read_byte = chip.guarded(self._read)
        port.on_stop = chip.guarded(self._stop)

    def _after(self, bits: int, action: Callable[..., None], *arguments: object) -> None:
        cycle = 1e9 / self._chip.mcu.clk_sys
        period = (self._port.scl_high_period + self._port.scl_low_period) * cycle
        self._chip.at(bits * period, partial(action, *arguments))

    def _connect(self, address: int, mode: I2CMode) -> None:
        if self._bus.stuck:
            return  # no answer, until the guest gives up
        self._target = self._bus.chips.get(address)
        there = self._target is not None and self._target.start(mode == I2CMode.READ)
        self._after(ACKNOWLEDGE_BITS, self._acknowledge, self._port.complete_connect, there)

    def _write(self, byte: int) -> None:
        taken = self._target.write(byte)
        self._after(ACKNOWLEDGE_BITS, self._acknowledge, self._port.complete_write, taken)

    def _acknowledge(self, complete: Callable[[bool], None], taken: object) -> None:
        complete(bool(taken))
        if not taken:  # an abort empties the queue; the emulator sends no interrupt for this
            self._port._set_interrupts(TX_EMPTY)

    def _read(self, acknowledged: bool) -> None:
        byte = self._target.read() & 0xFF
        self._after(ACKNOWLEDGE_BITS, self._port.complete_read, byte)

    def _stop(self) -> None:
        target, self._target = self._target, None
        if target is not None:
            target.stop()
        self._after(1, self._port.complete_stop)
