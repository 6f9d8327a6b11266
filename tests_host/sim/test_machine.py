"""`machine` and `time` of the simulator: the port's signatures, and what they refuse."""

from tests_host.sim.support import refuses
from tools.sim.chips.at24c32 import At24c32
from tools.sim.chips.ds3231 import Ds3231
from tools.sim.chips.keypad import Keypad, Watch
from tools.sim.mcu import machine, time
from tools.sim.mcu.i2c import EIO, ENODEV, ETIMEDOUT, Bus
from tools.sim.mcu.kinds import Esp32, Rp2040
from tools.sim.mcu.pins import attach, touched
from tools.sim.parts import ChipError, Steps
from tools.sim.world import Halt, World

Pin = machine.Pin


def make(*buses):
    world = World()
    machine.install(world, buses)
    world.start()
    return world


def make_bus():
    world = World()
    bus = Bus(20, 21)
    bus.add(Ds3231(lambda: world.now))
    bus.add(At24c32(lambda: world.now, Steps()))
    machine.install(world, [bus])
    world.start()
    return world, bus


def test_a_pin_is_one_object():
    make()
    assert Pin(3) is Pin(3) is Pin("GP3") is Pin(Pin(3))
    assert Pin("LED") is Pin(25)
    for bad in (-1, 30, "GP30", "D3", None, 1.5):
        refuses(ValueError, Pin, bad)


def test_outputs_reach_their_wire():
    world = make()
    lamp = Watch(lambda: world.now)
    attach(10, lamp, 0)
    pin = Pin(10, Pin.OUT, value=1)
    assert lamp.on and pin() == 1
    pin.off()
    assert not lamp.on and pin.value() == 0
    pin.toggle()
    assert lamp.on
    pin(0)
    pin.high()
    pin.low()
    assert not lamp.on
    pin.on()
    machine.after_reset()
    assert not lamp.on
    refuses(ChipError, attach, 10, lamp, 0)


def test_inputs_have_their_pulls():
    make()
    assert Pin(1, Pin.IN, Pin.PULL_UP)() == 1
    assert Pin(2, Pin.IN, Pin.PULL_DOWN).value() == 0
    refuses(ChipError, Pin(3, Pin.IN).value)


def test_wrong_use_of_a_pin_is_refused():
    make()
    refuses(ChipError, Pin(4).value)
    refuses(ChipError, Pin(4).value, 1)
    refuses(ChipError, Pin(4, Pin.IN, Pin.PULL_UP).value, 1)
    refuses(ChipError, Pin(5).irq, print)
    refuses(ChipError, Pin(6).init, pull=Pin.PULL_UP)
    refuses(ValueError, Pin, 5, 9)
    refuses(TypeError, Pin, 5, Pin.OUT, level=1)
    refuses(KeyError, Pin, 5, Pin.IN, 7)


def test_open_drain_lets_go():
    make()
    pad = Keypad(("12",))
    for end, pin in enumerate((2, 6, 7)):
        attach(pin, pad, end)
    row = Pin(2, Pin.OPEN_DRAIN)
    column = Pin(6, Pin.IN, Pin.PULL_UP)
    pad.press("1")
    assert column() == 1
    row(0)
    assert column() == 0
    row(1)
    assert column() == 1


def test_an_esp32_keeps_the_pulls_of_the_reset():
    world = World()
    machine.install(world, (), Esp32())
    world.start()
    pad = Keypad(("12",))
    for end, pin in enumerate((13, 25, 33)):
        attach(pin, pad, end)
    row, column = Pin(13, Pin.OPEN_DRAIN, value=1), Pin(25, Pin.IN, Pin.PULL_UP)
    assert row() == 0 and column() == 1
    pad.press("1")
    assert column() == 0, "between the levels: pulled up here, pulled down there"
    row.init(Pin.OPEN_DRAIN, None, value=1)
    assert column() == 1
    pad.release("1")
    refuses(ChipError, row)
    row.init(pull=Pin.PULL_DOWN)
    row.init(Pin.OPEN_DRAIN)
    assert row() == 0
    assert Pin(14, Pin.IN)() == Pin(0, Pin.IN)() == 1
    refuses(ChipError, Pin(27, Pin.IN))


