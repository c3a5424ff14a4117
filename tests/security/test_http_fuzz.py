"""The contract is the truth: generated requests of every role are answered as it says."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import schemathesis
from schemathesis.auths import AuthContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.transport import Response
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import CheckNode, ScenarioRecorder
from schemathesis.generation.case import Case
from schemathesis.schemas import BaseSchema

from citewell.accounts.credentials import digest, new_key
from citewell.cli.tenancy.scratch import UNLIMITED
from citewell.domain.ids import DEFAULT_TENANT
from citewell.domain.principal import Role, Scope
from tests.api.conftest import Keys
from tests.conftest import Counted, PostgresServer
from tests.journeys.conftest import Server
from tests.security.conftest import serving

pytestmark = pytest.mark.long

ROLES = (Role.VIEWER, Role.EDITOR, Role.OWNER)
# Per operation and role; the coverage and the stateful phase add theirs.
EXAMPLES, STORM_EXAMPLES = 12, 2200
CASES, STORM_CASES = 5_000, 200_000
# A person for each request, those of the checks included.
PEOPLE, STORM_PEOPLE, STORM_ERASURES = 300, 6_000, 400
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
# Sent and never served: a secret is not guessed, and no provider of sign-ins is configured.
UNSERVABLE = frozenset(
    {
        "POST /api/v1/auth/token",
        "POST /api/v1/auth/refresh",
        "GET /auth/oidc/start",
        "GET /auth/oidc/callback",
        "PUT /api/v1/users/{user_id}/single-sign-on",
    }
)


@pytest.fixture
def surroundings() -> dict[str, str]:
    """A request that is told to come again later shows nothing about the contract."""
    return UNLIMITED


@dataclass(slots=True)
class Findings:
    """What a run of generated requests has shown."""

    cases: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    sent: set[str] = field(default_factory=set)
    served: set[str] = field(default_factory=set)

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


async def test_no_generated_request_breaks_the_server_or_the_contract(
    server: Server, keys: Keys, seed: int, storm: bool, record_property: Counted
) -> None:
    # asyncio only makes the keys; the requests come from threads of their own.
    holders = {role: await keys.make(role) for role in ROLES}
    cases, statuses = 0, Counter[int]()
    sent: set[str] = set()
    served: set[str] = set()
    for role, key in holders.items():
        examples = STORM_EXAMPLES if storm else EXAMPLES
        found = drive(server.address, key, examples=examples, seed=seed)
        assert not found.failures, f"{role}: " + "\n\n".join(found.failures)
        cases += found.cases
        statuses += found.statuses
        sent |= found.sent
        served |= found.served
    print(f"{cases} cases, {len(served)} operations served: {dict(statuses)}")
    record_property("cases", cases)
    assert cases >= (STORM_CASES if storm else CASES)
    assert statuses[429] < 0.2 * cases, statuses
    assert not {status for status in statuses if status >= 500}, statuses
    documented = {f"{m.upper()} {path}" for path, m in operations(server) if path != LEFT_OUT}
    assert sent == documented
    assert documented > UNSERVABLE
    assert not served & UNSERVABLE
    # Some are rarely served: a job to cancel must not have ended, a code must be the terminal's.
    servable = documented - UNSERVABLE
    assert len(served) > 0.75 * len(servable), servable - served


async def test_asking_to_be_forgotten_in_every_way_is_answered_as_the_contract_says(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: PostgresServer,
    seed: int,
    storm: bool,
    record_property: Counted,
) -> None:
    """Without a worker: what is asked for stays in the queue, and no table is written anew."""
    folder = tmp_path_factory.mktemp("forgetting")
    cases = 0
    with serving(folder, postgres_server, CITEWELL_WORKERS="0", **UNLIMITED) as server:
        url = server.settings["DATABASE_URL"]
        for role in ROLES:
            keys = iter(people(url, role, STORM_PEOPLE if storm else PEOPLE))
            examples = STORM_ERASURES if storm else EXAMPLES
            found = drive_erasures(server.address, keys, examples=examples, seed=seed)
            assert not found.failures, f"{role}: " + "\n\n".join(found.failures)
            assert found.sent == found.served == {f"POST {LEFT_OUT}"}
            assert not {status for status in found.statuses if status >= 500}, found.statuses
            assert found.statuses[202] > 0
            cases += found.cases
    record_property("cases", cases)


def people(url: str, role: Role, count: int) -> list[str]:
    """Keys of so many new people of the first tenant, one each."""
    made = [(uuid4(), uuid4(), new_key()) for _ in range(count)]
    scopes = sorted(Scope)
    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO users (id, tenant_id, name) VALUES (%s, %s, %s)",
            [(person, DEFAULT_TENANT, str(person)) for person, _, _ in made],
        )
        cursor.executemany(
            "INSERT INTO memberships (id, tenant_id, user_id, role) VALUES (%s, %s, %s, %s)",
            [(uuid4(), DEFAULT_TENANT, person, int(role)) for person, _, _ in made],
        )
        cursor.executemany(
            "INSERT INTO api_keys (id, tenant_id, user_id, name, digest, scopes)"
            " VALUES (%s, %s, %s, 'fuzz', %s, %s)",
            [(key, DEFAULT_TENANT, person, digest(secret), scopes) for person, key, secret in made],
        )
    return [secret for _, _, secret in made]


def operations(server: Server) -> Iterator[tuple[str, str]]:
    with server.client() as client:
        document = client.get("/openapi.json").json()
    for path, item in document["paths"].items():
        for method in item:
            yield path, method
