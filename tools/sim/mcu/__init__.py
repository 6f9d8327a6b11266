"""The MCU as seen by the firmware: `machine`, `time`, pins, buses, and differences by kind."""
