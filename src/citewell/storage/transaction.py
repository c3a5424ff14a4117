"""A transaction: whose it is, and the repositories that it carries.

It runs as a role that owns nothing and cannot bypass row-level security, so that a forgotten filter
finds nothing instead of a neighbour's rows. Who is asking is entered together with the tenant: the
same policies hide the collections that they may not see.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from citewell.domain.ids import TenantId
from citewell.domain.principal import Principal
from citewell.storage.at_once.entering import ENTER_SYSTEM, enter_tenant
from citewell.storage.repositories.accounts.budgets import BudgetRepository
from citewell.storage.repositories.accounts.identities import IdentityRepository
from citewell.storage.repositories.accounts.installation import Installation
from citewell.storage.repositories.accounts.mcp_servers import McpServerRepository
from citewell.storage.repositories.accounts.quotas import QuotaRepository
from citewell.storage.repositories.accounts.sessions import SessionRepository
from citewell.storage.repositories.accounts.shares import ShareRepository
from citewell.storage.repositories.accounts.users import UserRepository
from citewell.storage.repositories.approving.approvals import ApprovalRepository
from citewell.storage.repositories.approving.checkpoints import CheckpointRepository
from citewell.storage.repositories.audit import AuditRepository
from citewell.storage.repositories.chunks import ChunkRepository
from citewell.storage.repositories.collections import CollectionRepository
from citewell.storage.repositories.conversing.conversations import ConversationRepository
from citewell.storage.repositories.conversing.runs import RunRepository
from citewell.storage.repositories.documents import DocumentRepository
from citewell.storage.repositories.idempotency import IdempotencyRepository
from citewell.storage.repositories.jobs import JobRepository
from citewell.storage.repositories.keys import KeyRepository
from citewell.storage.repositories.privacy.clocks import ClockRepository
from citewell.storage.repositories.privacy.memories import MemoryRepository
from citewell.storage.repositories.privacy.people import PeopleRepository
from citewell.storage.repositories.privacy.requests import RequestRepository
from citewell.storage.repositories.sealing.sealed import SealedRepository
from citewell.storage.repositories.spaces import SpaceRepository
from citewell.storage.repositories.versions import VersionRepository
from citewell.storage.sealing.seal import Seal
from citewell.storage.vault import Vault


async def enter(
    connection: AsyncConnection, who: Principal | TenantId, vault: Vault
) -> "Transaction":
    """Make a connection's transaction that of a caller, or of the server's own work in a tenant."""
    tenant_id = await enter_tenant(connection, who)
    return Transaction(connection, tenant_id, who, vault, await vault.seal(tenant_id))


@dataclass(frozen=True)
class _Who:
    """The repositories about people; the others are below."""

    connection: AsyncConnection
    tenant_id: TenantId
    who: Principal | TenantId
    vault: Vault
    seal: Seal

    @cached_property
    def users(self) -> UserRepository:
        """Members."""
        return UserRepository(self.connection, self.tenant_id)

    @cached_property
    def keys(self) -> KeyRepository:
        """API keys and browser sessions."""
        return KeyRepository(self.connection, self.tenant_id)

    @cached_property
    def sessions(self) -> SessionRepository:
        """Refresh tokens and WebSocket tickets."""
        return SessionRepository(self.connection, self.tenant_id)

    @cached_property
    def identities(self) -> IdentityRepository:
        """Whom a provider of sign-ins vouches for."""
        return IdentityRepository(self.connection, self.tenant_id)

    @cached_property
    def shares(self) -> ShareRepository:
        """Who may see a collection."""
        return ShareRepository(self.connection, self.tenant_id)

    @cached_property
    def people(self) -> PeopleRepository:
        """All that is held about a person."""
        return PeopleRepository(self.connection, self.tenant_id, self.seal)

    @cached_property
    def requests(self) -> RequestRepository:
        """Consents, exports and erasures."""
        return RequestRepository(self.connection, self.tenant_id)

    @cached_property
    def clocks(self) -> ClockRepository:
        """What is kept for a time only."""
        return ClockRepository(self.connection, self.tenant_id)

    @cached_property
    def audit(self) -> AuditRepository:
        """The chained record of actions."""
        return AuditRepository(self.connection, self.tenant_id)

    @asynccontextmanager
    async def installation(self) -> AsyncIterator[Installation]:
        """Act on the whole installation in the same transaction, then be in the tenant again."""
        await self.connection.execute(ENTER_SYSTEM)
        yield Installation(self.connection)
        await enter_tenant(self.connection, self.who)

    @asynccontextmanager
    async def inside(self, tenant_id: TenantId) -> AsyncIterator["Transaction"]:
        """Act in another tenant in the same transaction, then be in this one again."""
        yield await enter(self.connection, tenant_id, self.vault)
        await enter_tenant(self.connection, self.who)

    @asynccontextmanager
    async def inside_new(self, tenant_id: TenantId) -> AsyncIterator["Transaction"]:
        """As `inside`, for a tenant that this transaction has made and that seals nothing yet."""
        await enter_tenant(self.connection, tenant_id)
        yield Transaction(self.connection, tenant_id, tenant_id, self.vault, Seal(tenant_id))
        await enter_tenant(self.connection, self.who)


@dataclass(frozen=True)
class _Sealed(_Who):
    """The repositories of what is sealed when encryption is on."""

    @cached_property
    def versions(self) -> VersionRepository:
        """Versions and their canonical text."""
        return VersionRepository(self.connection, self.tenant_id, self.seal)

    @cached_property
    def chunks(self) -> ChunkRepository:
        """Chunks and their embeddings."""
        return ChunkRepository(self.connection, self.tenant_id, self.seal)

    @cached_property
    def conversations(self) -> ConversationRepository:
        """Conversations, messages and citations."""
        return ConversationRepository(self.connection, self.tenant_id, self.seal)

    @cached_property
    def runs(self) -> RunRepository:
        """Runs and their event logs."""
        return RunRepository(self.connection, self.tenant_id, self.seal)

    @cached_property
    def approvals(self) -> ApprovalRepository:
        """Questions to people about calls of tools."""
        return ApprovalRepository(self.connection, self.tenant_id, self.seal)

    @cached_property
    def checkpoints(self) -> CheckpointRepository:
        """The state of runs that may pause."""
        return CheckpointRepository(self.connection, self.tenant_id, self.seal)

    @cached_property
    def memories(self) -> MemoryRepository:
        """Facts that people want kept in mind."""
        return MemoryRepository(self.connection, self.tenant_id, self.seal)

    @cached_property
    def sealed(self) -> SealedRepository:
        """What is sealed, wherever it is, and the keys."""
        return SealedRepository(self.connection, self.tenant_id, self.seal)


@dataclass(frozen=True)
class Transaction(_Sealed):
    """The repositories of one tenant; everything commits together or not at all."""

    async def now(self) -> datetime:
        """The database's clock, as of the beginning of this transaction."""
        found = await self.connection.execute(text("SELECT now()"))
        return cast("datetime", found.scalar_one())  # The driver types every value as Any.

    @cached_property
    def collections(self) -> CollectionRepository:
        """Collections and their change log."""
        return CollectionRepository(self.connection, self.tenant_id)

    @cached_property
    def documents(self) -> DocumentRepository:
        """Documents."""
        return DocumentRepository(self.connection, self.tenant_id)

    @cached_property
    def budgets(self) -> BudgetRepository:
        """What the tenant spends on models, and may."""
        return BudgetRepository(self.connection, self.tenant_id)

    @cached_property
    def quotas(self) -> QuotaRepository:
        """What the tenant stores, and may."""
        return QuotaRepository(self.connection, self.tenant_id)

    @cached_property
    def mcp_servers(self) -> McpServerRepository:
        """Servers of tools, and what was approved of them."""
        return McpServerRepository(self.connection, self.tenant_id)

    @cached_property
    def spaces(self) -> SpaceRepository:
        """Embedding spaces."""
        return SpaceRepository(self.connection, self.tenant_id)

    @cached_property
    def jobs(self) -> JobRepository:
        """Jobs."""
        return JobRepository(self.connection, self.tenant_id)

    @cached_property
    def idempotency(self) -> IdempotencyRepository:
        """Replies kept for repeated requests."""
        return IdempotencyRepository(self.connection, self.tenant_id)
