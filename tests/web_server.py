"""`deepsc web` in a process of its own, and what a program asks it."""

import contextlib
import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from host_process import started


class Server:
    """What is answered at an address."""

    def __init__(self, process, address: str) -> None:
        self.process, self.address = process, address
        self.port = urlsplit(address).port

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> http.client.HTTPResponse:
        """The answer, its body in `content`. Of header names `_` is `-`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        answer.content = answer.read()
        connection.close()
        return answer

    def upload(self, body: bytes, name: str = "hello.wav") -> dict:
        """What is told of a recording that is taken."""
        answer = self.ask("POST", "/api/recordings", body, X_Name=name)
        assert answer.status == 200, answer.content
        return json.loads(answer.content)

    def start(self, **wish: object) -> str:
        """The id of a run."""
        answer = self.ask("POST", "/api/runs", json.dumps(wish).encode())
        assert answer.status == 201, answer.content
        return json.loads(answer.content)["id"]

    def events(self, run: str) -> list[tuple[str, dict]]:
        """All that a run tells, to its end."""
        content = self.ask("GET", f"/api/runs/{run}/events").content.decode()
        told = [dict(line.split(": ", 1) for line in event.splitlines()) for event in content.split("\n\n") if event]
        return [(event["event"], json.loads(event["data"])) for event in told]

    def run(self, **wish: object) -> tuple[str, dict]:
        """A run's id, and what its end tells."""
        run = self.start(**wish)
        name, data = self.events(run)[-1]
        assert name == "done", data
        return run, data


@contextlib.contextmanager
def serving(*arguments: object) -> Iterator[Server]:
    """`deepsc web` at a free port."""
    with started("web", "--port", "0", "--no-browser", *arguments) as process:
        line = process.stdout.readline()
        assert line.startswith("deepsc web: "), line + process.stderr.read()
        try:
            yield Server(process, line.removeprefix("deepsc web: ").strip())
        finally:
            process.terminate()  # it takes its folder away
            process.wait(30)
