"""First thing that runs: the load goes off.

If anything here fails, pins stay inputs and a pull-down keeps it off.
"""

try:
    import micropython

    micropython.kbd_intr(-1)  # until this script ends: main.py begins with the same
    from machine import Pin

    import board

    _load = board.find().LOAD
    Pin(_load["pin"], Pin.OUT, value=1 - _load["active"])
except (Exception, KeyboardInterrupt):
    pass  # an error that is raised here would skip main.py and end in the prompt
