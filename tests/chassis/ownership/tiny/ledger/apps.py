"""The ledger's app."""

from strangler.chassis.domains import DomainConfig


class LedgerConfig(DomainConfig):
    name = "tests.chassis.ownership.tiny.ledger"
    label = "ledger"
    contract = "tests.chassis.ownership.tiny.contract"
