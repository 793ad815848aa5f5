"""The middleware: what becomes of a request that the fence refused, or for which an owner is out of reach."""

import logging
import random
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from django.apps import apps
from django.contrib import messages
from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, UnreadablePostError

from strangler.chassis import instances, ownership
from strangler.chassis.config import current
from strangler.chassis.forwarding import headers
from strangler.chassis.forwarding.carrying import AnswerLost, NotSent, carry
from strangler.chassis.forwarding.commits import Commits
from strangler.chassis.forwarding.headers import FORWARDED, MOVED, SIGNATURE, Note
from strangler.chassis.ownership import DomainMoved
from strangler.chassis.problems import (
    SAFE,
    OutcomeUnknown,
    Unavailable,
    away,
    may_be_repeated,
    plain,
    problem,
    server_error,
)
from strangler.chassis.routes import is_admin, view_of

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
"""How long a write is held whose domain is between two owners."""

PAUSE_SECONDS = 0.05
MOST_REPEATS = 3


class Forwarding:
    """Stands last in MIDDLEWARE, so that nothing else sees the refusal."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method not in SAFE and not is_admin(request):
            try:
                _ = request.body  # kept by Django, so that the request can be sent on or done again
            except RequestDataTooBig:
                # The view refuses it, in its own words, or reads it as a stream, which nobody reads twice.
                request.__dict__["is_read_once"] = True
            except UnreadablePostError:
                return problem(400, code="parse_error", detail="The request's body did not arrive.")
        response, refusal = self._attempt(request)
        return response if refusal is None else self._settle(request, refusal)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponseBase | None:
        """Django's hook before the view: what is known to be another's is not tried here, where it would be
        checked against rows that are a moment old."""
        if request.method in SAFE or is_admin(request) or FORWARDED in request.headers:
            return None
        domain = domain_of_route(request)
        if not ownership.moved_away(domain):
            return None
        request.__dict__["refusal"] = DomainMoved(
            domain, ownership.owner_of(domain), ownership.epoch_of(domain)
        )
        return HttpResponse(status=503)  # which nobody sees

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Django's hook for what a view raised, or its transaction's begin or end (ATOMIC_REQUESTS)."""
        refusal = ownership.moved(exception)
        if refusal is None:
            found = away(request, exception)  # of a plain view or a transaction; DRF's views have a handler
            return None if found is None else plain(found)
        ownership.learn(refusal.domain, refusal.owner, refusal.epoch)
        if is_admin(request):
            return _tell_staff(request, refusal)
        request.__dict__["refusal"] = refusal
        return HttpResponse(status=503)  # which nobody sees

    def _attempt(self, request: HttpRequest) -> tuple[HttpResponseBase, DomainMoved | None]:
        if request.method in SAFE:
            response = self.get_response(request)
        else:
            with connection.execute_wrapper(request.__dict__.setdefault("commits", Commits())):
                response = self.get_response(request)
        return response, request.__dict__.pop("refusal", None)

    def _settle(self, request: HttpRequest, refusal: DomainMoved) -> HttpResponseBase:
        """Answer a request of which nothing was done for good, by whoever can do it now."""
        sent, route = headers.read(request.headers.get(FORWARDED)), domain_of_route(request)
        ends = time.monotonic() + PATIENCE_SECONDS
        repeats = 0
        while repeats < MOST_REPEATS and time.monotonic() < ends:
            domain = refusal.domain
            if (final := _once_only(request, domain)) is not None:
                return final
            if _adopted(request, sent, refusal) or domain != route:
                # What it needs of the other domain, it asks the owner for, who is known now.
                repeats += 1
                response, again = self._attempt(request)
                if again is None:
                    return response
                same = (again.domain, again.epoch) == (domain, refusal.epoch)
                if same and domain != route and not ownership.owned_here(domain):
                    return _trespassed(request, again)
                refusal = again
            elif sent is not None:
                note = Note(refusal.owner, domain, refusal.epoch)
                return _unavailable(f"{domain} is not here", **{MOVED: str(note)})
            elif (answer := _carried(request, domain)) is not None:
                return answer
            else:
                time.sleep(PAUSE_SECONDS)
        return _unavailable(f"{refusal.domain} is between two owners")


