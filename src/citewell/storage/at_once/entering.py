"""Who a transaction runs as: the tenant's role or the system's, neither of which owns anything."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal, Role
from citewell.storage.at_once.driving import driving, for_driver

ENTER_SYSTEM = text("SELECT set_config('role', 'citewell_system', true)")
_ENTER = (
    "SELECT set_config('role', 'citewell_app', true), set_config('app.tenant_id', :tenant, true),"
    " set_config('app.user_id', :user, true), set_config('app.role', :role, true)"
)
ENTER_TENANT = text(_ENTER)
# What is read by its keys is found by an index, however many they are: one plan will do. Planned
# for each list of keys anew, it would read whole tables from some length on, and planning would
# take longer than reading.
ENTER_TO_READ_BY_KEYS = text(f"{_ENTER}, set_config('plan_cache_mode', 'force_generic_plan', true)")


async def enter_tenant(connection: AsyncConnection, who: Principal | TenantId) -> TenantId:
    """Be a caller, or the server at its own work in a tenant, until the transaction ends.

    Sent together with the transaction's beginning, in one round trip.
    """
    enter = for_driver(ENTER_TENANT, connection.dialect)
    async with driving(connection) as driver, driver.pipeline():
        await driver.execute(enter, entered_as(who), prepare=True)
    return who.tenant_id if isinstance(who, Principal) else who


def entered_as(who: Principal | TenantId) -> dict[str, str]:
    """The values of `ENTER_TENANT` and `ENTER_TO_READ_BY_KEYS`."""
    if isinstance(who, Principal):
        return {
            "tenant": str(who.tenant_id),
            "user": str(who.user_id),
            "role": str(int(who.role)),
        }
    return {"tenant": str(who), "user": "", "role": str(int(Role.OWNER))}
