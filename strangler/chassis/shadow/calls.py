"""Shadow reads of ports' queries."""

import random
from collections.abc import Callable
from typing import Any

import msgspec

from strangler.chassis import ownership, ports
from strangler.chassis.errors import ChassisError, ContractError
from strangler.chassis.ports import Method


def sample(domain: str, method: Method, arguments: dict[str, Any]) -> None:
    """Compare this query of a domain that is owned here, if its turn comes."""
    how = ownership.shadowing(domain)
    # A transaction may have seen changes of its own.
    if how is None or random.random() >= how.share or ownership.in_transaction():  # noqa: S311
        return
    from strangler.chassis.rpc.envelope import codec
    from strangler.chassis.shadow.comparing import Failed, Read, comparer

    coding = codec(domain, method)
    call = coding.call(arguments)  # as bytes: its caller may go on to use what it gave

    def outcome(ask: Callable[[dict[str, Any]], Any]) -> Any:
        try:
            answer = coding.answer(ask(coding.read_call(call)))
        except ContractError as error:
            return type(error).__name__, error.payload()
        except ChassisError as error:
            raise Failed(str(error)) from error
        # By way of JSON, so that the order of a mapping does not count.
        return msgspec.json.decode(answer)["result"]

    def here() -> Any:
        return outcome(lambda given: ports.operation(domain, method)(**given))

    def there() -> Any:
        return outcome(lambda given: _peer(how.peer, domain, method, given))

    comparer.offer(Read(domain, method.name, how, here, there))


def _peer(host: str, domain: str, method: Method, arguments: dict[str, Any]) -> Any:
    transport = ports.transport()
    if transport is None:
        raise ChassisError("there is no transport: set BROKER_URL")
    return transport.shadow(host, domain, method, arguments)
