"""Planted secrets: what people send, upload, configure or lose is in no log, metric or audit."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from uuid import uuid4

import psycopg
from websockets.sync.client import connect

from tests.journeys.conftest import Server, add, citewell, settled

COLLECTION = "/api/v1/collections/default/documents"
# A name says where the secret is put, its look what it is taken for.
LOOKS: Mapping[str, str] = {
    "bearer": "cw_{}", "api key header": "cw_{}", "cookie": "citewell_session={}", "jwt":
    "eyJhbGciOiJIUzI1NiJ9.{}.c2ln", "basic": "{}", "llm key": "sk-{}", "referer": "{}",
    "user agent": "{}", "forwarded": "{}", "traceparent": "{}", "request id": "{} x", "origin":
    "https://{}.example", "host": "{}.example", "idempotency": "{}", "etag": "{}",
    "query value": "{}", "query name": "{}", "path": "{}", "cursor": "{}", "sign-in code": "{}",
    "sign-in key": "cw_{}", "question": "what is {} ?", "search": "where is {} ?", "filter": "{}",
    "unknown field": "{}", "broken json": "{}", "collection name": "{}", "description": "{}",
    "document title": "{}", "document text": "The vault opens with {}.", "metadata": "{}",
    "tag": "{}", "file name": "{}.txt", "file content": "The password is {}.", "broken file": "{}",
    "form field": "{}", "socket question": "who is {} ?", "socket frame": "{}",
    "email": "{}@example.org", "run id": "{}",
}  # fmt: skip


@contextmanager
def canaries() -> Iterator[dict[str, str]]:
    assert len(LOOKS) >= 40
    yield {name: look.format(f"cnry{uuid4().hex}") for name, look in LOOKS.items()}


def secrets_of(planted: Mapping[str, str]) -> dict[str, str]:
    """The part of each that nobody could have written by chance."""
    return {name: text[(at := text.index("cnry")) : at + 36] for name, text in planted.items()}


def send_everything(server: Server, planted: Mapping[str, str]) -> None:
    """Use what the server does, with a secret in every place that takes one."""
    with server.client() as client:
        with_headers(server, planted)
        client.get("/api/v1/documents", params={"q": planted["query value"]})
        client.get("/api/v1/documents", params={planted["query name"]: "1"})
        client.get("/api/v1/documents", params={"cursor": planted["cursor"]})
        client.get(f"/{planted['path']}")
        client.get(f"/api/v1/runs/{planted['run id']}")
        client.get("/signin", params={"code": planted["sign-in code"]})
        client.post("/signin", json={"key": planted["sign-in key"]})
        client.post("/query", json={"input": planted["question"]})
        client.post(
            "/api/v1/search",
            json={"query": planted["search"], "filter": {"title": planted["filter"]}},
        )
        client.post("/query", json={"input": "x", planted["unknown field"]: planted["email"]})
        broken = ('{"input": "' + planted["broken json"]).encode()
        client.post("/query", content=broken, headers={"content-type": "application/json"})
        made = {"name": planted["collection name"], "description": planted["description"]}
        assert client.post("/api/v1/collections", json=made).status_code == 201
        assert client.post("/api/v1/collections", json=made).status_code == 409
        upload_everything(server, planted)


def with_headers(server: Server, planted: Mapping[str, str]) -> None:
    sent = {
        "bearer": ("authorization", f"Bearer {planted['bearer']}"),
        "jwt": ("authorization", f"Bearer {planted['jwt']}"),
        "basic": ("authorization", f"Basic {planted['basic']}"),
        "llm key": ("x-api-key", planted["llm key"]),
        "api key header": ("x-api-key", planted["api key header"]),
        "cookie": ("cookie", planted["cookie"]),
        "referer": ("referer", f"https://e.example/{planted['referer']}"),
        "user agent": ("user-agent", planted["user agent"]),
        "forwarded": ("x-forwarded-for", planted["forwarded"]),
        "traceparent": ("traceparent", planted["traceparent"]),
        "request id": ("x-request-id", planted["request id"]),
        "origin": ("origin", planted["origin"]),
        "host": ("host", planted["host"]),
        "idempotency": ("idempotency-key", planted["idempotency"]),
        "etag": ("if-match", planted["etag"]),
    }
    with server.client() as client:
        for name, value in sent.values():
            client.post("/query", json={"input": "Is it?"}, headers={name: value})


def upload_everything(server: Server, planted: Mapping[str, str]) -> None:
    with server.client() as client:
        text = {"title": planted["document title"], "text": planted["document text"]}
        first = client.post(COLLECTION, json=text).json()["document"]["id"]
        second = add(client, planted["file name"], planted["file content"].encode())["id"]
        bad = add(client, "broken.pdf", b"%PDF-1.7\n" + planted["broken file"].encode())["id"]
        worse = add(client, "broken.docx", b"PK\x03\x04" + planted["broken file"].encode())["id"]
        client.post(COLLECTION, data={planted["form field"]: "x"}, files={"file": ("a", b"a")})
        for document in (first, second, bad, worse):
            settled(client, document)
        change = {"metadata": {"k": planted["metadata"]}, "tags": [planted["tag"]]}
        assert client.patch(f"/api/v1/documents/{first}", json=change).status_code == 200
        client.post("/query", json={"input": "What opens the vault?"})
        client.delete(f"/api/v1/documents/{second}")
        address = client.base_url
    headers = {"authorization": f"Bearer {server.key}"}
    with connect(f"ws://{address.host}:{address.port}/ws", additional_headers=headers) as socket:
        socket.send(json.dumps({"op": "start", "id": "1", "input": planted["socket question"]}))
        while json.loads(socket.recv(timeout=30)).get("event", {}).get("type") != "RUN_FINISHED":
            pass
        socket.send("{" + planted["socket frame"])
        socket.recv(timeout=30)


def found_in(text: str, planted: Mapping[str, str]) -> set[str]:
    return {name for name, secret in secrets_of(planted).items() if secret in text}


def everything_logged(server: Server) -> str:
    files = [server.log, server.output, *sorted((server.home / "logs").rglob("*"))]
    return "\n".join(path.read_text("utf-8", "replace") for path in files if path.is_file())


def test_no_planted_secret_is_in_a_log_a_metric_or_the_audit(
    server: Server, postgres_url: str
) -> None:
    with canaries() as planted:
        send_everything(server, planted)
        with server.client() as client:
            measured = client.get("/metrics").text
        with psycopg.connect(postgres_url) as connection:
            audit = str(connection.execute("SELECT * FROM audit_log").fetchall())
            jobs = str(connection.execute("SELECT * FROM jobs").fetchall())
        logged = everything_logged(server)
    assert logged.count('"event": "http.request"') > 30
    for where, text in {"log": logged, "metrics": measured, "audit": audit, "jobs": jobs}.items():
        assert found_in(text, planted) == set(), where
    assert server.key not in logged + measured + audit


@contextmanager
def refusing_rows(url: str) -> Iterator[None]:
    """The database refuses what the server did not expect it to, and quotes the row."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "ALTER TABLE audit_log ADD CONSTRAINT refusing"
            " CHECK (action <> 'collection.create') NOT VALID"
        )
        connection.execute(
            "ALTER TABLE collections ADD CONSTRAINT refusing CHECK (description = '') NOT VALID"
        )
    try:
        yield
    finally:
        # The next test gets this database.
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER TABLE audit_log DROP CONSTRAINT refusing")
            connection.execute("ALTER TABLE collections DROP CONSTRAINT refusing")


