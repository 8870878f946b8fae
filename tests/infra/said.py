"""The names in files, by kind."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.infra.places import INFRA, ROOT

_WHOLE = r"(?<![\w$.-]){}(?![\w-])"
_VARIABLE = re.compile(_WHOLE.format(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+"))
_INTERPOLATED = re.compile(r"\$\{([A-Z][A-Z0-9_]*)")
_DEFAULT = re.compile(r"\$\{\w+:?-([^}]*)\}")
_PLACE = re.compile(
    r"\b([a-z][a-z-]*?)(?:-\d)?(?:-rw|-ro|-headless)?(?:\.[\w.-]+)?:(\d{2,5})(?![.\w])"
)
_JETSTREAM = re.compile(r"\$JS\.(?:API(?:\.[A-Z]+)+|ACK)\.([A-Z_]+)")
_SUBJECT = re.compile(r"""["\s-]((?:events|dead_letters)\.[a-z*>]+)(?=["\s,])""")
_ROLE = re.compile(r"(?<![\w.])eps_[a-z_]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^'\\]|\\.)*'")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
_LABEL_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_FIRST_LABEL = re.compile(r"label_values\(\s*(?:([a-z_]+)[^,]*,)?[^)]*\)")
_IDENTIFIER = re.compile(r"(?<![\w:.$])([a-z_][a-z0-9_]*)(?![\w:]|\s*\()")
_QUERIES = {"expr", "query", "definition", "series"}


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's tags, whose values are kept as they are."""


def _untag(loader: Any, _tag: str, node: Any) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _untag)


def files() -> list[Path]:
    """List the files that describe servers; scripts have their own variables."""
    found = [file for file in INFRA.rglob("*") if file.is_file() and file.suffix not in _NOT_READ]
    return sorted([*found, *composes()])


_NOT_READ = {".sh", ".png", ".lock"}


def composes() -> list[Path]:
    """List the files of Compose."""
    return sorted([*ROOT.glob("docker-compose*.yml"), *ROOT.glob("compose.*.yml")])


def trees(files: Iterable[Path]) -> Iterator[Any]:
    """Read every document of YAML and JSON."""
    for file in files:
        text = file.read_text(encoding="utf-8")
        if file.suffix in {".yml", ".yaml"}:
            yield from yaml.load_all(text, Loader=_Loader)
        elif file.suffix == ".json":
            yield json.loads(text)


def maps(tree: Any) -> Iterator[dict[str, Any]]:
    """List every map of a tree, the outer before the inner."""
    if isinstance(tree, dict):
        yield tree
    for child in (
        tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    ):
        yield from maps(child)


def environments(tree: Any) -> Iterator[dict[str, Any]]:
    """List the environments of containers and functions in a tree."""
    for it in maps(tree):
        for key in ("environment", "Variables"):
            if isinstance(it.get(key), dict):
                yield it[key]
            elif isinstance(it.get(key), list):
                yield dict(f"{entry}=".split("=", 1) for entry in it[key])
        if isinstance(it.get("env"), list):
            yield {entry["name"]: entry.get("value") for entry in it["env"]}


def commands(tree: Any) -> Iterator[list[str]]:
    """List the command lines of ``eps``, with defaults for variables."""
    for it in maps(tree):
        words = it.get("command")
        if isinstance(words, list) and words[:1] == ["eps"]:
            yield [_DEFAULT.sub(r"\1", str(word)) for word in words[1:]]


def queries(tree: Any) -> Iterator[str]:
    """List the queries of metrics."""
    for it in maps(tree):
        yield from (str(it[key]) for key in _QUERIES & it.keys() if isinstance(it[key], str))


def variables(text: str) -> set[str]:
    """Find possible environment variables."""
    return set(_VARIABLE.findall(text))


def interpolated(text: str) -> set[str]:
    """Find the variables that Compose substitutes."""
    return set(_INTERPOLATED.findall(text))


def places(text: str) -> set[tuple[str, int]]:
    """Find hosts with ports: ``postgres-rw:5432`` is postgres."""
    return {(host, int(port)) for host, port in _PLACE.findall(text)}


def streams(text: str) -> set[str]:
    """Find the streams in JetStream's own subjects."""
    return set(_JETSTREAM.findall(text))


def subjects(text: str) -> set[str]:
    """Find subjects, with wildcards or without."""
    return set(_SUBJECT.findall(text))


def roles(text: str) -> set[str]:
    """Find the database's roles."""
    return set(_ROLE.findall(text))


def labels(query: str) -> Iterator[tuple[str, str, str]]:
    """List a query's label matchers: name, operator, value."""
    yield from _MATCHER.findall(query)


def metrics(query: str) -> set[str]:
    """Find the metrics of a query; a word without an underscore belongs to the language."""
    query = _FIRST_LABEL.sub(r"\1 ", query)
    bare = re.sub(r"\{[^}]*\}", " ", _LABEL_LIST.sub(" ", _STRING.sub('""', query)))
    return {name for name in _IDENTIFIER.findall(bare) if "_" in name}
