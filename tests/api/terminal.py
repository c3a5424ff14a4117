"""Somebody who types commands."""

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

from citewell.cli import main

PASSWORD = "a lantern, unlit, at noon"  # Of people who exist for one test.


@dataclass(frozen=True, slots=True)
class Terminal:
    """Runs commands as they are typed, with what stands in their input."""

    environment: dict[str, str]
    address: str

    async def type(self, *words: str, sent: str = "", key: str | None = None) -> Result:
        given = self.environment if key is None else {**self.environment, "CITEWELL_API_KEY": key}
        run = partial(CliRunner().invoke, main.app, list(words), input=sent, env=given)
        with capture_logs():
            return await asyncio.to_thread(run)

    async def done(self, *words: str, sent: str = "") -> str:
        """What a command wrote that must succeed."""
        ended = await self.type(*words, sent=sent)
        assert ended.exit_code == 0, (words, ended.output, ended.exception)
        return str(ended.stdout)

    async def json(self, *words: str, sent: str = "") -> Any:
        return json.loads(await self.done(*words, "--json", sent=sent))

    async def refused(self, code: int, *words: str, sent: str = "") -> str:
        """What a command complains of that must end with this code."""
        ended = await self.type(*words, sent=sent)
        assert ended.exit_code == code, (words, ended.output, ended.exception)
        assert ended.stdout == ""
        return str(ended.stderr)

    async def signs_in(self, email: str, password: str = PASSWORD, **form: str) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.address, trust_env=False) as client:
            fields = {"username": email, "password": password, **form}
            return await client.post("/api/v1/auth/token", data=fields)

    async def asks(self, path: str, credential: str) -> int:
        headers = {"authorization": f"Bearer {credential}"}
        async with httpx.AsyncClient(base_url=self.address, trust_env=False) as client:
            return (await client.get(path, headers=headers)).status_code
