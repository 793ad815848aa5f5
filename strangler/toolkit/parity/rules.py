"""What may differ between two systems that behave alike, and how."""

import re
from collections.abc import Mapping, Sequence

import msgspec

HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


class Identifier(msgspec.Struct, frozen=True, kw_only=True):
    """A place whose value only has to correspond: the systems draw it themselves.

    `kind`: values of one kind are mapped one to one. `at`: the last keys of the place in the body, without
    list indices, e.g. `payment.reference`. `on`: a regular expression that the call's path must match.
    """

    kind: str
    at: str
    on: str = ""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Everything else must be equal.

    `texts`: regular expressions searched in every string; their named groups are kinds of identifiers.
    `headers_of`: headers that count only with these statuses; `Allow` is due with a 405 alone (RFC 9110).
    `times`: keys of time stamps: written alike, within a minute of each other, because the two are asked at
    the same time, and going the same way down a list. `tokens`: keys of JSON Web Tokens, whose header and
    claims are compared. `amounts_of_time`: headers with seconds, which may differ by a minute as well.
    `ignored_headers`: names, `*` at the end stands for any rest. `routes`: path templates by which calls
    are counted. `defects`: statuses that are a finding even where both systems agree on them.
    """

    identifiers: Sequence[Identifier] = ()
    texts: Sequence[str] = ()
    times: frozenset[str] = frozenset()
    tokens: frozenset[str] = frozenset()
    ignored_headers: frozenset[str] = HOP_BY_HOP
    headers_of: Mapping[str, frozenset[int]] = msgspec.field(
        default_factory=lambda: {"allow": frozenset({405})}
    )
    amounts_of_time: frozenset[str] = frozenset({"retry-after"})
    routes: Sequence[str] = ()
    defects: frozenset[int] = frozenset({0, 500, 501, 502, 504, 505})

    def route(self, path: str) -> str:
        """The template that the path is of; the path itself if it is of none."""
        for template in self.routes:
            if re.fullmatch(re.sub(r"\\{.*?\\}", "[^/]+", re.escape(template)), path):
                return template
        return path

    def kind(self, path: str, keys: tuple[str, ...]) -> str | None:
        """The kind of identifier that stands at these keys in the answer of this path, if it is one."""
        for rule in self.identifiers:
            at = tuple(rule.at.split("."))
            if keys[-len(at) :] == at and re.search(rule.on, path):
                return rule.kind
        return None

    def ignores(self, header: str, status: int) -> bool:
        """Whether the header does not count in an answer of this status."""
        if header in self.headers_of and status not in self.headers_of[header]:
            return True
        return header in self.ignored_headers or any(
            name.endswith("*") and header.startswith(name[:-1]) for name in self.ignored_headers
        )
