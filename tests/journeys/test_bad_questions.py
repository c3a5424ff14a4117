"""Whatever is asked, there is an answer or a refusal with a hint; never an error of ours."""

import json

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
        sane = client.post("/query", json={"input": "When was the lighthouse built?"}).json()
        assert "1874" in sane["response"]
    refused = server.cli("ask", "")
    assert refused.returncode == 1
    assert "empty" in refused.stderr
