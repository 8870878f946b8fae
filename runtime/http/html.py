"""Write HTML in which nothing is left unescaped by oversight."""

import re
from html import escape


class Html(str):
    """Markup; any other text is escaped when it is inserted."""

    __slots__ = ()


_VOID = frozenset({"br", "input", "link", "meta"})
_CODE = re.compile(r"`([^`]+)`")


def element(tag: str, *children: str, **attributes: str) -> Html:
    """Write an element.

    Args:
        tag: Its name.
        children: Text, which is escaped, or markup.
        attributes: A trailing underscore keeps a name from being a Python keyword.
    """
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for name, value in attributes.items()
    )
    inner = "".join(map(_escaped, children))
    return Html(f"<{tag}{given}>" if tag in _VOID else f"<{tag}{given}>{inner}</{tag}>")


def join(parts: list[Html]) -> Html:
    """Concatenate markup."""
    return Html("".join(parts))


def prose(text: str) -> Html:
    """Write paragraphs separated by empty lines, with `code` between backticks."""
    return join([element("p", line(paragraph)) for paragraph in text.split("\n\n") if paragraph])


def line(text: str) -> Html:
    """Write a text with `code` between backticks."""
    pieces = _CODE.split(text)
    marked = [
        element("code", piece) if place % 2 else Html(escape(piece))
        for place, piece in enumerate(pieces)
    ]
    return join(marked)


def _escaped(child: str) -> str:
    return child if isinstance(child, Html) else escape(child)
