"""Requests that are generated from the served contract, and what was wrong with the replies.

`python -m tests.security.fuzzing.driving` reads `{"address", "key", "examples", "seed"}` as JSON
from its input and writes what it has found as JSON: a process of its own for each caller.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis.auths import AuthContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import CheckNode, ScenarioRecorder
from schemathesis.generation.case import Case
from schemathesis.schemas import BaseSchema

# What no schema can say: a cursor is one of ours, a key was not used before, a text is JSON, how
# deep a value is nested, a name has composed characters and single spaces, an address may be
# asked, a password is not soon guessed, somebody has it already, or this email.
UNSAYABLE = frozenset(
    {
        "cursor", "Idempotency-Key", "metadata", "filter", "name", "url",
        "password", "current", "owner.password", "email",
    }
)  # fmt: skip
# A request of the declared shape may still be refused for what is stored, or for its sender.
ACCEPTED = ["2xx", "3xx", "401", "403", "404", "409", "412", "429"]

# Whoever has asked to be forgotten is nobody afterwards: it has a test of its own, in which each
# case is somebody else's.
LEFT_OUT = "/api/v1/privacy/erasures"


@dataclass(slots=True)
class Findings:
    """What a run of generated requests has shown."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    sent: set[str] = field(default_factory=set)
    served: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, told: str) -> "Findings":
        """What `written` has written."""
        known: Mapping[str, Any] = json.loads(told)
        statuses = Counter({int(status): n for status, n in known["statuses"].items()})
        failures, sent, served = (known[name] for name in ("failures", "sent", "served"))
        return cls(known["cases"], statuses, Counter(failures), set(sent), set(served))

    def written(self) -> str:
        """As JSON."""
        told: dict[str, Any] = {"cases": self.cases, "statuses": dict(self.statuses)}
        told |= {"failures": dict(self.failures)}
        return json.dumps({**told, "sent": sorted(self.sent), "served": sorted(self.served)})

    def add(self, recorder: ScenarioRecorder) -> None:
        self.cases += len(recorder.cases)
        for case_id, interaction in recorder.interactions.items():
            response = interaction.response
            if response is None:
                self.failures[f"no reply: {recorder.label}"] += 1
                continue
            self.statuses[response.status_code] += 1
            label = recorder.cases[case_id].value.operation.label
            self.sent.add(label)
            if response.status_code < 400:
                self.served.add(label)
            for check in recorder.checks.get(case_id, []):
                self.failures.update(told(check, response))


def told(check: CheckNode, response: Response) -> Iterator[str]:
    """A failed check in words, unless no schema could have told the refusal."""
    if check.failure_info is None:
        return
    if check.name == "positive_data_acceptance" and UNSAYABLE & refused_fields(response):
        return
    info = check.failure_info
    # Accepted is not done (RFC 9110, 15.3.3): a person is shut out at once, and gone after a job.
    if check.name == "use_after_free" and "`DELETE /api/v1/users/" in info.failure.message:
        return
    # A header that nobody knows is no violation (RFC 9110, 5.1).
    if "in header - object with unexpected properties" in info.failure.message:
        return
    kind = str(response.request.headers.get("content-type", ""))
    # A form has texts only: that one of them looks like a number is no violation.
    if kind.startswith("multipart/") and "violates `type`" in info.failure.message:
        return
    yield f"{check.name}: {info.failure.title}\n{info.failure.message}\n{info.code_sample[:2000]}"


def refused_fields(response: Response) -> set[str]:
    problem: dict[str, Any] = response.json()
    return {one["field"] for one in problem["errors"]}


def drive(address: str, key: str, *, examples: int, seed: int) -> Findings:
    """Send what the served contract describes, and what it does not, with the caller's key."""
    auth = {"auth": {"openapi": {"key": {"bearer": key}}}}
    schema = described(address, auth, examples=examples, seed=seed)
    return findings_of(schema.exclude(path=LEFT_OUT))


def drive_erasures(address: str, keys: Iterator[str], *, examples: int, seed: int) -> Findings:
    """As `drive`, for what ends its caller: each request comes with the next key."""
    # One operation leads to no other.
    alone = {"phases": {"stateful": {"enabled": False}}}
    schema = described(address, alone, examples=examples, seed=seed).include(path=LEFT_OUT)

    class NextKey:
        def get(self, case: Case[Any], context: AuthContext) -> str:
            del case, context
            return next(keys)

        def set(self, case: Case[Any], data: str, context: AuthContext) -> None:
            del context
            case.headers["Authorization"] = f"Bearer {data}"

    schema.auth(refresh_interval=None)(NextKey)
    return findings_of(schema)


def described(address: str, more: dict[str, Any], *, examples: int, seed: int) -> BaseSchema:
    """The served contract, and how much of it is tried."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": seed,
            "base-url": address,
            "continue-on-failure": True,
            # What an earlier run has found would come first, and a seed show something else.
            "cache": {"enabled": False},
            "generation": {"max-examples": examples, "no-shrink": True, "database": "none"},
            "checks": {"positive_data_acceptance": {"expected-statuses": ACCEPTED}},
            **more,
        }
    )
    return schemathesis.openapi.from_url(f"{address}/openapi.json", config=config)


def findings_of(schema: BaseSchema) -> Findings:
    found = Findings()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            found.add(event.recorder)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.failures[repr(event)] += 1
    return found


if __name__ == "__main__":
    given = json.load(sys.stdin)
    found = drive(given["address"], given["key"], examples=given["examples"], seed=given["seed"])
    sys.stdout.write(found.written())
