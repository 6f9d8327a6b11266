"""Runs first, switches the load off, and limits the time at the prompt of a unit with an identity.

If anything here fails, pins stay inputs and a pull-down keeps the load off. main.py goes on with
the globals `has_identity` and `deadline`. A soft reset from the raw prompt runs this script alone.
"""

has_identity = True  # until the files say otherwise
try:
    import micropython

    micropython.kbd_intr(-1)  # until this script ends; main.py begins with the same call
    from machine import Pin, Timer, reset

    import board

    _parts = board.find()
    Pin(_parts.LOAD["pin"], Pin.OUT, value=1 - _parts.LOAD["active"])
except (Exception, KeyboardInterrupt):
    pass  # an error raised here would skip main.py and end in the prompt
try:
    import os

    # The rp2 port drops a timer that no variable holds.
    deadline = Timer(0 if _parts.CHIP == "esp32" else -1)
except (Exception, KeyboardInterrupt):
    pass
try:
    _files = os.listdir("state") if "state" in os.listdir() else ()
    has_identity = any([name.startswith("identity.") for name in _files])
    if not has_identity and hasattr(_parts, "NVS"):  # kept there by earlier firmware
        from esp32 import NVS

        try:
            NVS(_parts.NVS["namespace"]).get_blob("identity.0", bytearray(1))
            has_identity = True
        except OSError as _error:
            has_identity = _error.errno != -0x1102  # ESP_ERR_NVS_NOT_FOUND
    if has_identity:
        deadline.init(mode=Timer.ONE_SHOT, period=600_000, callback=lambda _: reset())
except (Exception, KeyboardInterrupt):
    pass
