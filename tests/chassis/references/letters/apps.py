"""The app of letters."""

from strangler.chassis.domains import DomainConfig


class LettersConfig(DomainConfig):
    name = "tests.chassis.references.letters"
    label = "letters"
    contract = "tests.chassis.references.contract"
