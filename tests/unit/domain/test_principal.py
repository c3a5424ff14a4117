"""Principals: a scope and a role are both needed, and what is missing is named."""

import pytest

from citewell.domain.errors import DeniedError
from citewell.domain.ids import DEFAULT_TENANT, UserId, new_id
from citewell.domain.principal import Principal, Role, Scope


def principal(role: Role, *scopes: Scope) -> Principal:
    return Principal(DEFAULT_TENANT, UserId(new_id()), role, frozenset(scopes))


@pytest.mark.parametrize("needed", Role)
@pytest.mark.parametrize("held", Role)
def test_a_role_includes_the_ones_below_it_and_no_other(held: Role, needed: Role) -> None:
    caller = principal(held, Scope.ASK)
    if held >= needed:
        caller.require(Scope.ASK, needed)
    else:
        with pytest.raises(DeniedError, match=f"'{needed.name.lower()}'"):
            caller.require(Scope.ASK, needed)


@pytest.mark.parametrize("needed", Scope)
@pytest.mark.parametrize("held", Scope)
def test_a_scope_opens_its_own_door_and_admin_opens_all(held: Scope, needed: Scope) -> None:
    caller = principal(Role.OWNER, held)
    if held in {needed, Scope.ADMIN}:
        caller.require(needed)
    else:
        with pytest.raises(DeniedError, match=f"'{needed.value}'"):
            caller.require(needed)


def test_a_high_role_does_not_replace_a_scope_nor_admin_a_role() -> None:
    with pytest.raises(DeniedError, match="scope"):
        principal(Role.OWNER).require(Scope.SEARCH)
    with pytest.raises(DeniedError, match="role"):
        principal(Role.VIEWER, Scope.ADMIN).require(Scope.DOCUMENTS_WRITE, Role.EDITOR)
