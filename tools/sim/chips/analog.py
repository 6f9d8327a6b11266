"""`PWM` and `ADC` of the simulated RP2040, and the ESP32's `ADC`."""

from tools.sim.mcu.pins import Pin, _find, _Port
from tools.sim.parts import ChipError

_FULL = 65535


class PWM:
    """A pin with pulses: the wire sees level 1 while there are pulses, else 0."""

    def __init__(self, dest, freq=0, duty_u16=-1, duty_ns=-1, invert=False):
        self._pin = _find(dest)._claim("PWM")
        self._freq = 0
        self._duty = 0
        self.init(freq=freq, duty_u16=duty_u16, duty_ns=duty_ns, invert=invert)

    def init(self, freq=0, duty_u16=-1, duty_ns=-1, invert=False):
        """Change several settings at once; omitted settings stay."""
        if freq:
            self._check_frequency(freq)
            self._freq = freq
        if duty_u16 != -1:
            self._duty = self._check_duty(duty_u16)
        if duty_ns != -1:
            self.duty_ns(duty_ns)
        if invert:
            raise ChipError("inverted PWM is not modelled")
        self._put()

    def deinit(self):
        """Stop; the pin stays low."""
        self._duty = 0
        self._put()

    def freq(self, value=None):
        """Return or set the frequency (Hz, 8 to 62.5 million)."""
        if value is None:
            return self._freq
        self._check_frequency(value)
        self._freq = value
        self._put()

    def duty_u16(self, value=None):
        """Return or set the duty cycle, 0 to 65535."""
        if value is None:
            return self._duty
        self._duty = self._check_duty(value)
        self._put()

    def duty_ns(self, value=None):
        """Return or set the pulse width (ns)."""
        if not self._freq:
            raise ValueError("must set freq before duty")
        period = 1_000_000_000 // self._freq
        if value is None:
            return self._duty * period // _FULL
        self._duty = self._check_duty(min(value, period) * _FULL // period)
        self._put()

    def _check_frequency(self, value):
        if not 8 <= value <= 62_500_000:
            raise ValueError("freq out of range")

    def _check_duty(self, value):
        if not 0 <= value <= _FULL:
            raise ValueError("duty out of range")
        return value

    def _put(self):
        _Port.world.check()
        self._pin._drive(self._pin._end, 1 if self._freq and self._duty else 0)


class ADC:
    """An analog input; RP2040: GPIO 26 to 29 (channels 0 to 3) or channel 4, the temperature.

    The voltage comes from the pin's wire, `volts(end)` -> 0.0 to 3.3. An ESP32 has also `atten`,
    for 11 dB only, and `read_uv`, which raises OSError if the chip is not `calibrated`; an input
    below the first step of the ESP32's ADC reads as this step.
    """

    CORE_TEMP = 4
    ATTN_11DB = 3  # ESP32
    REFERENCE = 3.3  # volts at full scale
    UNSUPPORTED = 95  # EOPNOTSUPP: ESP-IDF's ESP_ERR_NOT_SUPPORTED

    def __init__(self, id):
        self._pin = None
        if _Port.chip.adc_mv:
            self.atten, self.read_uv = self._atten, self._read_uv
        elif id == self.CORE_TEMP:
            return
        elif isinstance(id, int) and 0 <= id <= 3 and not isinstance(id, Pin):
            id += 26
        pin = _find(id)
        _Port.chip.adc(pin.id)
        self._pin = pin._claim("ADC")

    def read_u16(self):
        """Return the reading, 12 bits widened to 16."""
        volts = self._volts()
        part = volts / self.REFERENCE
        if _Port.chip.adc_mv:
            lowest, highest = _Port.chip.adc_mv
            part = (volts * 1000 - lowest) / (highest - lowest)
        raw = min(max(int(part * 4095 + 0.5), 0), 4095)
        return raw << 4 | raw >> 8

    def _read_uv(self):
        """Return microvolts, in whole millivolts, by the chip's own calibration."""
        volts = self._volts()
        if not _Port.chip.calibrated:
            raise OSError(self.UNSUPPORTED, "ESP_ERR_NOT_SUPPORTED")
        lowest, highest = _Port.chip.adc_mv
        return min(max(int(volts * 1000 + 0.5), lowest), highest) * 1000

    def _atten(self, atten):
        """Set the attenuation."""
        if atten != self.ATTN_11DB:
            raise ChipError("only the attenuation of 11 dB is modelled")

    def _volts(self):
        _Port.world.spend(2)
        if self._pin is None:
            return 0.706  # the sensor at 27 degrees Celsius
        if self._pin._wire is None:
            raise ChipError("%r floats: nothing analog is wired to it" % self._pin)
        return self._pin._wire.volts(self._pin._end)
