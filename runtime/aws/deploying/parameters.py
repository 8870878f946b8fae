"""Check the template's parameters before AWS is asked for anything."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final

from runtime.aws.deploying.errors import DeploymentFailed

Template = Mapping[str, Any]

_STACK_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_SET_HERE: Final = {"Architecture": "--arch", "PythonVersion": "the zips"}


def check_given(stack: str, template: Template, given: Mapping[str, str]) -> None:
    """Check the given values, independent of the stack.

    Raises:
        DeploymentFailed: With a line for each fault.
    """
    faults = []
    if not _STACK_NAME.fullmatch(stack):
        faults.append(
            f"{stack!r} can't be a stack's name: it should be a letter, then letters, digits and "
            "hyphens"
        )
    _refuse([*faults, *_faults_of(template["Parameters"], given)])


def check_together(template: Template, given: Mapping[str, str], kept: set[str] | None) -> None:
    """Check that nothing is missing and that the template's rules hold.

    Args:
        template: As CloudFormation reads it.
        given: New values.
        kept: Parameters that the stack has; None if there is no such stack.

    Raises:
        DeploymentFailed: With a line for each fault.
    """
    unknown = (kept or set()) - set(given)
    defaults = {
        name: str(it["Default"]) for name, it in template["Parameters"].items() if "Default" in it
    }
    known = {name: it for name, it in {**defaults, **given}.items() if name not in unknown}
    missing = [
        f"{name} has no default: --parameter {name}=VALUE"
        for name in template["Parameters"]
        if name not in known and name not in unknown
    ]
    _refuse([*missing, *_broken_rules(template.get("Rules", {}), known)])


def _refuse(faults: list[str]) -> None:
    if faults:
        raise DeploymentFailed("\n".join(faults))


def _faults_of(known: Template, given: Mapping[str, str]) -> Iterator[str]:
    for name, value in given.items():
        if name in _SET_HERE:
            yield f"{name} can't be given as a parameter: {_SET_HERE[name]} decides it"
        elif name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            yield f"{name}: the template has no such parameter{hint}"
        elif fault := _fault_of(known[name], value):
            yield f"{name}: {fault}, but is {value!r}"


def _fault_of(wanted: Mapping[str, Any], value: str) -> str | None:
    allowed = [str(it) for it in wanted.get("AllowedValues", [])]
    if allowed and value not in allowed:
        return f"should be one of {', '.join(allowed)}"
    if wanted["Type"] == "Number":
        return _fault_of_number(wanted, value)
    if (pattern := wanted.get("AllowedPattern")) and not re.fullmatch(pattern, value):
        return f"should match {pattern}"
    return None


def _fault_of_number(wanted: Mapping[str, Any], value: str) -> str | None:
    least, most = wanted.get("MinValue"), wanted.get("MaxValue")
    if not re.fullmatch(r"[+-]?[0-9]+", value, re.ASCII):
        return "should be a whole number"
    if least is not None and int(value) < int(least):
        return f"should be at least {least}"
    if most is not None and int(value) > int(most):
        return f"should be at most {most}"
    return None


def _broken_rules(rules: Template, known: Mapping[str, str]) -> Iterator[str]:
    for rule in rules.values():
        if _value(rule.get("RuleCondition", True), known) is not True:
            continue
        for assertion in rule["Assertions"]:
            if _value(assertion["Assert"], known) is False:
                yield assertion["AssertDescription"]


def _value(said: Any, known: Mapping[str, str]) -> Any:
    """Evaluate a condition; None if it depends on values that only the stack knows."""
    match said:
        case {"Ref": name}:
            return known.get(name)
        case {"Fn::Not": [condition]}:
            found = _value(condition, known)
            return None if found is None else not found
        case {"Fn::Equals": [one, other]}:
            both = _value(one, known), _value(other, known)
            return None if None in both else both[0] == both[1]
        case dict():
            return None  # a function that no rule of this template uses: AWS will check it
        case _:
            return said