def test_edges_call_handlers():
    world = make()
    pad = Keypad(("12",))
    for end, pin in enumerate((2, 6, 7)):
        attach(pin, pad, end)
    pad.changed = lambda ends: touched([(2, 6, 7)[end] for end in ends])
    Pin(2, Pin.OUT, value=0)
    column = Pin(6, Pin.IN, Pin.PULL_UP)
    edges = []
    irq = column.irq(lambda pin: edges.append((pin, irq.flags())), Pin.IRQ_FALLING)
    pad.press("1")
    assert edges == [(column, Pin.IRQ_FALLING)]
    pad.release("1")
    assert len(edges) == 1
    column.irq(edges.append, Pin.IRQ_RISING | Pin.IRQ_FALLING)
    state = machine.disable_irq()
    pad.press("1")
    assert len(edges) == 1
    machine.enable_irq(state)
    assert edges[1:] == [column]
    column.irq(None)
    pad.release("1")
    assert len(edges) == 2
    refuses(ValueError, column.irq, print, 3)
    world.stop("power")
    refuses(Halt, column.irq, print)


def test_signal_turns_the_level_round():
    make()
    pin = Pin(9, Pin.OUT, value=1)
    signal = machine.Signal(pin, invert=True)
    assert signal() == 0
    signal.on()
    assert pin() == 0
    signal(0)
    assert pin() == 1
    assert machine.Signal(8, Pin.OUT, value=0).value() == 0


def test_i2c_reads_and_writes_chips_and_takes_its_time():
    world, _ = make_bus()
    i2c = machine.I2C(0, sda=Pin(20), scl=Pin(21), freq=100_000)
    assert i2c.scan() == [0x57, 0x68]
    before = world.now
    assert i2c.writeto(0x57, b"\0\0abc") == 5
    assert 540 <= world.now - before <= 542  # six bytes of nine bits
    time.sleep_ms(5)
    assert i2c.readfrom_mem(0x57, 1, 2, addrsize=16) == b"bc"
    buffer = bytearray(3)
    i2c.writeto(0x57, b"\0\0", False)
    i2c.readfrom_into(0x57, buffer)
    assert buffer == b"abc"
    i2c.writeto_mem(0x68, 7, b"\x11\x22")
    assert i2c.readfrom_mem(0x68, 7, 2) == b"\x11\x22"
    assert i2c.writevto(0x68, (b"\x08", b"\x33", b"\x44")) == 3
    i2c.readfrom_mem_into(0x68, 7, buffer)
    assert buffer == b"\x11\x33\x44"


def test_i2c_errors_are_the_ports():
    _, bus = make_bus()
    i2c = machine.I2C(0, sda=Pin(20), scl=Pin(21), freq=100_000)
    assert refuses(OSError, i2c.writeto, 0x20, b"x").errno == EIO
    assert refuses(OSError, i2c.readfrom, 0x20, 1).errno == EIO
    assert refuses(OSError, i2c.writeto, 0x20, b"").errno == ENODEV
    i2c.writeto(0x57, b"\0\0a")
    assert refuses(OSError, i2c.readfrom, 0x57, 1).errno == EIO
    bus.stuck = True
    assert refuses(OSError, i2c.readfrom, 0x68, 1).errno == ETIMEDOUT
    refuses(ValueError, machine.I2C, 2)
    refuses(ValueError, machine.I2C, 0, scl=Pin(20), sda=Pin(21))
    refuses(ValueError, machine.I2C, 1, scl=Pin(21), sda=Pin(20))
    refuses(TypeError, machine.I2C, 0, speed=1)


def test_a_transaction_must_end_within_the_timeout():
    make_bus()
    i2c = machine.I2C(0, sda=Pin(20), scl=Pin(21), freq=100_000)
    assert len(i2c.readfrom_mem(0x57, 0, 500, addrsize=16)) == 500
    assert refuses(OSError, i2c.readfrom_mem, 0x57, 0, 690, addrsize=16).errno == ETIMEDOUT
    patient = machine.I2C(0, sda=Pin(20), scl=Pin(21), freq=100_000, timeout=100_000)
    assert len(patient.readfrom_mem(0x57, 0, 690, addrsize=16)) == 690


def test_i2c_must_not_outrun_its_chips():
    make_bus()
    fast = machine.I2C(0, sda=Pin(20), scl=Pin(21), freq=1_000_000)
    refuses(ChipError, fast.readfrom, 0x68, 1)
    refuses(ChipError, Pin(20).value)


def test_i2c_errors_of_an_esp32():
    world = World()
    bus = Bus(21, 22)
    bus.add(At24c32(lambda: world.now, Steps()))
    machine.install(world, [bus], Esp32())
    world.start()
    i2c = machine.I2C(0, sda=Pin(21), scl=Pin(22), freq=100_000)
    assert refuses(OSError, i2c.writeto, 0x20, b"x").errno == ENODEV
    i2c.writeto(0x57, b"\0\0a")
    assert refuses(OSError, i2c.readfrom, 0x57, 1).errno == ENODEV
    time.sleep_ms(5)
    assert len(i2c.readfrom_mem(0x57, 0, 690, addrsize=16)) == 690
    bus.stuck = True
    page = bytes(32)
    for call, tenths in (
        (lambda: i2c.readfrom_mem(0x57, 0, 1, addrsize=16), 4),
        (lambda: i2c.writeto_mem(0x57, 0, page, addrsize=16), 35),
        (lambda: i2c.writeto(0x57, b"\0"), 2),
    ):
        before = world.now
        assert refuses(OSError, call).errno == 116
        assert world.now - before == tenths * 100_000


