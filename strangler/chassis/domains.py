"""A domain's Django app: binds its contract, its operations and its event handlers when Django starts."""

from importlib import import_module
from importlib.util import find_spec
from typing import ClassVar

from django.apps import AppConfig

from strangler.chassis import ports
from strangler.chassis.errors import ChassisError
from strangler.chassis.events.registry import subscribe


class ContractMissing(ChassisError):
    """A domain's contract module declares no port for it."""


class DomainConfig(AppConfig):
    """Base of a domain's AppConfig. `contract` is the dotted path of its contract module.

    Wherever the app is in INSTALLED_APPS, the process hosts the domain: the port calls
    `<app>.operations`, and `<app>.events.HANDLERS` is subscribed.
    """

    contract: ClassVar[str]
    default = False

    def __init_subclass__(cls) -> None:
        # Django takes an apps.py's only candidate by itself; this base, imported there, is none.
        cls.default = True

    def ready(self) -> None:
        port = self.port()
        operations = import_module(f"{self.name}.operations")
        ports.check_implementation(port, operations)
        ports.bind(port.domain, operations)
        if find_spec(f"{self.name}.events"):
            subscribe(import_module(f"{self.name}.events").HANDLERS, domain=self.label)

    def port(self) -> type[ports.Port]:
        """The class of the port that the contract exports for this domain."""
        for value in vars(import_module(self.contract)).values():
            if isinstance(value, ports.Port) and value.domain == self.label:
                return type(value)
        raise ContractMissing(
            f"{self.contract} exports no port whose domain is {self.label!r}; "
            "add `{0} = {1}()` at its end.".format(self.label, self.label.title())
        )
