"""Whatever is asked, there is an answer or a refusal with a hint; never an error of ours."""

import json

from websockets.sync.client import ClientConnection, connect

from tests.journeys.conftest import Server, add, settled

REFUSED = {
    "empty": "",
    "white space": " \n\t  ",
    "no-break space": "\u00a0\u2003",
    "a megabyte": "why " * 250_000,
    "a lone surrogate": "what is \ud800 this",
    "control characters": "what\x00 is \x1b[31m this",
}
ANSWERED = {
    "emoji": "🔥🚒 When was the lighthouse built? 👩‍👩‍👧‍👦",
    "right to left": "متى بُنيت المنارة؟ \u202ewhen",
    "only marks": "?!?",
    "combining": "Z\u0351\u036b\u0343a\u0329l\u0328g\u0321o",
    "a query language": 'title:"lighthouse" AND (built^5 OR *) ~ \\ + - && || { } [ ]',
    "sql": "'; DROP TABLE documents; --",
    "one letter": "a",
}


def test_no_question_is_an_error_of_ours(server: Server) -> None:
    with server.client() as client:
        document = add(client, "light.txt", b"The lighthouse at Cape Ward was built in 1874.\n")
        assert settled(client, document["id"])["status"] == "ready"
        for path, field in (("/query", "input"), ("/api/v1/search", "query")):
            headers = {"content-type": "application/json"}
            for name, question in REFUSED.items():
                body = json.dumps({field: question})
                reply = client.post(path, content=body, headers=headers)
                assert 400 <= reply.status_code < 500, (path, name, reply.text[:300])
                said = reply.json()
                assert said["detail"], name
                assert said["hint"], (name, said)
            for name, question in ANSWERED.items():
                reply = client.post(path, json={field: question})
                assert reply.status_code == 200, (path, name, reply.text[:300])
        _no_question_is_an_error_on_the_socket(server)
        sane = client.post("/query", json={"input": "When was the lighthouse built?"}).json()
        assert "1874" in sane["response"]
    _no_question_is_an_error_of_the_command_line(server)


def _no_question_is_an_error_of_the_command_line(server: Server) -> None:
    """What the operating system lets through: no U+0000, and at most 128 kB."""
    for command in ("ask", "search"):
        for name, question in {**REFUSED, "a long one": "why " * 25_000}.items():
            if "\x00" in question or len(question) > 131_000:
                continue
            # A lone surrogate is how Python shows a byte that is not UTF-8.
            asked = question.replace("\ud800", "\udcff")
            refused = server.cli("--json", command, "--", asked)
            assert refused.returncode == 2, (command, name, refused)
            said = json.loads(refused.stderr)
            assert said["error"], (command, name)
            assert said["hint"], (command, name)
            told = server.cli(command, "--", asked)
            assert told.returncode == 2, (command, name, told)
            assert told.stderr.startswith("Error: "), (command, name)
        for name, question in ANSWERED.items():
            answered = server.cli(command, "--", question)
            assert answered.returncode == 0, (command, name, answered)


def _no_question_is_an_error_on_the_socket(server: Server) -> None:
    address = server.address.replace("http", "ws", 1) + "/ws"
    headers = {"authorization": f"Bearer {server.key}"}
    with connect(address, additional_headers=headers, proxy=None) as socket:
        for name, question in REFUSED.items():
            if len(question) < 60_000:
                socket.send(json.dumps({"input": question}))
                said = json.loads(socket.recv(timeout=30))
                assert said["error"]["code"] == "invalid", (name, said)
                assert said["error"]["hint"], name
        for name, question in ANSWERED.items():
            socket.send(json.dumps({"op": "start", "input": question}))
            assert _last(socket)["type"] == "RUN_FINISHED", name


def _last(socket: ClientConnection) -> dict[str, str]:
    while True:
        event: dict[str, str] = json.loads(socket.recv(timeout=60))["event"]
        if event["type"] in {"RUN_FINISHED", "RUN_ERROR"}:
            return event
