"""The desk's app."""

from strangler.chassis.domains import DomainConfig


class DeskConfig(DomainConfig):
    name = "tests.chassis.ownership.tiny.desk"
    label = "desk"
    contract = "tests.chassis.ownership.tiny.contract"