def test_soft_i2c_byte_by_byte():
    make_bus()
    i2c = machine.SoftI2C(scl=Pin(21), sda=Pin(20), freq=100_000)
    assert refuses(OSError, i2c.writeto, 0x20, b"x").errno == ENODEV
    i2c.start()
    assert i2c.write(bytes([0x68 << 1, 7, 0x55])) == 3
    i2c.start()
    assert i2c.write(bytes([0x68 << 1, 7])) == 2
    i2c.start()
    assert i2c.write(bytes([0x68 << 1 | 1])) == 1
    buffer = bytearray(1)
    i2c.readinto(buffer)
    i2c.stop()
    assert buffer == b"\x55"
    i2c.start()
    assert i2c.write(b"\x40\x00") == 0


def test_timers():
    world = make()
    seen = []
    periodic = machine.Timer(period=10, callback=lambda timer: seen.append(world.now))
    once = machine.Timer(
        -1, mode=machine.Timer.ONE_SHOT, period=15, callback=lambda timer: seen.append(0)
    )
    time.sleep_ms(30)
    assert seen == [10_000, 0, 20_000, 30_000]
    periodic.deinit()
    time.sleep_ms(30)
    once.deinit()
    assert len(seen) == 4
    refuses(ValueError, machine.Timer, 0)
    refuses(TypeError, machine.Timer, -1, ms=5)


def test_the_watchdog_bites_who_does_not_feed_it():
    world = make()
    dog = machine.WDT(timeout=1000)
    for _ in range(5):
        time.sleep_ms(999)
        dog.feed()
    assert refuses(Halt, time.sleep_ms, 1001).reason == "watchdog"
    assert world.now == 5_995_000
    refuses(Halt, dog.feed)
    machine.after_reset()
    world.start()
    assert machine.reset_cause() == machine.WDT_RESET
    time.sleep(60)
    refuses(ValueError, machine.WDT, 0, 8389)
    refuses(ValueError, machine.WDT, 1)


def test_a_shorter_watchdog_replaces_a_longer_one():
    world = make()
    machine.WDT(timeout=8000)
    machine.WDT(timeout=100)
    refuses(Halt, time.sleep_ms, 5000)
    assert world.now == 100_000


def test_resets():
    world = make()
    assert machine.reset_cause() == machine.PWRON_RESET
    assert refuses(Halt, machine.reset).reason == "reset"
    assert machine.take_blame() is None
    world.start()
    try:
        raise ValueError("the fault")
    except ValueError:
        refuses(Halt, machine.reset)
    assert str(machine.take_blame()) == "the fault"
    assert machine.take_blame() is None
    world.start()
    refuses(SystemExit, machine.soft_reset)
    refuses(ChipError, machine.bootloader)
    refuses(ChipError, machine.lightsleep)


def test_causes_of_resets_by_chip():
    for chip, reset, soft in ((Rp2040, 3, 1), (Esp32, 2, 5)):
        world = World()
        machine.install(world, (), chip())
        world.start()
        machine.after_soft_reset()
        assert machine.reset_cause() == soft
        refuses(Halt, machine.reset)
        machine.after_reset()
        assert machine.reset_cause() == reset
        world.start()
        machine.WDT(timeout=1000)
        refuses(Halt, time.sleep, 2)
        machine.after_reset()
        assert machine.reset_cause() == machine.WDT_RESET
        world.start()
        refuses(Halt, machine.reset)
        machine.after_reset()
        assert machine.reset_cause() == reset
        machine.after_reset(True)
        assert machine.reset_cause() == machine.WDT_RESET


def test_an_esp32_keeps_its_levels_through_a_reset():
    world = World()
    machine.install(world, (), Esp32())
    world.start()
    lamp = Watch(lambda: world.now)
    attach(23, lamp, 0)
    pin = Pin(23, Pin.OUT, value=1)
    for _ in range(2):
        machine.after_reset()
        assert lamp.on
        refuses(ChipError, pin)
    pin.init(Pin.OUT, value=0)
    assert not lamp.on
    pin.on()
    machine.after_reset()
    machine.power_on()
    assert not lamp.on


