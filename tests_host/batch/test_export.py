"""`payg export`: nothing but the counts changes. And no key gets into the ledger's file."""

import pytest

from tests_host.batch.conftest import ask, issued, unit
from tools.batches.ledger import Ledger
from tools.batches.lists import ListError, find, read_list


def test_export(payg, batch):
    payg(*ask(batch, "SLT000000002,add,7\nSLT000000002,add,8\nSLT000000020,set,7\n"))
    code, said, _ = payg("export", "--batch", batch)
    out = batch.parent / "batch-export.csv"
    assert (code, out.stat().st_mode & 0o777) == (0, 0o600)
    assert str(out) in said
    counts = {2: 4, 20: 3}
    wanted = [unit(number, count=counts.get(number, 1)) for number in range(1, 21)]
    assert list(read_list(out)) == wanted
    moved = out.read_text().splitlines()
    for before, after in zip(batch.read_text().splitlines(), moved):
        old, new = before.split(","), after.split(",")
        assert old[:3] + old[4:] == new[:3] + new[4:]
    assert payg("batch", "check", out)[0] == 0


def test_the_next_platform_goes_on(payg, batch):
    one = ["--serial", "SLT000000002", "--add", 7]
    payg("token", "--batch", batch, *one)
    moved = batch.parent / "moved" / "batch.csv"
    moved.parent.mkdir()
    payg("export", "--batch", batch, "--out", moved)
    assert issued(payg("token", "--batch", moved, *one, "--new-ledger")[1])[1] == 4


def test_export_of_a_list_that_is_ahead(payg, shelf):
    ahead = [unit(1, count=81), unit(2)]
    payg("token", "--batch", shelf(unit(1), unit(2)), "--serial", "SLT000000001", "--add", 7)
    path = shelf(*ahead)
    payg("export", "--batch", path)
    assert list(read_list(path.with_name("batch-export.csv"))) == ahead


def test_export_across_chunks(payg, batch, monkeypatch):
    monkeypatch.setattr("tools.commands.export.CHUNK", 3)
    payg(*ask(batch, "".join(f"SLT{number:09},add,7\n" for number in range(1, 21))))
    payg("export", "--batch", batch, "--out", batch.parent / "new.csv")
    assert [row.count for row in read_list(batch.parent / "new.csv")] == [2] * 20


def test_export_without_a_ledger(payg, batch):
    (batch.parent / "ledger.db").unlink()
    code, _, error = payg("export", "--batch", batch)
    assert (code, "there is no ledger" in error) == (1, True)
    assert list(batch.parent.iterdir()) == [batch]


def test_export_of_a_bad_list(payg, batch):
    payg("token", "--batch", batch, "--serial", "SLT000000002", "--sync")
    batch.write_text(batch.read_text().replace(unit(9).key.hex(), "x"))
    code, _, error = payg("export", "--batch", batch)
    assert (code, "line 10" in error) == (1, True)
    assert not list(batch.parent.glob("*export*"))
    with pytest.raises(ListError):
        find(batch, ["SLT000000009"])


def test_no_key_in_the_ledger(payg, batch):
    payg(*ask(batch, "".join(f"SLT{number:09},add,7\n" for number in range(1, 21))))
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        for made in read_list(batch):
            ledger.reserve(made.serial, "north")
            ledger.failed(made.serial, "north", f"said {made.key.hex()}, {made.key.hex().upper()}")
    content = (batch.parent / "ledger.db").read_bytes()
    assert b"SLT000000020" in content
    for made in read_list(batch):
        assert made.key not in content
        assert made.key.hex().encode() not in content.lower()
