"""Do two systems behave alike? The same calls to both, answers compared after mapping what must differ.

A *journey* makes calls to a reference and a candidate in lockstep. Values of earlier answers (ids, tokens)
go into later calls, each system's own into its own. Answers must be equal in status, headers and body, where
identifiers only have to correspond: the n-th order here is the n-th order there, everywhere it is mentioned.

A *suite* (`suite.Suite`) holds a system's rules, its hand-written journeys and how to generate others; it is
a module outside this package, which knows no system. `run.compare` carries a suite out.
"""

from strangler.toolkit.parity.calls import Answer, Call, Taken
from strangler.toolkit.parity.client import System
from strangler.toolkit.parity.comparison import Difference
from strangler.toolkit.parity.journey import Finding, Journey
from strangler.toolkit.parity.rules import Identifier, Rules

__all__ = [
    "Answer",
    "Call",
    "Difference",
    "Finding",
    "Identifier",
    "Journey",
    "Rules",
    "System",
    "Taken",
]
