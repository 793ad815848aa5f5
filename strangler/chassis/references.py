"""References from one domain's rows to another's.

    user = reference("accounts.User", related_name="orders")

Where this process hosts both domains the field is a real foreign key with a constraint. Where the
target lives elsewhere it is the same column without one: `order.user_id` works as before, and
`order.user` asks the query that the target's contract names for it (`Port.resolves`), or the resolver
that was registered, which answers with the contract's DTO; `prefetch_related("user")` asks once for all
rows. Both deconstruct alike, so the migrations of a domain are the same everywhere.

Between the two, from a cutover until the old host runs without the domain, the table here is a copy that
follows the owner's: a row that is not in it yet is asked of the owner, and one that is may be behind.

A target whose primary key is no big integer is referred to with a `key` like it, since where the target lives
elsewhere nobody can look: `reference("accounts.User", key=models.UUIDField())`. A system check compares them
where both are.
"""

from collections.abc import Callable
from functools import cache
from operator import attrgetter
from types import NoneType
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.exceptions import ObjectDoesNotExist
from django.db import connection, models
from django.db.models.fields.mixins import FieldCacheMixin
from django.db.models.fields.related_descriptors import (
    ForeignKeyDeferredAttribute,
    ForwardManyToOneDescriptor,
)

from strangler.chassis import ownership, ports
from strangler.chassis.errors import ChassisError

if TYPE_CHECKING:
    Key = models.Field[Any, Any]

Resolver = Callable[[list[Any]], dict[Any, Any]]
BIG = models.BigIntegerField()
OPTIONS = frozenset(
    ("blank", "db_column", "db_comment", "default", "editable", "error_messages", "help_text", "unique")
) | {"verbose_name"}
"""Django's options that a reference takes beside its own."""

_resolvers: dict[str, Resolver] = {}


class NoResolver(ChassisError):
    """A reference to a remote domain was followed, but nothing knows how to fetch its target."""


class RemoteJoin(ChassisError):
    """A queryset tried to join with a table that lives in another host's database.

    It is no FieldError: Django would replace that by one that says less.
    """


def resolve_with(target: str, resolver: Resolver) -> None:
    """Fetch targets of remote references with `resolver`: ids in, DTOs by id out."""
    _resolvers[target.lower()] = resolver


def hosted_here(target: str) -> bool:
    """Whether the app of a target such as "accounts.User" is installed in this process."""
    label = target.split(".")[0].lower()
    if apps.apps_ready:  # as it is when models and migrations are loaded
        return label in {config.label.lower() for config in apps.get_app_configs()}
    return label in {entry.rsplit(".", 1)[-1].lower() for entry in settings.INSTALLED_APPS}


def hosted_dependencies(*dependencies: tuple[str, str]) -> list[tuple[str, str]]:
    """The migration dependencies on domains that this process hosts; the others have no tables here."""
    return [dependency for dependency in dependencies if hosted_here(f"{dependency[0]}.x")]


def reference(
    to: str,
    *,
    related_name: str = "+",
    null: bool = False,
    db_index: bool = True,
    key: "Key | None" = None,
    **options: Any,
) -> Any:
    """A field that points at a row of another domain, by "app_label.Model".

    `key`: a field of the type of the target's primary key; without one, a big integer. `options`: those of
    Django's fields that mean the same in both modes (OPTIONS). Rows of another domain are never deleted from
    under a reference: the constraint protects them.
    """
    if unknown := options.keys() - OPTIONS:
        raise TypeError(
            f"A reference to {to} takes no {', '.join(sorted(unknown))}: it would mean nothing where "
            f"{to} is another host's. What it takes: {', '.join(sorted(OPTIONS))}."
        )
    kind: Any = type(key or BIG)
    field = LocalReference if hosted_here(to) else _remote(kind)
    return field(to, related_name=related_name, null=null, db_index=db_index, key=key, **options)


def fetch(target: str, ids: list[Any]) -> dict[Any, Any]:
    """What the owner of a target such as "accounts.User" says of these ids: DTOs by id."""
    domain, _, model = target.partition(".")
    resolver = _resolvers.get(target.lower()) or ports.resolver(domain, model)
    if resolver is None:
        remedy = f"nothing has imported the contract of {domain} here: import it beside the model that refers"
        if ports.declared(domain):
            remedy = f'say in its contract which query answers for it (`resolves = {{"{model}": …}}`)'
        raise NoResolver(
            f"{target} is not hosted here and has no resolver: {remedy}, or call "
            f"`resolve_with({target!r}, …)`."
        )
    return resolver(ids)


