"""All links of the pages work; the examples of both READMEs are right."""

import re

import pytest

from functions.events.judging import judge
from runtime.catalogue import FUNCTIONS
from tests.unit.compose_files import ROOT

ENGLISH, UKRAINIAN = "README.md", "README.uk.md"
READMES = [ENGLISH, UKRAINIAN]
PAGES = ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "infra/kubernetes/README.md"]
PAGES += sorted(str(file.relative_to(ROOT)) for file in (ROOT / "docs").glob("*.md"))


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def anchors_of(text: str) -> set[str]:
    """Name a document's headings as GitHub links to them."""
    without_code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", it.lower()).replace(" ", "-") for it in headings}


def links_of(text: str) -> set[str]:
    return set(re.findall(r"\]\((?!https?:)([^)\s]+)\)", text))


@pytest.mark.parametrize("name", [*READMES, *PAGES])
def test_every_link_leads_somewhere(name: str) -> None:
    for link in links_of(text_of(name)):
        file, _, anchor = link.partition("#")
        target = (ROOT / name).parent / file if file else ROOT / name
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in anchors_of(target.read_text(encoding="utf-8")), link


def test_each_readme_links_the_other() -> None:
    assert UKRAINIAN in links_of(text_of(ENGLISH))
    assert ENGLISH in links_of(text_of(UKRAINIAN))


@pytest.mark.parametrize("name", PAGES)
def test_the_readme_leads_to_every_page(name: str) -> None:
    assert name in links_of(text_of(ENGLISH))


def test_the_contents_name_every_section() -> None:
    text = text_of(ENGLISH)
    [contents] = re.findall(r"^\*\*Contents:\*\*.*$", text, re.MULTILINE)
    sections = set(re.findall(r"^## (.*)$", text, re.MULTILINE))

    assert sections - set(re.findall(r"\[([^]]+)\]", contents)) <= {"Licence"}


@pytest.mark.parametrize("name", READMES)
def test_the_event_that_is_shown_is_valid(name: str) -> None:
    [event] = re.findall(r"-d '\[(.*?)\]'\n", text_of(name), re.DOTALL)

    assert judge(event.encode()).event_id == "fb-1"


@pytest.mark.parametrize("name", READMES)
def test_every_function_is_named_with_its_port(name: str) -> None:
    for function, it in FUNCTIONS.items():
        assert f"| {function} | http://localhost:{it.port} |" in text_of(name)


@pytest.mark.parametrize("name", READMES)
@pytest.mark.parametrize("status", ["202", "400", "401", "413", "422", "503"])
def test_what_to_do_with_an_answer_is_said(name: str, status: str) -> None:
    assert re.search(rf"^\| .*`{status}`.* \|", text_of(name), re.MULTILINE)
