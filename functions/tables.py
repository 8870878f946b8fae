"""Answers as tables: readable by spreadsheets, without anything they would run."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from functions.json_model import JsonModel

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
_FIRST: Final = "bucket"

Row = Mapping[str, Any]
"""An answer's JSON as a Python mapping."""


def columns_of(model: type[JsonModel]) -> tuple[str, ...]:
    """Name the columns of a list's rows: the JSON's fields, the bucket first.

    A nested field has both names, with a dot between them.
    """
    columns = tuple(_columns(model, ""))
    return (*(it for it in columns if it == _FIRST), *(it for it in columns if it != _FIRST))


def write_csv(columns: Sequence[str], rows: Iterable[Row], *, header: bool = True) -> bytes:
    r"""Write a table as CSV (RFC 4180), UTF-8, with a header row.

    A text that a spreadsheet would take for a formula, one that begins with ``=``, ``+``,
    ``-``, ``@``, a tab or a carriage return, gets a ``'`` in front. Numbers are written
    as they are.

    Args:
        columns: Names of fields; dotted for a nested field.
        rows: A field that is missing or null becomes an empty cell.
        header: Whether to write the header row: of a long table that is written
            in parts only the first has it.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if header:
        writer.writerow(columns)
    paths = [column.split(".") for column in columns]
    writer.writerows([_cell(_value(row, path)) for path in paths] for row in rows)
    return text.getvalue().encode()


def write_list(model: type[JsonModel], rows: Iterable[JsonModel]) -> bytes:
    """Write a list of an answer as CSV; see ``write_csv``.

    Args:
        model: That of each row.
        rows: May be empty; then there is the header alone.
    """
    return write_csv(columns_of(model), (row.model_dump(mode="json") for row in rows))


def _columns(model: type[JsonModel], before: str) -> Iterable[str]:
    for field in model.model_fields.values():
        name = f"{before}{field.alias}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, JsonModel):
            yield from _columns(field.annotation, f"{name}.")
        else:
            yield name


def _value(row: Row, path: Sequence[str]) -> Any:
    value: Any = row
    for name in path:
        value = value.get(name)
    return value


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
