"""Power cuts in every step of every write, and ten years' wear of the memories.

Both run the real firmware in MicroPython on its own littlefs (tools/proofs/cuts/); two processes.
"""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tools.interpreter import run_on_micropython

KINDS = ("pico", "corner", "ds1307", "bare", "esp32")  # of tools/proofs/cuts/rig.py
ROUNDS = 3
EVERY_BYTE = 0
# Free sectors: days lived.
WEAR_DAYS = {352: 365, 64: 120, 32: 120, 16: 120, 12: 120, 8: 60, 6: 30}
TEN_YEARS = 3650  # days
FLASH_CYCLES = 100_000  # W25Q16JV: erases of a sector
EEPROM_CYCLES = 1_000_000  # AT24C32: writes of a page


def run(script: str, *arguments: object) -> Any:
    """Run `script` of tools/proofs/cuts/, return the printed object."""
    words = [str(argument) for argument in arguments]
    return json.loads(run_on_micropython(f"tools.proofs.cuts.{script}", *words, heap="16m"))


def wear_row(found: dict[str, int]) -> dict[str, object]:
    """Return the row of one run of wear.py, with its days drawn out to ten years."""
    times = TEN_YEARS / found["days"]
    return {
        "bench": "wear",
        "free_sectors": found["sectors"],
        "days_lived": found["days"],
        "erases_in_ten_years": round(found["max_erases_per_sector"] * times),
        "mean_erases_in_ten_years": round(found["erases"] / found["sectors"] * times),
        "good_for": FLASH_CYCLES,
        "eeprom_page_writes_in_ten_years": round(found["max_writes_per_page"] * times),
        "eeprom_good_for": EEPROM_CYCLES,
    }


def main() -> None:
    """Print the rows; raise AssertionError if a cut lost, doubled or shortened anything."""
    with ThreadPoolExecutor(2) as pool:
        wear = [pool.submit(run, "wear", *lived) for lived in WEAR_DAYS.items()]
        cuts = [
            pool.submit(run, "power_cuts", kind, number, number + 1, EVERY_BYTE)
            for number in range(ROUNDS)
            for kind in KINDS
        ]
        for job in wear:
            print(json.dumps(wear_row(job.result())), flush=True)
        total = {"cuts": 0, "lost": 0, "double": 0, "shortened": 0}
        for job in cuts:
            for name in total:
                total[name] += job.result()[name]
    print(json.dumps({"bench": "power_cuts", **total}), flush=True)
    assert not total["lost"] + total["double"] + total["shortened"], total


if __name__ == "__main__":
    main()
