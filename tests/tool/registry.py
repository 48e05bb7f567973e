"""A loopback registry for the tests of install and fetch, and tarballs to fill it with."""
import base64
import gzip
import hashlib
import http.server
import io
import json
import os
import tarfile
import threading

SCALE = float(os.environ.get("TREADLE_TEST_SCALE", "1"))
ROUNDS = 6 if SCALE <= 1 else int(20 * SCALE)  # of kills


def member(name, content=b"", mode=0o644, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.type, info.linkname = len(content), mode, kind, link
    return info, content


def tarball(*members):
    """A gzipped tarball of what `member` returned."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(made.getvalue(), 1, mtime=0)


def package(name, version="1.0.0", *members, **fields):
    described = json.dumps({"name": name, "version": version, **fields}).encode()
    return tarball(member("package/package.json", described), *members)


def sri(content, algorithm="sha512"):
    return algorithm + "-" + base64.b64encode(hashlib.new(algorithm, content).digest()).decode()


class Registry:
    """Serves {path: bytes}; counts, and misbehaves where it is told to."""

    def __init__(self):
        self.files, self.seen, self.lock = {}, [], threading.Lock()
        self.break_after, self.statuses, self.etags = {}, {}, {}
        self.scripts = {}  # path -> answers to come, each None or (status, headers, body)
        self.delay, self.running, self.most_running = 0, 0, 0
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.answer(self)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass  # a client that was killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def answer(self, on):
        with self.lock:
            self.seen.append((on.path, dict(on.headers)))
            self.running += 1
            self.most_running = max(self.most_running, self.running)
        try:
            self.send(on)
        finally:
            with self.lock:
                self.running -= 1

    def send(self, on):
        if self.delay:
            threading.Event().wait(self.delay)
        with self.lock:
            status = self.statuses[on.path].pop(0) if self.statuses.get(on.path) else 200
            scripted = self.scripts[on.path].pop(0) if self.scripts.get(on.path) else None
        if scripted:
            status, headers, body = scripted
            on.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                on.send_header(name, value)
            on.end_headers()
            on.wfile.write(body)
            return None
        content = self.files.get(on.path)
        if content is None and status == 200:
            status = 404
        if status != 200:
            on.send_response(status)
            on.send_header("Content-Length", "0")
            return on.end_headers()
        start, etag = 0, self.etags.get(on.path)
        wanted = on.headers.get("Range", "")
        if wanted.startswith("bytes=") and etag and on.headers.get("If-Range") == etag:
            start = int(wanted[6:].split("-")[0])
        if start >= len(content) > 0:
            on.send_response(416)
            on.send_header("Content-Length", "0")
            return on.end_headers()
        on.send_response(206 if start else 200)
        if start:
            on.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if etag:
            on.send_header("ETag", etag)
        on.send_header("Content-Length", str(len(content) - start))
        on.end_headers()
        with self.lock:
            breaks = self.break_after.get(on.path)
            stop = breaks.pop(0) if breaks else None
        on.wfile.write(content[start:len(content) if stop is None else start + stop])
        if stop is not None:
            on.wfile.flush()
            on.close_connection = True
            return None
        return None

    def publish(self, name, content, version="1.0.0"):
        """Puts a tarball where npm's registry has it; returns its entry for a lock file."""
        path = f"/{name}/-/{name.split('/')[-1]}-{version}.tgz"
        self.files[path] = content
        return {"version": version, "resolved": "https://registry.npmjs.org" + path, "integrity": sri(content)}
