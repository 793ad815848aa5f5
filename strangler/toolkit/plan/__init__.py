"""The plan: which domains a monolith has, what is theirs, and the stages in which they leave it."""

from strangler.toolkit.plan.file import PlanInvalid, load
from strangler.toolkit.plan.model import Domain, Gateway, Host, Plan, Route, Stage

__all__ = ["Domain", "Gateway", "Host", "Plan", "PlanInvalid", "Route", "Stage", "load"]
