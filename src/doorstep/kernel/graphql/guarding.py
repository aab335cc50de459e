"""The permission checks of the root fields, put in front of their resolvers from one table."""

from collections.abc import Callable, Mapping
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema

from doorstep.kernel.scope import Permission

Resolve = Callable[..., Any]


class UnguardedField(Exception):
    """The table and the schema differ: a root field without an entry, or an entry without a field."""


def guard_root_fields(schema: GraphQLSchema, needs: Mapping[str, Permission | None]) -> None:
    """Check each root field's permission before it resolves; raises UnguardedField unless the table fits the schema exactly."""
    roots = [kind for kind in (schema.query_type, schema.mutation_type, schema.subscription_type) if kind is not None]
    fields = {f"{kind.name}.{name}": field for kind in roots for name, field in kind.fields.items()}
    if stray := fields.keys() ^ needs.keys():
        raise UnguardedField(f"Say in identity/permissions.py what these root fields need: {', '.join(sorted(stray))}.")
    for name, field in fields.items():
        permission = needs[name]
        if permission is None:
            continue
        if field.subscribe is not None:
            field.subscribe = _checked(field.subscribe, permission)
        elif field.resolve is not None:
            field.resolve = _checked(field.resolve, permission)


def _checked(resolve: Resolve, permission: Permission) -> Resolve:
    def check_then_resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        info.context.require(permission)
        return resolve(source, info, **arguments)

    return check_then_resolve