def test_ticks_wrap_where_the_ports_do():
    world = make()
    world.now = (1 << 30) * 1000 - 5_000
    before = time.ticks_ms()
    time.sleep_ms(10)
    after = time.ticks_ms()
    assert before == (1 << 30) - 5 and after == 5
    assert time.ticks_diff(after, before) == 10
    assert time.ticks_add(before, 10) == after
    assert time.ticks_add(after, -10) == before
    refuses(OverflowError, time.ticks_add, 0, 1 << 29)
    assert 0 <= time.ticks_us() < 1 << 30


def test_ticks_start_with_the_mcu():
    world = make()
    time.sleep(100)
    world.stop("reset")
    world.start()
    assert time.ticks_ms() == 0
    time.sleep_us(1500)
    assert time.ticks_us() == 1502


def test_polling_loops_end():
    make()
    start = time.ticks_ms()
    while time.ticks_diff(time.ticks_ms(), start) < 3:
        pass


def test_the_calendar_of_time():
    make()
    assert time.gmtime() == (2021, 1, 1, 0, 0, 0, 4, 1)
    assert time.gmtime(0) == (1970, 1, 1, 0, 0, 0, 3, 1)
    assert time.gmtime(951_782_400) == (2000, 2, 29, 0, 0, 0, 1, 60)
    assert time.mktime((2000, 2, 29, 12, 30, 15, 0, 0)) == 951_827_415
    assert time.mktime((2000, 14, 1, 0, 0, 0, 0, 0)) == time.mktime((2001, 2, 1, 0, 0, 0, 0, 0))
    machine.RTC().datetime((2025, 6, 7, 5, 8, 9, 10, 0))
    time.sleep(5)
    assert machine.RTC().datetime() == (2025, 6, 7, 5, 8, 9, 15, 0)
    assert time.localtime(time.time()) == time.gmtime()
    assert time.time_ns() // 1_000_000_000 == time.time()


def test_pwm_and_adc():
    world = make()

    class Divider:
        """An analog wire."""

        levels = [None]

        def drive(self, end, level):
            pass

        def volts(self, end):
            return 1.65

    buzzer = Watch(lambda: world.now)
    attach(12, buzzer, 0)
    attach(26, Divider(), 0)
    pwm = machine.PWM(Pin(12), freq=2000, duty_u16=32768)
    assert buzzer.on and pwm.freq() == 2000
    pwm.duty_u16(0)
    assert not buzzer.on
    pwm.duty_ns(250_000)
    assert buzzer.on and pwm.duty_u16() == 32767
    pwm.deinit()
    assert not buzzer.on
    refuses(ValueError, pwm.freq, 1)
    refuses(ValueError, pwm.duty_u16, 65536)
    assert abs(machine.ADC(26).read_u16() - 32768) < 20
    assert abs(machine.ADC(0).read_u16() - 32768) < 20
    assert machine.ADC(machine.ADC.CORE_TEMP).read_u16() > 10_000
    refuses(ChipError, machine.ADC(Pin(27)).read_u16)
    refuses(ValueError, machine.ADC, 5)


class Source:
    """An analog wire."""

    levels = [None]
    volts = None

    def drive(self, end, level):
        pass


def test_the_adc_of_an_esp32():
    world = World()
    chip = Esp32()
    machine.install(world, (), chip)
    world.start()
    source = Source()
    attach(34, source, 0)
    adc = machine.ADC(Pin(34))
    adc.atten(machine.ADC.ATTN_11DB)
    for volts, millivolts in ((0, 142), (0.1, 142), (0.5, 500), (2.4, 2_400), (3.3, 3_130)):
        source.volts = lambda end, volts=volts: volts
        assert adc.read_uv() == millivolts * 1000
    assert adc.read_u16() == 65535
    source.volts = lambda end: 0.1
    assert adc.read_u16() == 0
    refuses(ChipError, adc.atten, 0)
    refuses(ValueError, machine.ADC, 26)
    chip.calibrated = False
    assert refuses(OSError, adc.read_uv).errno == 95
    make()
    assert not hasattr(machine.ADC(26), "read_uv")


def test_a_dead_board_does_nothing():
    world, _ = make_bus()
    pin = Pin(9, Pin.OUT)
    i2c = machine.I2C(0, sda=Pin(20), scl=Pin(21), freq=100_000)
    world.stop("power")
    machine.power_on()
    for call in (pin.on, pin.value, i2c.scan, time.ticks_ms):
        refuses(Halt, call)
    refuses(Halt, i2c.writeto, 0x68, b"\0")
    refuses(Halt, time.sleep, 1)
    refuses(Halt, Pin, 9, Pin.OUT)
