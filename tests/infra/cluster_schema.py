"""CloudNativePG's Cluster, as far as it is used: no Python package has its schema.

Fields and types are those of postgresql.cnpg.io/v1; everything else is refused.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|[KMGT]i)?$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
Role = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Metadata(_Strict):
    name: Name
    namespace: Name | None = None


class _Reference(_Strict):
    name: Name


class _KeyReference(_Strict):
    name: Name
    key: str


class _SqlReferences(_Strict):
    configMapRefs: list[_KeyReference] = []  # noqa: N815 - the API's names, here and below


class _InitDb(_Strict):
    database: Role
    owner: Role
    encoding: str | None = None
    localeProvider: Literal["builtin", "icu", "libc"] | None = None  # noqa: N815
    builtinLocale: str | None = None  # noqa: N815
    postInitApplicationSQLRefs: _SqlReferences | None = None  # noqa: N815


class _Bootstrap(_Strict):
    initdb: _InitDb


class _ManagedRole(_Strict):
    name: Role
    ensure: Literal["present", "absent"]
    login: bool
    inRoles: list[Role] = []  # noqa: N815
    passwordSecret: _Reference | None = None  # noqa: N815


class _Managed(_Strict):
    roles: list[_ManagedRole] = []


class _Synchronous(_Strict):
    method: Literal["any", "first"]
    number: Annotated[int, Field(ge=1)]
    dataDurability: Literal["required", "preferred"] | None = None  # noqa: N815


class _Postgresql(_Strict):
    parameters: dict[str, str]
    synchronous: _Synchronous | None = None


class _Storage(_Strict):
    size: Quantity
    storageClass: Name | None = None  # noqa: N815


class _Amounts(_Strict):
    cpu: Quantity | None = None
    memory: Quantity | None = None


class _Resources(_Strict):
    requests: _Amounts
    limits: _Amounts


class _Spec(_Strict):
    instances: Annotated[int, Field(ge=1)]
    imageName: Annotated[str, Field(pattern=r"^[\w./-]+:[\w.-]+$")]  # noqa: N815
    enableSuperuserAccess: bool  # noqa: N815
    bootstrap: _Bootstrap
    managed: _Managed
    postgresql: _Postgresql
    storage: _Storage
    resources: _Resources


class PostgresCluster(_Strict):
    """A Cluster."""

    apiVersion: Literal["postgresql.cnpg.io/v1"]  # noqa: N815
    kind: Literal["Cluster"]
    metadata: _Metadata
    spec: _Spec
