"""``docs/decisions.md`` has seven headings, and lists every entry at the top."""

import re

from tests.unit.compose_files import ROOT

CONTENTS, *PARTS = re.split(
    r"^## (?!Contents)",
    (ROOT / "docs/decisions.md").read_text(encoding="utf-8"),
    flags=re.MULTILINE,
)


def test_it_has_seven_headings() -> None:
    assert [it.partition("\n")[0] for it in PARTS] == [
        "The way in", "The bus", "The store", "Reports", "The ledger", "Platforms", "Operations",
    ]  # fmt: skip


def test_the_contents_name_each_entry_under_its_heading() -> None:
    listed = re.findall(r"^ *- \[(.*)\]\(#", CONTENTS, re.MULTILINE)

    assert listed == [
        title
        for part in PARTS
        for title in (
            part.partition("\n")[0], *re.findall(r"^### (.*)$", part, re.MULTILINE),
        )
    ]  # fmt: skip
