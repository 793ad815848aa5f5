"""A query that declares a fallback is answered by it when its domain is out of reach."""

import logging
from typing import Any

from strangler.chassis.errors import DomainUnavailable
from strangler.chassis.rpc.policies.call import Call, Proceed

log = logging.getLogger(__name__)


class Fallback:
    """Never for defects: what cannot succeed shall be seen."""

    def __call__(self, call: Call, proceed: Proceed) -> Any:
        try:
            return proceed(call)
        except DomainUnavailable as error:
            if call.method.fallback is None or call.shadow:
                raise
            log.warning("%s; the fallback answers", error)
            return call.method.fallback(**call.arguments)
