"""The contract is the truth: generated requests of every role are answered as it says."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from uuid import uuid4

import psycopg
import pytest

from citewell.accounts.credentials import digest, new_key
from citewell.cli.tenancy.scratch import UNLIMITED
from citewell.domain.ids import DEFAULT_TENANT
from citewell.domain.principal import Role, Scope
from tests.conftest import Counted, PostgresServer
from tests.journeys.conftest import Server
from tests.security.conftest import serving
from tests.security.fuzzing.driving import LEFT_OUT, Findings, drive_erasures

pytestmark = pytest.mark.long

ROLES = (Role.VIEWER, Role.EDITOR, Role.OWNER)
# Per operation and role; the coverage and the stateful phase add theirs.
EXAMPLES, STORM_EXAMPLES = 8, 800
CASES, STORM_CASES = 5_000, 200_000
# A person for each request, those of the checks included.
PEOPLE, STORM_PEOPLE, STORM_ERASURES = 300, 6_000, 400
# Sent and never served: a secret is not guessed, neither a provider of sign-ins nor a server of
# tools is configured, and without a model no run waits for a person.
UNSERVABLE = frozenset(
    {
        "POST /api/v1/auth/token",
        "POST /api/v1/auth/refresh",
        "GET /auth/oidc/start",
        "GET /auth/oidc/callback",
        "PUT /api/v1/users/{user_id}/single-sign-on",
        "POST /api/v1/mcp-servers",
        "GET /api/v1/mcp-servers/{server_id}",
        "DELETE /api/v1/mcp-servers/{server_id}",
        "POST /api/v1/mcp-servers/{server_id}/inspect",
        "PUT /api/v1/mcp-servers/{server_id}/approvals",
        "DELETE /api/v1/mcp-servers/{server_id}/approvals/{tool}",
        "POST /api/v1/runs/{run_id}/resume",
    }
)


async def driven(server: Server, role: Role, examples: int, seed: int) -> Findings:
    """What a process of its own has found with a key of the role."""
    (key,) = people(server.settings["DATABASE_URL"], role, 1)
    given = {"address": server.address, "key": key, "examples": examples, "seed": seed}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.security.fuzzing.driving", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        told, complaint = await process.communicate(json.dumps(given).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complaint.decode()[-4000:]
    return Findings.read(told.decode())


async def test_no_generated_request_breaks_the_server_or_the_contract(
    tmp_path_factory: pytest.TempPathFactory,
    postgres_server: PostgresServer,
    seed: int,
    storm: bool,
    record_property: Counted,
) -> None:
    """Each role on a server of its own: what one removes is not missed by another."""
    cases, statuses = 0, Counter[int]()
    sent: set[str] = set()
    served: set[str] = set()
    examples = STORM_EXAMPLES if storm else EXAMPLES
    with ExitStack() as stack:
        # A request that is told to come again later shows nothing about the contract.
        folders = (tmp_path_factory.mktemp(role.name) for role in ROLES)
        servers = [
            stack.enter_context(serving(folder, postgres_server, **UNLIMITED)) for folder in folders
        ]
        found_by = await asyncio.gather(
            *(driven(*pair, examples, seed) for pair in zip(servers, ROLES, strict=True))
        )
        documented = {
            f"{m.upper()} {path}" for path, m in operations(servers[0]) if path != LEFT_OUT
        }
    for role, found in zip(ROLES, found_by, strict=True):
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
    assert sent == documented
    assert documented > UNSERVABLE
    assert not served & UNSERVABLE
    # Some are rarely served: a job to cancel must not have ended, a code must be the terminal's.
    servable = documented - UNSERVABLE
    assert len(served) > 0.65 * len(servable), servable - served


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
