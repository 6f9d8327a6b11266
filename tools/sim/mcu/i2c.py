"""`I2C` and `SoftI2C` of the simulated MCU, on wires with chip models.

A chip has `address`, `fastest` (Hz) and start(read) -> ack, write(byte) -> ack, read() -> byte,
stop(). Each byte takes nine bits of simulated time. On an ESP32 a bus held low takes the longest
that the port waits (`machine_i2c.c`): a tenth of a second for the address and for each byte.
"""

from tools.sim.mcu.pins import Pin, _find, _Port
from tools.sim.parts import ChipError

ENODEV = 19
EIO = 5
ETIMEDOUT = 110
WAIT_US = 100_000  # ESP32, for the address and for each byte
_BUSES = []


class Bus:
    """Two wires with pull-ups and the chips on them. `stuck`: SCL is held low from outside."""

    def __init__(self, sda, scl):
        self.sda = sda
        self.scl = scl
        self.chips = {}  # address -> answering chip
        self.stuck = False
        self._soldered = {}

    def add(self, chip):
        """Put a chip on the bus; each address may be used once."""
        if chip.address in self.chips:
            raise ChipError("two chips at 0x%02x" % chip.address)
        self.chips[chip.address] = self._soldered[chip.address] = chip

    def silence(self, address, dead):
        """Silence a chip (`dead`), or let the chip answer again; `address` None: all chips."""
        for each in list(self._soldered):
            if address in (None, each):
                self.chips.pop(each, None)
                if not dead:
                    self.chips[each] = self._soldered[each]


def install(buses):
    """Start a new board with only these buses wired."""
    _BUSES[:] = buses


def _bus_at(sda, scl):
    for bus in _BUSES:
        if bus.sda == sda and bus.scl == scl:
            return bus
    return Bus(sda, scl)


class _Master:
    """Common part of both bus masters; the port's errors for failures differ."""

    _nobody_there = _not_taken = EIO
    _too_late = ETIMEDOUT
    _waits = False  # for each byte

    def _connect(self, scl, sda, freq, timeout):
        if freq <= 0 or timeout <= 0:
            raise ValueError("invalid freq or timeout")
        self._scl = _find(scl)._claim("I2C")
        self._sda = _find(sda)._claim("I2C")
        self._bus = _bus_at(self._sda.id, self._scl.id)
        self._freq = freq
        self._timeout = timeout
        self._byte = (9_000_000 + freq - 1) // freq  # us for eight bits and the acknowledge
        self._open = None  # the addressed chip, until the stop condition
        self._longest = None  # most bytes per transaction

    def _chip(self, address, read, count):
        """Send start and address; return the chip that acknowledged.

        `count`: bytes of the transfer.
        """
        world = _Port.world
        if not world.running:
            world.check()
        if self._bus.stuck:
            world.spend(WAIT_US * (1 + count) if self._waits else self._timeout)
            raise OSError(self._too_late, "the bus is stuck")
        chip = self._bus.chips.get(address)
        world.now += self._byte
        if chip is None:
            self._nobody()
        if self._freq > chip.fastest:
            raise ChipError(
                "0x%02x is specified for %d Hz, the bus runs at %d"
                % (address, chip.fastest, self._freq)
            )
        if not chip.start(read):
            chip.stop()
            self._nobody()
        return chip

    def _in_time(self, chip, count):
        """Refuse transactions longer than the timeout: the port gives up in the middle."""
        if self._longest is not None and count > self._longest:
            _Port.world.spend(self._timeout)
            self._stop(chip)
            raise OSError(self._too_late, "a transaction longer than the timeout")

    def _nobody(self):
        _Port.world.spend(1)
        raise OSError(self._nobody_there, "not acknowledged")

    def _stop(self, chip):
        if chip is not None:
            chip.stop()
        _Port.world.spend(1)

    def _write(self, address, pieces, stop, more=0):
        count = sum([len(piece) for piece in pieces])
        chip = self._chip(address, False, count + more)
        self._in_time(chip, count)
        world = _Port.world
        byte_time = self._byte
        write = chip.write
        acks = 0
        for piece in pieces:
            for byte in piece:
                world.now += byte_time
                if not write(byte):
                    self._stop(chip)
                    return self._refused(acks)
                acks += 1
        if stop:
            chip.stop()
        world.spend(1)
        return acks

    def _refused(self, acks):
        raise OSError(self._not_taken, "not acknowledged")

    def _read(self, address, buffer, stop):
        chip = self._chip(address, True, len(buffer))
        self._in_time(chip, len(buffer))
        world = _Port.world
        byte_time = self._byte
        read = chip.read
        for index in range(len(buffer)):
            world.now += byte_time
            buffer[index] = read()
        if stop:
            self._stop(chip)

    def _probe(self, address):
        chip = self._bus.chips.get(address)
        world = _Port.world
        world.check()
        world.spend(self._byte)
        present = chip is not None and chip.start(False)
        self._stop(chip)
        return present

    def deinit(self):
        """Do nothing, as on the port."""

    def scan(self):
        """Return the addresses that acknowledge."""
        return [address for address in range(0x08, 0x78) if self._probe(address)]

    def writeto(self, addr, buf, stop=True):
        """Write `buf`; return the number of acknowledged bytes."""
        if len(buf) == 0:
            if not self._probe(addr):
                raise OSError(ENODEV, "not acknowledged")
            return 0
        return self._write(addr, (buf,), stop)

    def writevto(self, addr, vector, stop=True):
        """Write several buffers as one transfer."""
        return self._write(addr, vector, stop)

    def readfrom(self, addr, nbytes, stop=True):
        """Read `nbytes` bytes."""
        buffer = bytearray(nbytes)
        self.readfrom_into(addr, buffer, stop)
        return bytes(buffer)

    def readfrom_into(self, addr, buf, stop=True):
        """Read into `buf` until it is full."""
        if len(buf) == 0:
            raise ChipError("an I2C read of nothing")
        self._read(addr, buf, stop)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        """Read `nbytes` bytes from register or memory address `memaddr`."""
        buffer = bytearray(nbytes)
        self.readfrom_mem_into(addr, memaddr, buffer, addrsize=addrsize)
        return bytes(buffer)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        """Read from `memaddr` into `buf` until it is full."""
        self._write(addr, (_memory_address(memaddr, addrsize),), False, len(buf))
        self._read(addr, buf, True)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        """Write `buf` to register or memory address `memaddr`."""
        self._write(addr, (_memory_address(memaddr, addrsize), buf), True)


