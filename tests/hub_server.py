"""A Hub in miniature over real HTTP: makes repositories, takes commits, hands out files."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0" * 40
Repositories = dict[str, dict[str, bytes]]


@contextmanager
def hub(token: str) -> Iterator[tuple[str, Repositories]]:
    """Serve until left; gives the address, and the files of every repository by name."""
    repositories: Repositories = {}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Authorization") != f"Bearer {token}":
                self.answer({"error": "Invalid credentials"}, 401)
            elif self.path == "/api/repos/create":
                asked = json.loads(data)
                name = f"{asked['organization']}/{asked['name']}"
                repositories.setdefault(name, {})
                self.answer({"url": f"{address}/{name}"})
            elif self.path == "/api/validate-yaml":  # the head of a model card
                self.answer({"errors": [], "warnings": []})
            elif "/preupload/" in self.path:
                files = [one["path"] for one in json.loads(data)["files"]]
                kept = {"uploadMode": "regular", "shouldIgnore": False}
                self.answer({"files": [{"path": path, **kept} for path in files]})
            else:
                found = re.fullmatch(r"/api/models/(.+)/commit/main", self.path)
                assert found, self.path
                for line in map(json.loads, data.splitlines()):
                    if line["key"] == "file":
                        content = base64.b64decode(line["value"]["content"])
                        repositories[found[1]][line["value"]["path"]] = content
                place = f"{address}/{found[1]}/commit/{COMMIT}"
                self.answer({"commitUrl": place, "commitOid": COMMIT, "success": True})

        def do_HEAD(self) -> None:
            self.file()

        def do_GET(self) -> None:
            place = re.fullmatch(r"/api/models/([^/]+/[^/?]+)(/.*)?(\?.*)?", self.path)
            if place and place[1] in repositories:
                files = repositories[place[1]].items()
                if (place[2] or "").startswith("/tree/"):
                    kinds = {"type": "file", "oid": COMMIT}
                    self.answer([kinds | {"path": n, "size": len(c)} for n, c in files])
                else:
                    names = [{"rfilename": name} for name, _ in files]
                    self.answer({"id": place[1], "sha": COMMIT, "siblings": names})
            else:
                self.wfile.write(self.file())

        def file(self) -> bytes:
            found = re.fullmatch(rf"/(.+)/resolve/(?:main|{COMMIT})/(.+)", self.path)
            content = repositories.get(found[1], {}).get(found[2]) if found else None
            if content is None:
                self.send_response(404)
                code = "EntryNotFound" if found and found[1] in repositories else "RepoNotFound"
                self.send_header("X-Error-Code", code)
                content = b""
            else:
                self.send_response(200)
                self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
                self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            return content

        def answer(self, value: Any, status: int = 200) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address, repositories
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
