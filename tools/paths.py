"""The checkout's path."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: also the root directory of the device."""
