"""`payg provision --serial next`: a list that is used up says so, and how to make more."""

import click
import pytest

from tests_host.batch.conftest import unit
from tools.batches.ledger import Ledger
from tools.station.provision import following

NEXT = "Make the next list: payg batch new --prefix SLT --first 21 --quantity N"


@pytest.mark.parametrize(
    ("free", "wanted", "said"),
    [
        (0, 1, "all 20 serial numbers of {} are used or reserved. Nothing was changed. "),
        (0, 4, "all 20 serial numbers of {} are used or reserved. Nothing was changed. "),
        (1, 4, "no serial number of {} is free for every unit. Nothing was changed: 1 free, 4"),
    ],
)
def test_a_list_that_is_used_up(batch, free, wanted, said):
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        for number in range(1, 21 - free):
            ledger.reserve(unit(number).serial, "north")
        with pytest.raises(click.ClickException) as caught:
            following(batch, ledger, "south", wanted)
        assert said.format(batch) in caught.value.message
        assert caught.value.message.endswith(NEXT)
        assert ledger.begun("south") == []


def test_a_list_without_units(shelf):
    path = shelf()
    with Ledger(str(path.parent / "ledger.db")) as ledger:
        with pytest.raises(click.ClickException, match="payg batch new --first N"):
            following(path, ledger, "south", 1)
