"""What Citus can't plan over distributed tables, recognized in a statement's text.

Each rule is an error that Citus 14.0.1 gave for a statement of this project or, where said,
that its source or documentation names. A statement that no rule matches may fail all the
same: only Citus knows. Joins that don't follow the keys run because `eps migrate
--distribute` sets citus.enable_repartition_joins.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_MODIFIES = re.compile(r"\b(?:UPDATE|INSERT INTO|DELETE FROM) (\w+)")
_SUBQUERY = re.compile(r"\((?=\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b)")


class Statement:
    """A statement, as far as the rules ask about it.

    Attributes:
        text: It, without comments and contents of strings, in one line.
    """

    def __init__(self, sql: str, distributed: Mapping[str, str]) -> None:
        self.text = " ".join(re.sub(r"--[^\n]*|'[^']*'", "''", sql).replace("''\n", " ").split())
        self._distributed = distributed

    def tables(self, text: str) -> list[str]:
        """List the distributed tables that a text reads from, in order, with repetitions."""
        found: list[str] = re.findall(r"\b(?:FROM|JOIN|UPDATE) (\w+)", text)
        return [name for name in found if name in self._distributed]

    @property
    def modified(self) -> str | None:
        """The distributed table that it modifies, if it modifies one."""
        found = _MODIFIES.match(self.text)
        return found[1] if found and found[1] in self._distributed else None

    @property
    def reads(self) -> bool:
        """Whether it reads a distributed table."""
        return bool(self.tables(self.text))

    def column(self, table: str) -> str:
        """The column by which a table is distributed."""
        return self._distributed[table]

    def subqueries(self) -> Iterator[tuple[str, str]]:
        """Give each subquery, with the text before it."""
        for start in _SUBQUERY.finditer(self.text):
            inner = self.text[start.end() : self._end(start.end())]
            yield self.text[: start.start()], inner.strip()

    def levels(self) -> Iterator[str]:
        """Give the statement and each subquery, without the subqueries in them."""
        for text in (self.text, *(inner for _, inner in self.subqueries())):
            level, found = text, 1
            while found:
                level, found = re.subn(r"\([^()]*\)", " ", level)
            yield level

    def _end(self, start: int) -> int:
        depth = 1
        for place in range(start, len(self.text)):
            depth += {"(": 1, ")": -1}.get(self.text[place], 0)
            if not depth:
                return place
        raise AssertionError("parentheses don't match")


def _locks_rows(it: Statement) -> bool:
    locks = re.compile(r"\bFOR (NO KEY )?(UPDATE|SHARE)\b")
    return any(it.tables(level) and locks.search(level) for level in it.levels())


def _has_subquery_without_columns(it: Statement) -> bool:
    return any(inner.startswith("SELECT FROM") and it.tables(inner) for _, inner in it.subqueries())


def _looks_up_laterally(it: Statement) -> bool:
    return any(
        before.endswith("LATERAL ") and it.tables(inner) and re.search(r"\b(OFFSET|LIMIT)\b", inner)
        for before, inner in it.subqueries()
    )


def _updates_by_subquery(it: Statement) -> bool:
    return it.text.startswith("UPDATE") and any(
        before.endswith("= ") and it.tables(inner) for before, inner in it.subqueries()
    )


def _recurses(it: Statement) -> bool:
    return it.reads and "WITH RECURSIVE" in it.text


def _returns_by_function(it: Statement) -> bool:
    _, _, returned = it.text.partition(" RETURNING ")
    return bool(it.modified and re.search(r"::text|\w\(", returned))


def _moves_rows(it: Statement) -> bool:
    table = it.modified
    change = re.search(r"\bSET\b(.*?)(?: FROM | WHERE | RETURNING |$)", it.text)
    return bool(table and change and re.search(rf"\b{it.column(table)} =", change[1]))


def _decides_on_several_nodes(it: Statement) -> bool:
    table, conflict = it.modified, re.search(r"ON CONFLICT \(([^)]*)\)", it.text)
    return bool(table and conflict and it.column(table) not in conflict[1].split(", "))


RULES: Final[Mapping[str, Callable[[Statement], bool]]] = {
    "could not run distributed query with FOR UPDATE/SHARE commands": _locks_rows,
    'a column definition list is required for functions returning "record"': (
        _has_subquery_without_columns
    ),
    "Offset clause is currently unsupported when a lateral subquery references a column": (
        _looks_up_laterally
    ),
    "complex joins are only supported when all distributed tables are co-located": (
        _updates_by_subquery
    ),
    "non-IMMUTABLE functions are not allowed in the RETURNING clause": _returns_by_function,
    # From its source:
    "recursive CTEs are not supported in distributed queries": _recurses,
    "modifying the partition value of rows is not allowed": _moves_rows,
    # From its documentation: a unique constraint has to have the column.
    "there is no unique constraint matching the ON CONFLICT specification": (
        _decides_on_several_nodes
    ),
}


def broken(sql: str, distributed: Mapping[str, str]) -> set[str]:
    """List the rules that a statement breaks.

    Args:
        sql: The statement.
        distributed: The distributed tables, and the column of each.
    """
    statement = Statement(sql, distributed)
    return {rule for rule, is_broken in RULES.items() if is_broken(statement)}
