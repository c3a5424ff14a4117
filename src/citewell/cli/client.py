"""The commands' way to a server: one that runs, or one in this process for the command's time."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote
from uuid import UUID

import typer

from citewell.cli.options import Target
from citewell.cli.output import Exit, exit_for, fail, say
from citewell.cli.running import announcing
from citewell.domain.accounts import fold_email

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 3.0
READ_SECONDS = 330.0
START_SECONDS = 90.0
PAGE = 200

Test = Callable[[dict[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Named:
    """Things that go by names or ids: what one is called, where they are listed, what names it.

    The command shows them to whoever is at a loss.
    """

    kind: str
    path: str
    names: tuple[str, ...]
    command: str


DOCUMENTS = Named("document", "/api/v1/documents", ("filename", "title"), "citewell docs list")
PEOPLE = Named("user", "/api/v1/users", ("name", "email"), "citewell users list")


@dataclass(frozen=True, slots=True)
class Client:
    """Requests that end the command with a message and an exit code when they are refused."""

    http: "httpx.Client"
    as_json: bool

    def get(self, path: str, **params: Any) -> Any:
        """The reply's JSON."""
        given = {name: sendable(str(one)) for name, one in params.items() if one is not None}
        return self.send("GET", path, params=given).json()

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """The reply's JSON."""
        return self.send_json("POST", path, body, **options).json()

    def send_json(self, method: str, path: str, body: Any, **options: Any) -> "httpx.Response":
        """The reply, when it is a success."""
        return self._checked(self.try_json(method, path, body, **options))

    def try_json(self, method: str, path: str, body: Any, **options: Any) -> "httpx.Response":
        """The reply, whatever it is."""
        # Escaped, because what a terminal or a file name hands over need not be valid text.
        content = b"" if body is None else json.dumps(body).encode("ascii")
        headers = {"Content-Type": "application/json"} if content else {}
        return self.try_send(method, path, content=content, headers=headers, **options)

    def send(self, method: str, path: str, **options: Any) -> "httpx.Response":
        """The reply, when it is a success."""
        return self._checked(self.try_send(method, path, **options))

    def try_send(self, method: str, path: str, **options: Any) -> "httpx.Response":
        """The reply, whatever it is."""
        with self._reaching():
            return self.http.request(method, path, **options)

    @contextmanager
    def stream(self, path: str, **params: Any) -> Iterator[Iterator[str]]:
        """The lines of a reply that grows, as they come."""
        with self._reaching(), self.http.stream("GET", path, params=params) as reply:
            if reply.is_error:
                reply.read()
            yield self._checked(reply).iter_lines()

    def pages(self, path: str, **params: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list, page by page."""
        cursor = None
        while True:
            page = self.get(path, cursor=cursor, limit=PAGE, **params)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def collection(self, name: str) -> dict[str, Any]:
        """The collection of this name or id."""
        listed = self.pages("/api/v1/collections")
        found = next((one for one in listed if name in {one["name"], one["id"]}), None)
        if found is None:
            fail(
                f"There is no collection {name!r}.",
                "`citewell collections list` shows them, `citewell collections create` makes one.",
                code=Exit.NOT_FOUND,
                as_json=self.as_json,
            )
        return found

    def document(self, name: str) -> str:
        """The id of the document of this id, file name or title."""
        return self.find(DOCUMENTS, name, q=name)

    def person(self, name: str) -> str:
        """The id of the member of this id, name or email address."""
        return self.find(PEOPLE, fold_email(name) if "@" in name else name)

    def find(self, kind: Named, name: str, among: Test = bool, **params: Any) -> str:
        """The id of the one thing that is called so, of those that pass the test."""
        try:
            return str(UUID(name))
        except ValueError:
            listed = filter(among, self.pages(kind.path, **params))
            found = [one for one in listed if name in {one[field] for field in kind.names}]
        if not found:
            fail(
                f"There is no {kind.kind} {name!r}.",
                f"`{kind.command}` shows names and ids.",
                code=Exit.NOT_FOUND,
                as_json=self.as_json,
            )
        if len(found) > 1:
            fail(
                f"{len(found)} {kind.kind}s are named {name!r}:"
                f" {', '.join(one['id'] for one in found)}.",
                "Say which one by its id.",
                code=Exit.USAGE,
                as_json=self.as_json,
            )
        return str(found[0]["id"])

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """End the command with what is wrong with the way to the server."""
        import httpx  # A third of a second that `--help` does not have.

        try:
            yield
        except httpx.TimeoutException:
            fail("The server did not answer in time.", code=Exit.TIMEOUT, as_json=self.as_json)
        except httpx.TransportError as error:
            fail(
                f"The server at {self.http.base_url} cannot be reached: {error}",
                "Is `citewell serve` running?",
                code=Exit.UNREACHABLE,
                as_json=self.as_json,
            )

    def _checked(self, reply: "httpx.Response") -> "httpx.Response":
        if reply.is_error:
            refuse(reply, as_json=self.as_json)
        return reply


@contextmanager
def connect(target: Target) -> Iterator[Client]:
    """A client of the running server, or of one that lives as long as the command."""
    from citewell.config import read_settings

    settings = read_settings()
    home = settings.home.expanduser().absolute()
    named = target.server or os.environ.get("CITEWELL_SERVER")
    address = _url(named, target) if named else announcing.found(home)
    if address is None:
        with _in_process(settings) as started:
            yield from _client(started, home, target)
        return
    yield from _client(address, home, target)


def sendable(text: str) -> str:
    """The text with what is not UTF-8 replaced: a terminal or a file name may hold anything."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def segment(name: str) -> str:
    """The name as one step of a path, whatever it holds."""
    return quote(sendable(name), safe="")


def refuse(reply: "httpx.Response", *, as_json: bool) -> NoReturn:
    """End the command with what the server said."""
    said = problem(reply)
    detail = said.get("detail", f"The server answered {reply.status_code}.")
    more = [one for one in said.get("errors", ()) if one["message"] != detail]
    fail(
        detail + "".join(f"\n  {one['field']}: {one['message']}" for one in more),
        said.get("hint", ""),
        code=exit_for(reply.status_code),
        as_json=as_json,
    )


def problem(reply: "httpx.Response") -> dict[str, Any]:
    """The problem details of a refused request."""
    try:
        said = reply.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _url(named: str, target: Target) -> str:
    url = named if "://" in named else f"http://{named}"
    if not url.startswith(("http://", "https://")) or any(c.isspace() for c in url):
        hint = "Write it as http://127.0.0.1:8420."
        fail(f"{named!r} is no server.", hint, code=Exit.USAGE, as_json=target.as_json)
    return url


def _client(address: str, home: Path, target: Target) -> Iterator[Client]:
    import httpx

    headers = {}
    key = _key(home)
    if key and not (key.isascii() and key.isprintable()):
        hint = "Copy it from secrets/admin-key in the data directory."
        fail("The API key is no key.", hint, code=Exit.FORBIDDEN, as_json=target.as_json)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS)
    with httpx.Client(base_url=address, headers=headers, timeout=timeout, trust_env=False) as http:
        yield Client(http, target.as_json)


def _key(home: Path) -> str | None:
    given = os.environ.get("CITEWELL_API_KEY")
    if given:
        return given
    try:
        return (home / "secrets" / "admin-key").read_text("ascii").strip()
    except OSError:
        return None


@contextmanager
def _in_process(settings: Any) -> Iterator[str]:
    """The same server on a free loopback port, worker included, for one command."""
    from citewell.cli.running.serving import Serving
    from citewell.domain.errors import StartError

    say("No server is running; starting one for this command…")
    serving = Serving(settings.model_copy(update={"host": "127.0.0.1", "port": 0}), quiet=True)
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            serving.run()
        except BaseException as error:
            failures.append(error)
            serving.ready.set()

    thread = threading.Thread(target=serve, name="server")
    thread.start()
    try:
        if not serving.ready.wait(START_SECONDS):
            fail("The server did not start in time.", code=Exit.TIMEOUT)
        if failures:
            error = failures[0]
            if isinstance(error, StartError):
                fail(error.message, error.hint)
            if isinstance(error, typer.Exit):
                raise error
            raise error
        yield serving.address
    finally:
        serving.stop()
        thread.join()
