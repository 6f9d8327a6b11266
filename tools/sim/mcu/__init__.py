"""The MCU as the firmware sees it: `machine`, `time`, pins, buses, and what differs by kind."""