def test_a_request_that_breaks_the_server_tells_its_log_nothing_that_was_sent(
    server: Server, postgres_url: str
) -> None:
    server.expected_errors.add("http.failed")
    with canaries() as planted, server.client() as client, refusing_rows(postgres_url):
        made = {"name": planted["collection name"], "description": planted["description"]}
        reply = client.post("/api/v1/collections", json=made)
        assert reply.status_code in {409, 500}
        assert found_in(reply.text, planted) <= {"collection name"}
        made["description"] = ""
        broken = client.post("/api/v1/collections", json=made)
        assert broken.status_code == 500
        assert found_in(broken.text, planted) == set()
        assert broken.json()["request_id"] in everything_logged(server)
        assert '"exception"' in everything_logged(server)
        assert found_in(everything_logged(server), planted) == set()


def test_a_password_of_a_database_that_does_not_answer_is_told_nobody(home: Path) -> None:
    with canaries() as planted:
        secret = secrets_of(planted)["basic"]
        for url in (
            f"postgresql://ada:{secret}@127.0.0.1:1/citewell",
            f"mysql://ada:{secret}@127.0.0.1/citewell",
            f"postgresql://ada:{secret}@[::1/citewell",
        ):
            done = citewell(home, "db", "check", DATABASE_URL=url)
            assert done.returncode != 0
            assert secret not in done.stdout + done.stderr, url


def test_a_model_server_that_repeats_what_it_was_sent_is_not_repeated(
    home: Path, tmp_path: Path
) -> None:
    with canaries() as planted, echoing_server() as address:
        secret = secrets_of(planted)["llm key"]
        done = citewell(
            home, "serve", "--port", "0",
            OPENAI_API_KEY=planted["llm key"],
            OPENAI_BASE_URL=f"{address}/v1",
            CITEWELL_EMBEDDING__MODEL="openai:text-embedding-3-small",
        )  # fmt: skip
        assert done.returncode != 0
        assert secret not in done.stdout + done.stderr


@contextmanager
def echoing_server() -> Iterator[str]:
    """Refuses every request, with everything that it was sent in its answer."""

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length", 0)))
            said = json.dumps({"error": {"message": f"{self.headers} {sent!r}"}}).encode()
            self.send_response(401)
            self.send_header("content-length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:
            return

    listener = HTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=listener.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.server_port}"
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join(10)
