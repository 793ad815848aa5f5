"""A contract of a domain that has little to do."""

from strangler.chassis.ports import Port, query


class Idling(Port):
    """The port of who is idle."""

    domain = "idling"

    @query
    def doze(self, *, seconds: float) -> None:
        """Waits in the database."""


idling = Idling()
