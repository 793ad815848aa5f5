"""Whether a host's migrations can be run there: asked of the files alone, of no database."""

from collections.abc import Iterator
from typing import Any

import msgspec


class Broken(msgspec.Struct, frozen=True, kw_only=True):
    """A migration that does not load, and why. `app`: which one is missing, if one is."""

    migration: str
    why: str
    app: str = ""


def broken() -> list[Broken]:
    """What is wrong with the migrations of this process's apps."""
    from django.apps import apps
    from django.db.migrations.loader import MigrationLoader

    here = {config.label for config in apps.get_app_configs()}
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    found = []
    for key, migration in sorted(loader.disk_migrations.items()):
        name = ".".join(key)
        found += [
            Broken(migration=name, app=app, why=f"it depends on {app}.{other}")
            for app, other in migration.dependencies
            if app not in here
        ]
        found += [
            Broken(migration=name, app=app, why=f"{field} is a key into {target}")
            for field, target in _keys(migration.operations)
            if (app := target.rpartition(".")[0] or key[0]) not in here
        ]
    return found or _elsewhere()


def _keys(operations: Any) -> Iterator[tuple[str, str]]:
    """Each key that the operations name, and the model that it is into."""
    for operation in operations:
        model = getattr(operation, "model_name", None) or getattr(operation, "name", "")
        single = [(operation.name, operation.field)] if getattr(operation, "field", None) else []
        for name, field in getattr(operation, "fields", single):
            target = getattr(field.remote_field, "model", None) if field.is_relation else None
            if isinstance(target, str):
                yield f"{model}.{name}", target
        yield from _keys(getattr(operation, "state_operations", ()))


def _elsewhere() -> list[Broken]:
    """What Django says when it goes through them all."""
    from django.db.migrations.exceptions import BadMigrationError, CircularDependencyError, NodeNotFoundError
    from django.db.migrations.loader import MigrationLoader

    try:
        _ = MigrationLoader(None).project_state().apps
    except (BadMigrationError, CircularDependencyError, NodeNotFoundError, ValueError, KeyError) as error:
        return [Broken(migration="", why=str(error))]
    return []