def _id_of(value: Any, field: Any) -> Any:
    """The id of a row or DTO that is assigned to a reference."""
    target_id = getattr(value, "pk", None) or getattr(value, "id", None)
    if value is not None and target_id is None:
        raise ValueError(f"{value!r} is no {field.reference_to}: assign an id to `{field.attname}` instead.")
    return target_id


@cache
def _remote(kind: Any) -> Any:
    """The class of remote references by keys of this class."""
    return type(f"Remote{kind.__name__}", (RemoteReference, kind), {})


def _deconstruct(field: Any, name: str) -> tuple[str, str, list[Any], dict[str, Any]]:
    options: dict[str, Any] = {"related_name": field.reference_related_name}
    if field.null:
        options["null"] = True
    if not field.db_index:
        options["db_index"] = False
    if field.reference_key is not None:
        options["key"] = field.reference_key
    options |= field.reference_options
    return name, "strangler.chassis.references.reference", [field.reference_to], options


class LocalId(ForeignKeyDeferredAttribute):
    """The descriptor behind `order.user_id` where users are hosted here: Django's, but a DTO is forgotten."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        known, name, attname = instance._state.fields_cache, self.field.cache_name, self.field.attname
        if name in known and (
            instance.__dict__.get(attname) != value or not isinstance(known[name], models.Model)
        ):
            del known[name]
        instance.__dict__[attname] = value


class LocalTarget(ForwardManyToOneDescriptor):  # type: ignore[type-arg]
    """The descriptor behind `order.user` where users are hosted here: the row, or the owner's DTO where the
    domain has moved and its copy here lacks the row."""

    field: "LocalReference"

    def __set__(self, instance: models.Model, value: Any) -> None:
        if not isinstance(value, models.Model):
            setattr(instance, self.field.attname, _id_of(value, self.field))  # which forgets a DTO
        if value is None or isinstance(value, models.Model):
            super().__set__(instance, value)

    def get_object(self, instance: models.Model) -> Any:
        try:
            return super().get_object(instance)
        except ObjectDoesNotExist:
            target_id = getattr(instance, self.field.attname)
            target = self._of_owner([target_id]).get(target_id)
            if target is None:
                raise
            return target

    def is_cached(self, instance: models.Model) -> bool:
        return self.field.cache_name in instance._state.fields_cache

    def get_prefetch_querysets(self, instances: list[Any], querysets: Any = None) -> tuple[Any, ...]:
        rows, id_of_row, *others = super().get_prefetch_querysets(instances, querysets)
        if querysets or not self._moved():
            return rows, id_of_row, *others  # what a queryset leaves out is left out on purpose
        wanted = {getattr(instance, self.field.attname) for instance in instances}
        found = self._of_owner(sorted(wanted - {None} - {row.pk for row in rows}))
        if not found:
            return rows, id_of_row, *others
        id_of = {id(target): (i,) for i, target in found.items()}
        return (
            [*rows, *found.values()],
            lambda target: id_of.get(id(target)) or id_of_row(target),
            *others,
        )

    def _moved(self) -> bool:
        return ownership.moved_away(self.field.reference_to.partition(".")[0])

    def _of_owner(self, ids: list[Any]) -> dict[Any, Any]:
        return fetch(self.field.reference_to, ids) if ids and self._moved() else {}


class LocalReference(models.ForeignKey):  # type: ignore[type-arg]
    """A reference whose target is hosted here: a foreign key."""

    db_index: bool
    descriptor_class = LocalId
    forward_related_accessor_class = LocalTarget

    def __init__(self, to: Any, related_name: str = "+", key: "Key | None" = None, **options: Any) -> None:
        self.reference_to, self.reference_related_name, self.reference_key = to, related_name, key
        self.reference_options = {name: options[name] for name in OPTIONS & options.keys()}
        options.setdefault("on_delete", models.PROTECT)
        super().__init__(to, related_name=related_name, **options)

    def is_cached(self, instance: models.Model) -> bool:
        """Django asks this before it treats what is cached as a row, in `save` for one."""
        return isinstance(self.get_cached_value(instance, False), (models.Model, NoneType))

    def check(self, **options: Any) -> list[checks.CheckMessage]:
        return [*super().check(**options), *self._check_key()]

    def _check_unique(self, **options: Any) -> list[checks.CheckMessage]:
        return []  # Django would have a OneToOneField

    def _check_key(self) -> list[checks.CheckMessage]:
        if isinstance(self.remote_field.model, str):
            return []  # there is no such model, and Django says so
        here, elsewhere = self.db_type(connection), (self.reference_key or BIG).db_type(connection)
        if here == elsewhere:
            return []
        return [
            checks.Error(
                f"The key of {self.reference_to} is {here}, and where that is another host's, this column "
                f"would be {elsewhere}.",
                hint="Name a field of the key's type: reference(…, key=models.UUIDField()), for instance.",
                obj=self,
                id="strangler.E001",
            )
        ]

    def deconstruct(self) -> Any:
        return _deconstruct(self, self.name)

    def clone(self) -> Any:
        return reference(
            self.reference_to,
            related_name=self.reference_related_name,
            null=self.null,
            db_index=self.db_index,
            key=self.reference_key,
            **self.reference_options,
        )


class RemoteId(ForeignKeyDeferredAttribute):
    """The descriptor behind `order.user_id`: whoever sets it, to what it was too (`refresh_from_db`), has the
    target asked for again."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        if self.field.is_cached(instance):
            self.field.delete_cached_value(instance)
        super().__set__(instance, value)


