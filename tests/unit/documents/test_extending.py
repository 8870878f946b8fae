"""``docs/extending.md`` names existing files, and for a source all files that spell one."""

import re

import pytest

from tests.unit.compose_files import ROOT

DOCUMENT = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
SECTIONS = {
    section.partition("\n")[0]: section
    for section in re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)[1:]
}
_PATH = re.compile(
    r"`([\w./-]*(?:/|\.(?:py|sql|md|yml|yaml|toml|sh|cfg|conf|example)|Dockerfile))`"
)
_CODE = ("functions", "runtime", "infra")
_CONFIGURATION = {"docker-compose.yml", ".env.example", "pyproject.toml"}


def named(text: str) -> set[str]:
    return set(_PATH.findall(text))


def spells_a_source(name: str) -> bool:
    text = (ROOT / name).read_text(encoding="utf-8", errors="ignore")
    return bool(re.search(r"tiktok|ttk", text, re.IGNORECASE))


def files_of_the_project() -> set[str]:
    files = [it for folder in _CODE for it in (ROOT / folder).rglob("*")]
    names = {
        str(it.relative_to(ROOT)) for it in files if it.is_file() and "__pycache__" not in it.parts
    }
    return names | _CONFIGURATION | {it.name for it in ROOT.glob("compose.*.yml")}


@pytest.mark.parametrize("name", sorted(named(DOCUMENT)))
def test_a_named_file_is_there(name: str) -> None:
    assert (ROOT / name).exists()


def test_for_a_source_every_file_is_named_that_spells_one() -> None:
    told = named(SECTIONS["A source"])
    folders = tuple(it for it in told if it.endswith("/"))

    spelled = {it for it in files_of_the_project() if spells_a_source(it)}
    left = {
        it for it in spelled - told if not it.startswith((*folders, "functions/ttk_collector/"))
    }

    assert left == set()


def test_every_kind_of_extension_has_its_section() -> None:
    assert list(SECTIONS) == [
        "A field of an event", "An event type", "A report", "A source", "A sender", "A bus",
    ]  # fmt: skip
