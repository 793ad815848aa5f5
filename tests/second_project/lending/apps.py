"""The domain's app."""

from strangler.chassis.domains import DomainConfig


class LendingConfig(DomainConfig):
    name = "tests.second_project.lending"
    label = "lending"
    contract = "tests.second_project.lending.contract"