class RemoteReference(FieldCacheMixin, models.Field):  # type: ignore[type-arg]
    """A reference whose target lives in another host's database: the same column, no constraint. A mixin of
    the key's class (`_remote`).

    What it points at is kept as Django keeps a foreign key's target, and forgotten when the id is set.
    """

    descriptor_class = RemoteId

    def __init__(self, to: str, related_name: str = "+", key: "Key | None" = None, **options: Any) -> None:
        self.reference_to, self.reference_related_name, self.reference_key = to, related_name, key
        self.reference_options = {name: options[name] for name in OPTIONS & options.keys()}
        _, _, arguments, given = (key or BIG).deconstruct()
        super().__init__(*arguments, **given | options)

    def deconstruct(self) -> Any:
        return _deconstruct(self, self.name)

    clone = LocalReference.clone

    @property
    def cache_name(self) -> str:
        return str(self.name)

    def get_attname(self) -> str:
        return f"{self.name}_id"

    def get_attname_column(self) -> tuple[str, str]:
        return self.get_attname(), self.db_column or self.get_attname()

    def contribute_to_class(self, cls: Any, name: str, private_only: bool = False) -> None:
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, self.name, RemoteTarget(self))

    def save_form_data(self, instance: models.Model, data: Any) -> None:
        setattr(instance, self.attname, data)

    def get_transform(self, name: str) -> Any:
        transform = super().get_transform(name)
        if transform is None:
            port = f"contracts.{self.reference_to.split('.')[0]}"
            raise self.not_joined(
                f"ask the port in {port} for the ids first, then filter by `{self.name}_id__in`"
            )
        return transform

    def not_joined(self, remedy: str) -> RemoteJoin:
        """The error of a query that would join."""
        return RemoteJoin(
            f"{self.model.__name__}.{self.name} points at {self.reference_to}, which this host's "
            f"database does not hold: {remedy}."
        )


class RemoteTarget:
    """The descriptor behind `order.user`: fetches the DTO once an instance, or in bulk by prefetching."""

    def __init__(self, field: RemoteReference) -> None:
        self.field = field

    def __get__(self, instance: models.Model | None, owner: type[models.Model]) -> Any:
        if instance is None:
            return self
        target_id = getattr(instance, self.field.attname)
        if target_id is None:
            return None
        if not self.field.is_cached(instance):
            self.field.set_cached_value(instance, fetch(self.field.reference_to, [target_id]).get(target_id))
        return self.field.get_cached_value(instance)

    def __set__(self, instance: models.Model, value: Any) -> None:
        setattr(instance, self.field.attname, _id_of(value, self.field))

    def is_cached(self, instance: models.Model) -> bool:
        """Django's prefetching asks this."""
        return bool(self.field.is_cached(instance))

    def get_prefetch_querysets(self, instances: list[Any], querysets: Any = None) -> tuple[Any, ...]:
        """Django's prefetching protocol: what these instances point at, and how both find each other. A DTO
        need not know its id, so it is found by what it is."""
        if querysets:
            raise self.field.not_joined("prefetch it without a queryset")
        target_id = attrgetter(self.field.attname)
        ids = sorted({i for instance in instances if (i := target_id(instance)) is not None})
        found = fetch(self.field.reference_to, ids) if ids else {}
        id_of = {id(target): i for i, target in found.items()}
        return list(found.values()), lambda target: id_of[id(target)], target_id, True, self.field.name, False