def domain_of_route(request: HttpRequest) -> str:
    """The domain whose route it is, and whose owner can answer it; empty where it is no domain's."""
    return _domain_of(getattr(view_of(request), "__module__", ""))


@cache
def _domain_of(module: str) -> str:
    """The domain that a module belongs to, or empty."""
    config = apps.get_containing_app_config(module)
    return config.label if config is not None else ""


def _once_only(request: HttpRequest, domain: str) -> HttpResponse | None:
    """The answer to a request that cannot be done again, here or elsewhere; None if it can."""
    if "is_read_once" in request.__dict__:
        return _unavailable(f"{domain} has moved, and the body is too large to be carried there")
    commits = request.__dict__.get("commits")
    if commits is None or not commits.any or may_be_repeated(request):
        return None
    log.error("%s %s was done in part when %s moved", request.method, request.path, domain)
    return plain(OutcomeUnknown())


def _adopted(request: HttpRequest, sent: Note | None, refusal: DomainMoved) -> bool:
    """Whether the domain is owned here. Our database is told so where the host that sent the request says and
    signs it, or this process has heard it, by a later word than the refusal's."""
    domain, here = refusal.domain, ownership.owned_here(refusal.domain)
    words = [ownership.epoch_of(domain)] if here else []
    if sent is not None and sent.domain == domain and sent.epoch > refusal.epoch and _signed(request, sent):
        words.append(sent.epoch)
    later = max(words, default=0)
    return ownership.adopt(domain, later) if later > refusal.epoch else here


def _signed(request: HttpRequest, note: Note) -> bool:
    signature, key = request.headers.get(SIGNATURE), current().forwarding_key.get_secret_value()
    found = headers.is_signed(note, signature, to=ownership.host(), key=key)
    if not found:
        log.warning("nothing is taken over by a note that is not signed with our FORWARDING_KEY: %s", note)
    return found


def _carried(request: HttpRequest, domain: str) -> HttpResponseBase | None:
    """The owner's answer; None if it may be asked again in a moment: it could not be asked, does not own the
    domain, or its answer was lost for the first time and the request may be repeated."""
    owner = ownership.owner_of(domain)
    note = Note(ownership.host(), domain, ownership.epoch_of(domain))
    told = headers.forwarded(note, to=owner, key=current().forwarding_key.get_secret_value())
    found = instances.addresses(owner)
    for address in random.sample(found, len(found)):
        try:
            response = carry(request, _body(request), address, told)
        except NotSent as error:
            log.warning("%s cannot be asked: %s", owner, error)
            continue
        except AnswerLost as error:
            log.error("%s %s was carried to %s: %s", request.method, request.path, owner, error)
            if not may_be_repeated(request):
                return plain(OutcomeUnknown())
            if "is_repeated" in request.__dict__:
                return _unavailable(f"{owner} took it twice and gave no answer")
            request.__dict__["is_repeated"] = True
            return None
        said = headers.read(response.headers.get(MOVED))
        if said is None:
            log.info("%s %s was carried to %s: %d", request.method, request.path, owner, response.status_code)
            return response
        ownership.learn(said.domain, said.host, said.epoch)
        return None
    return None


def _body(request: HttpRequest) -> bytes:
    return b"" if request.method in SAFE else request.body


def _trespassed(request: HttpRequest, refusal: DomainMoved) -> HttpResponse:
    """The answer where a view that is not the domain's writes to its tables: it will do so again."""
    log.error(
        "%s %s, a route of %s, writes to tables of %s, which has moved to the host %s: nothing was changed. "
        "Only %s's own code may do that; let the route call a command of its contract.",
        *(request.method, request.path, domain_of_route(request) or "no domain"),
        *(refusal.domain, refusal.owner, refusal.domain),
    )
    return server_error(request)


def _unavailable(reason: str, **more: str) -> HttpResponse:
    log.warning("a write is refused: %s", reason)
    return plain(Unavailable(), **more)


def _tell_staff(request: HttpRequest, refusal: DomainMoved) -> HttpResponseBase:
    """A message on the page that they came from: an admin's forms belong to the host that showed them."""
    text = (
        f"Nothing was changed: {refusal.domain} has moved to the host {refusal.owner}. Change it there, by "
        "the API."
    )
    messages.error(request, text, fail_silently=True)
    return HttpResponseRedirect(request.get_full_path())