def _memory_address(memaddr, size):
    if size == 8:
        return bytes((memaddr & 0xFF,))
    if size == 16:
        return bytes((memaddr >> 8 & 0xFF, memaddr & 0xFF))
    if size & 7 or not 0 <= size <= 32:
        raise ValueError("invalid addrsize")
    return bytes([memaddr >> shift & 0xFF for shift in range(size - 8, -1, -8)])


class I2C(_Master):
    """A hardware bus, 0 or 1, on the pins that the chip has for it."""

    def __init__(self, id, freq=400_000, *, scl=None, sda=None, timeout=50_000):
        chip = _Port.chip
        if id not in chip.i2c_defaults:
            raise ValueError("I2C(%s) doesn't exist" % id)
        scl = _find(chip.i2c_defaults[id][0] if scl is None else scl)
        sda = _find(chip.i2c_defaults[id][1] if sda is None else sda)
        chip.i2c(id, scl.id, sda.id)
        self._connect(scl, sda, freq, timeout)
        self._waits = chip.i2c_waits
        if self._waits:
            self._nobody_there = self._not_taken = ENODEV
            self._too_late = 116
        else:
            self._longest = timeout // self._byte


class SoftI2C(_Master):
    """A bus in software on any two pins; also byte by byte: start, write, readinto, stop."""

    _nobody_there = ENODEV

    def __init__(self, scl, sda, *, freq=400_000, timeout=50_000):
        self._connect(scl, sda, freq, timeout)
        self._fresh = False

    def _refused(self, acks):
        return acks

    def start(self):
        """Send a start condition; the next byte written is an address."""
        _Port.world.check()
        self._fresh = True

    def stop(self):
        """Send a stop condition."""
        chip, self._open = self._open, None
        self._stop(chip)

    def write(self, buf):
        """Write bytes; return the number acknowledged."""
        acks = 0
        for byte in buf:
            if self._fresh:
                self._fresh = False
                _Port.world.spend(self._byte)
                chip = self._bus.chips.get(byte >> 1)
                accepted = chip is not None and chip.start(bool(byte & 1))
                self._open = chip if accepted else None
            else:
                _Port.world.spend(self._byte)
                accepted = self._open is not None and self._open.write(byte)
            if not accepted:
                break
            acks += 1
        return acks

    def readinto(self, buf, nack=True):
        """Read bytes from the chip addressed before."""
        for index in range(len(buf)):
            _Port.world.spend(self._byte)
            buf[index] = 0xFF if self._open is None else self._open.read()


__all__ = ("EIO", "ENODEV", "ETIMEDOUT", "I2C", "Bus", "Pin", "SoftI2C", "install")
