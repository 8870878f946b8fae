"""Describe types for an OpenAPI document, with the models' own descriptions."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

Schema = dict[str, Any]
Mode = Literal["validation", "serialization"]

_REF = "#/components/schemas/{model}"


def ref(name: str) -> Schema:
    """Refer to a schema among the components."""
    return {"$ref": _REF.format(model=name)}


def components(types: Mapping[str, Any], mode: Mode) -> dict[str, Schema]:
    """Describe types, and all types they consist of, by name.

    Args:
        types: Types that pydantic can validate, by the name each gets.
        mode: Whether to describe the input or the output.
    """
    schemas, shared = TypeAdapter.json_schemas(
        [(name, mode, TypeAdapter(described)) for name, described in types.items()],
        ref_template=_REF,
        schema_generator=_Plain,
    )
    named = {name: schema for (name, _), schema in schemas.items() if schema != ref(name)}
    return {**named, **shared.get("$defs", {})}


class _Plain(GenerateJsonSchema):
    """Leaves out what OpenAPI does not allow, and titles that only repeat a name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's
        """Omit the title: it would be the field's name in other letters."""
        return False

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Drop a discriminator that maps to unions: OpenAPI allows components only."""
        union = super().tagged_union_schema(schema)
        if any(isinstance(target, dict) for target in union["discriminator"]["mapping"].values()):
            del union["discriminator"]
        return union
