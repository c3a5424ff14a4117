"""Runs in the database without a process, and a look at what is stored of them."""

import psycopg

from citewell.chat.translation import run_started
from citewell.domain.conversations import Message
from citewell.domain.ids import RunId, new_id
from citewell.domain.principal import Principal
from citewell.storage.database import Database
from citewell.storage.repositories.conversing.runs import Run


async def begun(database: Database, asker: Principal) -> Run:
    run_id = RunId(new_id())
    async with database.transaction(asker.tenant_id) as tx:
        conversation_id = await tx.conversations.create(asker.user_id, "What?")
        started = [run_started(conversation_id, run_id)]
        return await tx.runs.create(run_id, conversation_id, asker.user_id, {}, started)


async def messages(database: Database, asker: Principal, run: Run) -> list[Message]:
    async with database.transaction(asker.tenant_id) as tx:
        return list(await tx.conversations.messages(run.conversation_id))


async def head(database: Database, asker: Principal, run: Run) -> int:
    async with database.transaction(asker.tenant_id) as tx:
        return (await tx.runs.get(run.id, asker.user_id)).head


async def execute(url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as raw:
        # The statements are this module's own.
        await raw.execute(statement.encode())
