"""The file of `payg token --csv`: columns, duplicates, and all faults by line."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests_host.batch.conftest import KEY, ask, nothing_issued, unit
from tools.batches.ledger import Ledger
from tools.batches.wishes import SHOWN, Problem, read_wishes, told
from tools.paths import ROOT


def rows_of(batch):
    with open(batch.parent / "paid-tokens.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


# -- columns ---------------------------------------------------------------------------------


def test_columns_are_found_by_name_and_others_passed_through(payg, batch):
    text = "Phone,Value,Name,Serial Number,KIND,Amount\n"
    text += '+254700,30,"Doe, Jane",SLT000000001,Add,"1,500"\n'
    text += "+254701,,Ali é,SLT000000002,disable,\n"
    assert payg(*ask(batch, text))[0] == 0
    first, second = rows_of(batch)
    assert list(first) == [
        *("Serial Number", "Kind", "Value", "Count", "Token", "SMS"),
        *("Phone", "Name", "Amount"),
    ]
    assert [first[name] for name in ("Serial Number", "Kind", "Value", "Count")] == [
        *("SLT000000001", "add", "30", "2")
    ]
    assert [first[name] for name in ("Phone", "Name", "Amount")] == [
        "+254700",
        "Doe, Jane",
        "1,500",
    ]
    assert (second["Name"], second["Kind"], second["Count"]) == ("Ali é", "disable", "3")


@pytest.mark.parametrize(
    "names", ["serial,kind,value", "SERIAL,Kind,VALUE", " serial , kind,value"]
)
def test_order_of_columns_makes_no_difference(tmp_path, names):
    path = tmp_path / "paid.csv"
    cells = "SLT000000001,add,7".split(",")
    wanted = None
    for order in ((0, 1, 2), (1, 0, 2), (2, 1, 0), (2, 0, 1)):
        header = names.split(",")
        lines = [",".join(line[at] for at in order) for line in (header, cells)]
        path.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
        asked = read_wishes(path).asked
        assert len(asked) == 1
        wanted = wanted or asked
        assert asked == wanted


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"serial\tkind\tvalue\nSLT000000001\tadd\t7\n", "separated by tabs"),
        (b"SLT000000001\tadd\t7\n", "separated by tabs"),
        ("serial,kind,value\nSLT000000001,add,7\n".encode("utf-16-le"), "in UTF-16"),
        ("serial,kind,value\nSLT000000001,add,7\n".encode("utf-16-be"), "in UTF-16"),
        ("serial,kind,value\nSLT000000001,add,7\n".encode("utf-16"), "in UTF-16"),
        ("serial,kind,value,Prénom\nSLT000000001,add,7,x\n".encode("latin-1"), "in Latin-1"),
        ("serial,kind,name\nSLT000000001,disable,Zoé\n".encode("latin-1"), "in Latin-1"),
    ],
)
def test_a_file_in_another_form_names_the_cure(payg, batch, content, reason):
    request = ask(batch, "")
    (batch.parent / "paid.csv").write_bytes(content)
    code, said, error = payg(*request)
    assert (code, said, error.count("\n")) == (1, "", 2)
    assert reason in error and 'save the file as "CSV UTF-8"' in error
    assert "header line" not in error and nothing_issued(batch)


def test_a_latin_1_name_is_told_by_its_line(payg, batch):
    request = ask(batch, "")
    rows = "serial,kind,value,name\nSLT000000001,add,7,Ann\nSLT000000002,add,7,Zoé\n"
    (batch.parent / "paid.csv").write_bytes(rows.encode("latin-1"))
    assert "paid.csv:3: the line has letters that are not in UTF-8" in payg(*request)[2]


@pytest.mark.parametrize("header", ["serial,kind,value\n", ""])
def test_a_separator_line_and_empty_rows_are_passed(payg, batch, header):
    text = f"sep=,\r\n,,\r\n{header}SLT000000001,add,7\r\n , ,\r\n,,\r\n"
    assert payg(*ask(batch, text))[0] == 0
    assert [row["Count"] for row in rows_of(batch)] == ["2"]
    code, _, error = payg(*ask(batch, "sep=;\nserial;kind;value\n", "other.csv"))
    assert (code, "separated by semicolons" in error) == (1, True)


@pytest.mark.parametrize(
    ("header", "missing", "near"),
    [
        ("serial,kind,valu", "value", "valu"),
        ("Serail,kind,value", "serial", "serail"),
        ("serial,kinds,value", "kind", "kinds"),
        ("serial,kind,values,phone", "value", "values"),
    ],
)
def test_a_column_that_is_nearly_named(payg, batch, header, missing, near):
    code, _, error = payg(*ask(batch, f"{header}\nSLT000000001,add,7\n"))
    assert code == 1
    assert f"the column {missing} is missing; do you mean {missing} by {near}?" in error
    assert nothing_issued(batch)


def test_a_file_without_a_header(payg, batch):
    assert payg(*ask(batch, "SLT000000001,add,7\nSLT000000002,disable\n"))[0] == 0
    assert [row["Serial Number"] for row in rows_of(batch)] == ["SLT000000001", "SLT000000002"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("serial,amount\nSLT000000001,7\n", "the header lacks kind"),
        ("kind,value\nadd,7\n", "the header lacks serial"),
        ("serial,kind,Kind\nSLT000000001,add,7\n", "the column kind twice"),
        ("Serial Number,Kind,Value,Count,Token,SMS\nSLT000000001,add,7,2,1,x\n", "column Count"),
        ("serial;kind;value\nSLT000000001;add;7\nSLT000000002;add;7\n", "semicolons"),
        ("SLT000000001;add;7\nSLT000000002;add;7\n", "semicolons"),
        ("who,what,how much\n", "a header line names at least the columns serial and kind"),
        ("SLT000000001,add,7,+254\n", "more columns need a header line"),
    ],
)
def test_a_file_of_the_wrong_kind_is_one_line(payg, batch, text, said):
    code, _, error = payg(*ask(batch, text))
    first, last = error.splitlines()
    assert code == 1
    assert first.startswith(f"{batch.parent / 'paid.csv'}:1: ") and said in first
    assert "no token was issued" in last
    assert nothing_issued(batch)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_a_spreadsheets_unicode_text_is_one_line(payg, batch, encoding):
    path = batch.parent / "paid.csv"
    text = "serial\tkind\tvalue\r\n" + "SLT000000001\tadd\t7\r\n" * 50
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    path.write_bytes(mark + text.encode(encoding))
    code, _, error = payg("token", "--batch", batch, "--csv", path)
    assert (code, len(error.splitlines())) == (1, 2)
    assert f'{path}:1: the file is in UTF-16 ("Unicode Text")' in error
    assert 'save the file as "CSV UTF-8"' in error


# -- duplicates ------------------------------------------------------------------------------


def test_the_same_payment_twice(payg, batch):
    text = "serial,kind,value\nSLT000000001,add,30\nSLT000000002,add,30\nSLT000000001,Add,30.0\n"
    code, _, error = payg(*ask(batch, text))
    assert code == 1
    assert "paid.csv:4: the same as line 2: SLT000000001, add 30.0; if both are meant" in error
    assert nothing_issued(batch)
    assert payg(*ask(batch, text), "--allow-duplicates")[0] == 0
    assert [row["Count"] for row in rows_of(batch)] == ["2", "2", "4"]


@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(["add,7", "set,7", "add,8", "disable,"])),
        min_size=1,
        max_size=8,
    )
)
def test_each_later_copy_is_named_with_its_first_line(tmp_path_factory, lines):
    path = tmp_path_factory.mktemp("wishes") / "paid.csv"
    path.write_text("".join(f"SLT{number:09},{rest}\n" for number, rest in lines))
    copies = [at for at, line in enumerate(lines, 1) if line in lines[: at - 1]]
    problems = read_wishes(path).problems
    assert [problem.line for problem in problems] == copies
    for problem in problems:
        assert f"line {lines.index(lines[problem.line - 1]) + 1}:" in problem.text
    assert read_wishes(path, allow_duplicates=True).problems == []


# -- all faults ------------------------------------------------------------------------------


def test_all_faults_are_told_by_line(payg, batch):
    text = batch.read_text().replace(unit(9).key.hex(), "damaged")
    batch.write_text(text)
    faults = [
        ("SLT000000001,give,1", "the kind is one of"),
        ("SLT000000001,add,", "days are a number"),
        ("SLT000000001,add,0.5", "whole time units"),
        ("SLT000000001,add,1000", "0 to 995 days"),
        ("SLT000000001,add,0", "0 days are no addition"),
        ("SLT000000001,sync,1", "has no value"),
        ("SLT0000O0002,add,1", "not in"),
        ("SLT000000009,add,1", "line 10: Key is not"),
        ("SLT000000001,add,1,2", "4 columns"),
        ("SLT000000003,extended,x", "extended value"),
        ("SLT000000004,add,7", "the same as line 2"),
        (",add,7", "an empty serial number"),
    ]
    lines = ["serial,kind,value", "SLT000000004,add,7", *(line for line, _ in faults)]
    code, _, error = payg(*ask(batch, "\n".join(lines) + "\n"))
    said = error.splitlines()
    assert (code, len(said)) == (1, len(faults) + 1)
    for number, ((_, wanted), line) in enumerate(zip(faults, said), 3):
        assert f"paid.csv:{number}: " in line and wanted in line
    assert "do you mean SLT000000002?" in said[6]
    assert nothing_issued(batch)


def test_repeated_messages_are_capped(payg, batch):
    lines = [f"XYZ{number:09},add,7" for number in range(500)]
    lines += [f"SLT000000001,give,{number}" for number in range(300)]
    lines += ["SLT000000001,add,7"] * 200
    code, _, error = payg(*ask(batch, "\n".join(lines) + "\n"))
    said = error.splitlines()
    assert (code, len(said)) == (1, 3 * SHOWN + 1)
    assert f"({500 - SHOWN} more lines like this)" in error
    assert f"({300 - SHOWN} more lines like this)" in error
    assert f"({199 - SHOWN} more lines like this)" in error


@given(st.lists(st.tuples(st.integers(1, 99), st.sampled_from("abc")), max_size=60))
def test_no_problem_gets_lost(some):
    shown = told(Problem(line, f"{sort} in {line}", sort) for line, sort in some)
    assert shown == sorted(shown)
    for sort in "abc":
        there = [line for line, other in some if other == sort]
        texts = [text for _, text in shown if text.startswith(sort)]
        more = sum(int(text.split("(")[1].split()[0]) for text in texts if "(" in text)
        assert len(texts) == min(SHOWN, len(there)) and len(texts) + more == len(there)


def test_a_formula_is_handed_on_and_the_page_says_so(payg, batch):
    cells = ["=1+1", "+4912", "-3", "@x"]
    rows = "".join(f"SLT{at:09},add,7,{cell}\n" for at, cell in enumerate(cells, 1))
    assert payg(*ask(batch, f"serial,kind,value,note\n{rows}"))[0] == 0
    with open(batch.parent / "paid-tokens.csv", newline="") as file:
        assert [row["note"] for row in csv.DictReader(file)] == cells
    page = " ".join((ROOT / "docs" / "batches.md").read_text().split())
    assert "takes such a cell for a formula: import all columns" in page


@pytest.mark.parametrize("code", [0x80, 0x9B, 0x2028, 0x202E])
def test_a_control_character_is_visible(payg, batch, code):
    """U+009B begins an escape sequence of a terminal, as ESC [ does."""
    strange = chr(code)
    shown = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    header = "serial,kind,value\n"
    for text in (f"{header}A{strange}31m,add,7\n", f"{header}SLT000000001,add,7{strange}7\n"):
        code, said, error = payg(*ask(batch, text, "strange.csv"))
        assert (code, said, strange in error, shown in error) == (1, "", False, True)
    error = payg(*ask(batch, f"serial,kind,value,sms{strange}\n", "header.csv"))[2]
    assert strange not in error


def test_no_key_in_a_hint_or_in_an_echo(payg, batch, tmp_path):
    """A list and requests whose columns were exchanged have keys where serial numbers belong."""
    key = unit(3).key.hex()
    lines = batch.read_text().splitlines()
    swapped = [
        ",".join([f"{cells[2]}", cells[1], cells[0], *cells[3:]])
        for cells in (line.split(",") for line in lines[1:])
    ]
    (tmp_path / "swapped.csv").write_text("\n".join([lines[0], *swapped]) + "\n")
    near = key[:-1] + "x"
    spaced = " ".join(key[at : at + 4] for at in range(0, 32, 4))
    for wrong in (
        f"{near},add,7",
        f"SLT000000001,add,{key}",
        f"{key},add,7",
        f"SLT000000001,{key},7",
        f"{spaced},add,7",
        f"SLT000000001,add,{spaced}",
        f"SLT000000001,{spaced},7",
    ):
        for listed in (batch, tmp_path / "swapped.csv"):
            paid = tmp_path / "paid.csv"
            paid.write_text(wrong + "\n")
            code, said, error = payg("token", "--batch", listed, "--csv", paid)
            assert code == 1
            assert key not in said + error and KEY not in said + error
            assert key[:24] not in said + error
            assert key[:24] not in (said + error).replace(" ", "")
    assert nothing_issued(batch)


def test_faults_leave_the_ledger_as_it_was(payg, batch):
    with Ledger(str(batch.parent / "ledger.db")) as ledger:
        assert payg(*ask(batch, "SLT000000001,add,7\nSLT000000001,add,0\n"))[0] == 1
        assert ledger.tokens("SLT000000001") == []
