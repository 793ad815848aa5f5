"""The app of people."""

from strangler.chassis.domains import DomainConfig


class PeopleConfig(DomainConfig):
    name = "tests.chassis.references.people"
    label = "people"
    contract = "tests.chassis.references.contract"
