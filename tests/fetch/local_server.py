"""A local HTTP server with the paths of the public hosts, and faults that a test plans for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """Serves ``files`` (path -> bytes); ``faults`` (path -> list) are used up, one a request, before it serves well.

    A fault is a status code, ``("cut", n)``: n bytes then a closed connection, ``"no range"``: the whole file whatever
    was asked, ``"wrong range"``: a part from one byte too early, ``"unsized"``: without a length, or ``"gone"``: closed
    without an answer.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[Any]] = {}
        self.asked: list[tuple[str, str | None]] = []  # path and Range of every request

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """Answers GET with ranges."""

    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        planned = self.server.faults.get(self.path)
        fault = planned.pop(0) if planned else None
        content = self.server.files.get(self.path)
        if fault == "gone":
            self.close_connection = True
            return
        if isinstance(fault, int) or content is None:
            self.send_error(fault if isinstance(fault, int) else 404)
            return
        start = int(wanted[len("bytes=") : -1]) if wanted and fault != "no range" else 0
        beyond = 0 < len(content) <= start
        if fault == "wrong range":
            start -= 1
        body = content[start:]
        self.send_response(416 if beyond else 206 if start else 200)
        if start:
            part = "*" if beyond else f"{start}-{len(content) - 1}"
            self.send_header("Content-Range", f"bytes {part}/{len(content)}")
        if fault != "unsized":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: fault[1]] if isinstance(fault, tuple) else body)
        self.close_connection = True


@contextmanager
def serving() -> Iterator[Server]:
    """A server for the length of a test."""
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
