"""A caller, and the setting of a run of theirs."""

from datetime import UTC, datetime

import pytest

from citewell.agent.tools.contract import Means, Setting
from citewell.domain.ids import CollectionId, TenantId, UserId, new_id
from citewell.domain.principal import Principal, Role, Scope
from citewell.retrieval.service import Retrieval


@pytest.fixture
def caller(tenant: TenantId) -> Principal:
    scopes = frozenset({Scope.ASK, Scope.SEARCH})
    return Principal(tenant, UserId(new_id()), Role.VIEWER, scopes)


@pytest.fixture
def setting(caller: Principal, retrieval: Retrieval) -> Setting:
    began = datetime(2026, 3, 14, 15, 9, tzinfo=UTC)
    return Setting(caller, (CollectionId(new_id()),), began, Means.of(retrieval))
