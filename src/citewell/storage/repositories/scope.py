"""What every repository has: a connection inside a transaction, and the tenant it may see."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.ids import TenantId
from citewell.storage.sealing.seal import Seal


@dataclass(frozen=True)
class Scope:
    """A transaction's connection and its tenant; rows of other tenants do not exist for it."""

    connection: AsyncConnection
    tenant_id: TenantId


@dataclass(frozen=True)
class SealedScope(Scope):
    """A scope with rows that are sealed when encryption is on."""

    seal: Seal
