"""A web server on this machine that misbehaves as it is told."""

import hashlib
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = bytes(range(256)) * 12_000  # 3 MB
SHA256, MD5 = hashlib.sha256(BODY).hexdigest(), hashlib.md5(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """A server of BODY on this machine, whose faults are attributes."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.tag, self.date = BODY, '"one"', ""
        self.ranges, self.type, self.status = True, "application/octet-stream", 200
        self.ahead = 0  # how many bytes further on than it was asked it goes on
        self.drops = []  # for each of the first answers, the bytes after which the connection ends
        self.claim = 0  # how much longer than it is the body is said to be
        self.hang = False
        self.name = "file.bin"
        self.asked = []  # (first byte, If-Range) of each request
        self.sent = 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/sets/{self.name}"

    def handle_error(self, request, client_address):
        pass  # a client that has gone


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        first = int(self.headers.get("Range", "bytes=0-")[6:-1])
        server.asked.append((first, self.headers.get("If-Range")))
        if server.hang:
            return time.sleep(1000)  # in a daemon's thread: nobody waits for its end
        if server.status != 200:
            return self.send_error(server.status)
        same = self.headers.get("If-Range") in (None, server.tag, server.date)
        if not (server.ranges and same):
            first = 0
        if first >= len(server.body) > 0 and first:
            return self.send_error(416)
        first += server.ahead if first else 0
        body = server.body[first:]
        self.send_response(206 if first else 200)
        self.send_header("Content-Type", server.type)
        if server.claim is not None:
            self.send_header("Content-Length", str(len(body) + server.claim))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(server.body) - 1}/{len(server.body)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        if server.date:
            self.send_header("Last-Modified", server.date)
        self.end_headers()
        if server.drops:
            body = body[: server.drops.pop(0)]
        self.wfile.write(body)
        server.sent += len(body)

    def log_message(self, *arguments):
        pass
