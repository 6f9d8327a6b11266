"""Runs first and switches the load off.

If anything here fails, pins stay inputs and a pull-down keeps the load off.
"""

try:
    import micropython

    micropython.kbd_intr(-1)  # until this script ends; main.py begins with the same call
    from machine import Pin

    import board

    _load = board.find().LOAD
    Pin(_load["pin"], Pin.OUT, value=1 - _load["active"])
except (Exception, KeyboardInterrupt):
    pass  # an error raised here would skip main.py and end in the prompt
