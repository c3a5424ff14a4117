"""A server from its socket to its end, for `citewell serve` and for commands without one."""

import errno
import gc
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from types import FrameType

import uvicorn

from citewell.api.app import create_app
from citewell.bootstrap import App, open_app
from citewell.cli.output import say
from citewell.cli.running.announcing import announced
from citewell.cli.running.protocol import Protocol
from citewell.cli.running.socket_protocol import SocketProtocol
from citewell.config import LOOPBACK, Settings, unknown_variables
from citewell.domain.errors import StartError
from citewell.storage.home import prepare_home
from citewell.telemetry.logs import configure, logger
from citewell.worker.supervisor import Supervisor

MAX_FRAME = 64 * 1024
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 65
DRAIN_SECONDS = 20

log = logger(__name__)


class _Listener(uvicorn.Server):
    """Ends in order at the first signal, at once at the second."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            self.force_exit = True
        super().handle_exit(sig, frame)


class Serving:
    """One server. `ready` is set when it answers, or when it could not be started."""

    def __init__(self, settings: Settings, *, quiet: bool = False, browser: bool = False) -> None:
        """Nothing is opened yet; `quiet` prints no address."""
        self.settings = settings
        self.quiet = quiet
        self.browser = browser
        self.ready = threading.Event()
        self.address = ""
        self.sign_in = ""
        self.failure: StartError | None = None
        self._server: _Listener | None = None
        self._stopping = False

    def run(self) -> None:
        """Serve until told to stop. Raises `StartError` with the cause and the remedy."""
        configure("warning" if self.quiet else self.settings.log_level)
        # An old name of a wish that is not granted anyway, over which LangChain refuses to run.
        os.environ.pop("LANGCHAIN_TRACING", None)
        home = prepare_home(self.settings.home)
        listener = bind(self.settings.host, self.settings.port)
        self.address = address_of(listener, self.settings.host)
        self._server = _Listener(self._configuration())
        if self._stopping:
            return
        if threading.current_thread() is threading.main_thread():
            # The listener raises the signal that ended it once more; a stop in order is no failure.
            signal.signal(signal.SIGTERM, lambda *_: None)
        with listener, nullcontext() if self.quiet else announced(home, listener):
            self._server.run(sockets=[listener])
        self.ready.set()
        if self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        """End soon; safe from any thread."""
        self._stopping = True
        if self._server is not None:
            self._server.should_exit = True

    def _configuration(self) -> uvicorn.Config:
        return uvicorn.Config(
            create_app(self.settings, self._opened),
            http=Protocol,
            ws=SocketProtocol,
            # Ours: its own would write errors past every filter.
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            ws_max_size=MAX_FRAME,
            ws_ping_interval=20.0,
            ws_ping_timeout=20.0,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            h11_max_incomplete_event_size=MAX_FRAME,
            proxy_headers=False,
        )

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[App]:
        try:
            async with open_app(self.settings, on_failure=self._lost) as app:
                app.tasks.start("runs", app.chat.run(), essential=True)
                app.tasks.start("projections", app.projections.run(), essential=True)
                for number in range(self.settings.workers):
                    supervisor = Supervisor(app.database, self._worker_environment())
                    app.tasks.start(f"worker {number + 1}", supervisor.run(), essential=True)
                # A request that makes many objects must not have all of ours walked.
                gc.collect()
                gc.freeze()
                self._announce(app)
                app.tasks.start("warm up", app.agent.warm_up())
                yield app
        except StartError as error:
            self.failure = error
            raise
        except Exception as error:  # The outermost frame of the start.
            log.exception("server.failed")
            self.failure = StartError(
                f"The server has ended by an error ({type(error).__name__}).",
                hint="The log above says where.",
            )
            raise self.failure from error
        finally:
            self.stop()

    def _announce(self, app: App) -> None:
        self.sign_in = f"{self.address}/signin?code={app.accounts.issue_code()}"
        self.ready.set()
        if self.quiet:
            return
        print(f"Citewell is ready at {self.address}", flush=True)
        if self.settings.host in LOOPBACK:
            print(f"Sign in once with {self.sign_in}", flush=True)
        else:
            print(f"Sign in with the key in {self._home() / 'secrets' / 'admin-key'}", flush=True)
        if self.browser:
            import webbrowser

            webbrowser.open(self.sign_in)

    def _worker_environment(self) -> dict[str, str]:
        # The data directory may have been given on the command line.
        level = {"LOG_LEVEL": "warning"} if self.quiet else {}
        return {**os.environ, "CITEWELL_HOME": str(self._home()), **level}

    def _home(self) -> Path:
        return self.settings.home.expanduser().absolute()

    def _lost(self, task: str) -> None:
        self.failure = StartError(
            f"The server's task {task!r} ended by an error.", hint="The log says why."
        )
        self.stop()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `StartError` naming what is in the way."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"Port {port} on {host} is taken by another program.",
                hint="Stop it, or choose another with --port or PORT.",
            ) from error
        raise StartError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.",
            hint="Choose another address with --host or HOST.",
        ) from error
    return listener


def address_of(listener: socket.socket, host: str) -> str:
    """Where a browser on this machine finds the server."""
    port = listener.getsockname()[1]
    shown = "127.0.0.1" if host in {"0.0.0.0", ""} else "[::1]" if host == "::" else host  # noqa: S104
    return f"http://{f'[{shown}]' if shown.count(':') > 1 and '[' not in shown else shown}:{port}"


def warn_unknown() -> None:
    """Name variables that nobody reads, and the nearest one that somebody does."""
    for name, nearest in unknown_variables(os.environ):
        say(f"Warning: {name} is not a setting." + (f" Did you mean {nearest}?" if nearest else ""))
