"""The pages' texts in each language."""

from dataclasses import dataclass
from typing import Final

from runtime.http.pages import english, ukrainian


@dataclass(frozen=True, slots=True)
class Words:
    """A language.

    Attributes:
        code: Its tag, as in HTML.
        texts: Its messages by name; ``english.TEXTS`` has them all.
    """

    code: str
    texts: dict[str, str]

    def __call__(self, name: str, /, **values: object) -> str:
        """Return a message with values in place of its ``{names}``."""
        return self.texts[name].format_map(values)

    def named(self, kind: str, name: str) -> str:
        """Return the name of one member of a kind, or the member itself if it has no name."""
        return self.texts.get(f"{kind}.{name}", name)


LANGUAGES: Final = {
    "en": Words("en", english.TEXTS),
    "uk": Words("uk", ukrainian.TEXTS),
}
DEFAULT: Final = "en"


def choose(asked: str, cookie: str, accept_language: str) -> Words:
    """Choose a language: from the address, else from the cookie, else the browser's.

    Args:
        asked: In the address; empty for none.
        cookie: Chosen before; empty for none.
        accept_language: The header; empty for none.
    """
    for code in (asked, cookie, *_liked(accept_language)):
        if code in LANGUAGES:
            return LANGUAGES[code]
    return LANGUAGES[DEFAULT]


def _liked(header: str) -> list[str]:
    liked = []
    for place, part in enumerate(header.split(",")[:20]):
        tag, _, quality = part.strip().partition(";q=")
        try:
            liked.append((-float(quality or 1), place, tag.partition("-")[0].strip().lower()))
        except ValueError:
            continue
    return [code for quality, _, code in sorted(liked) if quality]
