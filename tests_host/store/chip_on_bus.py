"""One chip model on the simulator's `machine.I2C`, for drivers, in a world of its own."""

from tools.sim.mcu import i2c, pins
from tools.sim.parts import Steps
from tools.sim.world import World

SDA, SCL = 20, 21


class ChipOnBus:
    """`make(clock, steps)` makes the chip; `bus` is what a driver gets, `world` has the time."""

    def __init__(self, make, freq=100_000):
        self.world = World()
        self.steps = Steps()
        self.chip = make(self._now, self.steps)
        self.wires = i2c.Bus(SDA, SCL)
        self.wires.add(self.chip)
        pins.install(self.world)
        i2c.install([self.wires])
        self.world.start()
        self.bus = Calls(i2c.I2C(0, scl=pins.Pin(SCL), sda=pins.Pin(SDA), freq=freq))

    def _now(self):
        return self.world.now

    def pass_us(self, us):
        """Let time pass."""
        self.world.sleep(us)

    def pass_s(self, seconds):
        """Let seconds pass."""
        self.world.sleep(seconds * 1_000_000)

    def unplug(self):
        """The chip answers no more."""
        del self.wires.chips[self.chip.address]


class Calls:
    """The bus, counting calls."""

    def __init__(self, bus):
        self._bus = bus
        self.made = []

    def __getattr__(self, name):
        self.made.append(name)
        return getattr(self._bus, name)


class Registers:
    """`machine.I2C` with one bytearray behind it: it allocates nothing and refuses nothing."""

    def __init__(self, size):
        self.content = bytearray(size)

    def readfrom_mem_into(self, addr, memaddr, buf):
        for at in range(len(buf)):
            buf[at] = self.content[memaddr + at]

    def writeto_mem(self, addr, memaddr, buf):
        for at in range(len(buf)):
            self.content[memaddr + at] = buf[at]
