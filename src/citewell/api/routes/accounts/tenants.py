"""Tenants, for the owners of the installation."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from citewell.accounts.administration.tenants import Tenants
from citewell.api import cursors
from citewell.api.deps import AppDep, Caller, Cursor, Limit, RequestKeyDep
from citewell.api.guard import RUNS_INSTALLATION, GuardedRoute, allow
from citewell.api.schemas.accounts import (
    Invitation,
    NewTenant,
    TenantChange,
    TenantPage,
    TenantShown,
    UserShown,
    role_of,
)
from citewell.domain.ids import TenantId

router = APIRouter(route_class=GuardedRoute, prefix="/api/v1/tenants", tags=["accounts"])


async def _tenants(app: AppDep) -> Tenants:
    return Tenants(app.accounts)


TenantsDep = Annotated[Tenants, Depends(_tenants)]


@router.get("", summary="List tenants")
@allow(RUNS_INSTALLATION)
async def list_tenants(
    caller: Caller, tenants: TenantsDep, cursor: Cursor = "", limit: Limit = 50
) -> TenantPage:
    """In order of name."""
    found = await tenants.page(caller, after=cursors.decode_text(cursor), limit=limit)
    items = [TenantShown.model_validate(one) for one in found]
    return TenantPage(items=items, next_cursor=cursors.next_cursor([t.name for t in found], limit))


@router.post("", status_code=201, summary="Make a tenant")
@allow(RUNS_INSTALLATION)
async def create_tenant(
    body: NewTenant, caller: Caller, tenants: TenantsDep, once: RequestKeyDep
) -> TenantShown:
    """With its first owner, who adds everybody else."""
    made = await tenants.create(caller, body.name, body.first(), once=once)
    return TenantShown.model_validate(made)


@router.patch("/{tenant_id}", summary="Rename, shut or open a tenant")
@allow(RUNS_INSTALLATION)
async def change_tenant(
    tenant_id: UUID, body: TenantChange, caller: Caller, tenants: TenantsDep
) -> TenantShown:
    """Nobody gets into a tenant that is shut; nothing in it is lost."""
    given = body.model_dump(exclude_unset=True)
    changed = await tenants.change(caller, TenantId(tenant_id), **given)
    return TenantShown.model_validate(changed)


@router.post("/{tenant_id}/members", status_code=201, summary="Make somebody a guest of a tenant")
@allow(RUNS_INSTALLATION)
async def invite_member(
    tenant_id: UUID, body: Invitation, caller: Caller, tenants: TenantsDep, once: RequestKeyDep
) -> UserShown:
    """Somebody who has an account already; a second time is a conflict."""
    tenant, role = TenantId(tenant_id), role_of(body.role)
    member = await tenants.invite(caller, tenant, body.email, role, once=once)
    return UserShown.of(member, tenant)
