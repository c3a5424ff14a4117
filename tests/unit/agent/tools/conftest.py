"""A caller, and the setting of a run of theirs."""

from datetime import UTC, datetime

import pytest

from citewell.agent.tools.contract import Setting
from citewell.domain.ids import CollectionId, TenantId, UserId, new_id
from citewell.domain.principal import Principal, Role, Scope


@pytest.fixture
def caller(tenant: TenantId) -> Principal:
    scopes = frozenset({Scope.ASK, Scope.SEARCH})
    return Principal(tenant, UserId(new_id()), Role.VIEWER, scopes)


@pytest.fixture
def setting(caller: Principal) -> Setting:
    return Setting(caller, (CollectionId(new_id()),), datetime(2026, 3, 14, 15, 9, tzinfo=UTC))
