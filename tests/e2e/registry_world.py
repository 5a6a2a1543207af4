"""What tests/e2e/registries stands on: programs run and remembered, docker-registry in each of its modes, a token
server, a proxy with faults, a private dockerd. Everything lives below one directory and ends with it.
"""

import base64
import collections
import contextlib
import glob
import http.client
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.parse

USER = "ann"
PASSWORD = "s3cr3t-Zebra-9421"

Done = collections.namedtuple("Done", "code out err")


class Failure(Exception):
    pass


class Watcher(threading.Thread):
    """Looks through the arguments of all processes for the password while anything of ours runs."""

    def __init__(self, words):
        super().__init__(daemon=True)
        self.words = words
        self.looks = 0
        self.found = []
        self.stop = threading.Event()

    def run(self):
        while not self.stop.wait(0.02):
            for path in glob.glob("/proc/[0-9]*/cmdline"):
                with contextlib.suppress(OSError), open(path, "rb") as file:
                    line = file.read()
                    if any(word in line for word in self.words):
                        self.found.append(line.replace(b"\0", b" ").decode("utf-8", "replace"))
            self.looks += 1


class World:
    def __init__(self, runner):
        self.runner = runner
        self.path = tempfile.mkdtemp(prefix="slipway-registries-")
        self.stack = contextlib.ExitStack()
        self.output = []  # everything `runner` printed, for the search for secrets
        secrets = (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode())
        self.secrets = [word.encode() for word in secrets]
        self.watcher = Watcher(self.secrets)
        self.home = self.dir("home")
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": self.home, "NO_COLOR": "1", "CI": "true", "LC_ALL": "C.UTF-8",
            "DOCKER_CONFIG": self.dir("docker-config"), "XDG_CONFIG_HOME": self.dir("config"),
            "XDG_RUNTIME_DIR": self.dir("runtime"), "REGISTRY_AUTH_FILE": self.file("auth.json", "{}"),
            "CONTAINERS_STORAGE_CONF": self.file("storage.conf", self.storage_conf()),
            "CONTAINERS_REGISTRIES_CONF": self.file("registries.conf", ""), "BUILDAH_ISOLATION": "chroot",
            "TMPDIR": self.dir("tmp"),
        }
        # skopeo, podman and buildah refuse to work without a policy; Debian's is the same.
        self.policy = self.file("policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}')

    def __enter__(self):
        self.watcher.start()
        return self

    def __exit__(self, *_):
        self.watcher.stop.set()
        self.stack.close()
        subprocess.run(["umount", "-R", os.path.join(self.path, "containers")], capture_output=True, check=False)
        for group in glob.glob("/sys/fs/cgroup/*/slipway/registries-*") + glob.glob("/sys/fs/cgroup/slipway/registries-*"):
            for folder, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        shutil.rmtree(self.path, ignore_errors=True)

    def dir(self, name):
        path = os.path.join(self.path, name)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def file(self, name, text):
        path = os.path.join(self.path, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def storage_conf(self):
        root = self.dir("containers")
        return f'[storage]\ndriver = "vfs"\ngraphroot = "{root}/root"\nrunroot = "{root}/run"\n'

    def run(self, argv, stdin="", timeout=60, env=None, cwd=None):
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd or self.path,
            env={**self.environment, **(env or {})}, start_new_session=True)
        try:
            out, err = process.communicate(stdin.encode(), timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            err += f"\n{argv[0]}: killed after {timeout} s".encode()
        return Done(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))

    def slip(self, *arguments, state="a", **options):
        """`runner ARGUMENTS` with a state directory of that name."""
        done = self.run([self.runner, "--state", self.dir("state-" + state), *arguments], **options)
        self.output.append(done.out + done.err)
        return done

    def must(self, argv, **options):
        done = self.run(argv, **options)
        if done.code != 0:
            raise Failure(f"{' '.join(argv)}: exit {done.code}\n{done.out}{done.err}")
        return done

    def must_slip(self, *arguments, **options):
        done = self.slip(*arguments, **options)
        if done.code != 0:
            raise Failure(f"runner {' '.join(arguments)}: exit {done.code}\n{done.out}{done.err}")
        return done

    def start(self, argv, log, ready, env=None):
        """A server that runs until the end (or until it is stopped); `ready` is asked until it says yes."""
        # docker-registry takes every variable REGISTRY_… for a setting of its own.
        variables = {k: v for k, v in self.environment.items() if not k.startswith("REGISTRY_")}
        with open(os.path.join(self.path, log), "ab") as file:
            process = subprocess.Popen(argv, stdout=file, stderr=file, stdin=subprocess.DEVNULL, cwd=self.path,
                                       env={**variables, **(env or {})}, start_new_session=True)
        self.stack.callback(stop, process)
        deadline = time.monotonic() + 30
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failure(f"{argv[0]} does not start: see {log}\n" + open(os.path.join(self.path, log)).read())
            time.sleep(0.02)
        return process


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Certificates:
    """A certificate authority of our own with a server certificate for 127.0.0.1, and a key that signs tokens."""

    def __init__(self, world):
        self.dir = world.dir("pki")
        self.world = world
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        self.openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=slipway test CA", "-keyout", "ca.key", "-out",
                     "ca.crt")
        self.openssl("req", *key, "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr")
        world.file("pki/san", "subjectAltName=IP:127.0.0.1\n")
        self.openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                     "-days", "2", "-extfile", "san", "-out", "server.crt")
        self.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=tokens", "-keyout",
                     "token.key", "-out", "token.crt")

    def openssl(self, *arguments, stdin=b""):
        done = subprocess.run(["openssl", *arguments], cwd=self.dir, input=stdin, capture_output=True, check=False)
        if done.returncode != 0:
            raise Failure("openssl: " + done.stderr.decode())
        return done.stdout

    def trust(self, host):
        """docker's certs.d layout, in the person's own place."""
        place = self.world.dir(f"config/slipway/certs.d/{host}")
        shutil.copy(self.dir + "/ca.crt", place)
        return place


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenServer:
    """Docker's token protocol: Basic in, a JWT signed by RS256 with its certificate in x5c out."""

    def __init__(self, world, certificates):
        self.certificates = certificates
        self.grants = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                if self.headers.get("Authorization") != wanted:
                    return self.answer(401, {"details": "incorrect username or password"})
                return self.answer(200, {"token": outer.token(query.get("scope", [])), "expires_in": 300})

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.answer(405, {"details": "only GET"})

            def answer(self, status, body):
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.realm = f"http://127.0.0.1:{self.server.server_address[1]}/token"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        world.stack.callback(self.server.server_close)
        world.stack.callback(self.server.shutdown)

    def token(self, scopes):
        access = []
        for scope in " ".join(scopes).split():
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        self.grants.append(scopes)
        chain = open(self.certificates.dir + "/token.crt").read().split("-----")[2].replace("\n", "")
        now = int(time.time())
        head = {"typ": "JWT", "alg": "RS256", "x5c": [chain]}
        claims = {"iss": "test", "sub": USER, "aud": "registry", "exp": now + 300, "nbf": now - 10, "iat": now,
                  "jti": os.urandom(8).hex(), "access": access}
        text = b64(json.dumps(head).encode()) + "." + b64(json.dumps(claims).encode())
        return text + "." + b64(self.certificates.openssl("dgst", "-sha256", "-sign", "token.key", stdin=text.encode()))


class Registry:
    """Debian's docker-registry. `mode` is plain, tls, htpasswd, token or mirror."""

    def __init__(self, world, mode, certificates=None, tokens=None, remote=None):
        self.world, self.mode = world, mode
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.storage = world.dir(f"registry-{mode}")
        text = f"""version: 0.1
log: {{level: info, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: "{self.storage}"}}
  delete: {{enabled: true}}
http:
  addr: {self.host}
  secret: for-tests
"""
        if mode == "tls":
            text += f"  tls: {{certificate: \"{certificates.dir}/server.crt\", key: \"{certificates.dir}/server.key\"}}\n"
        if mode == "htpasswd":
            hashed = world.run(["python3", "-W", "ignore", "-c", "import crypt,sys; print(crypt.crypt("
                                "sys.stdin.read(), crypt.mksalt(crypt.METHOD_BLOWFISH, rounds=16)))"], stdin=PASSWORD)
            text += f"auth:\n  htpasswd: {{realm: r, path: {world.file('htpasswd', USER + ':' + hashed.out)}}}\n"
        if mode == "token":
            text += (f"auth:\n  token: {{realm: '{tokens.realm}', service: registry, issuer: test, "
                     f"rootcertbundle: {certificates.dir}/token.crt}}\n")
        if mode == "mirror":
            text += f"proxy: {{remoteurl: 'http://{remote}'}}\n"
        self.config = world.file(f"registry-{mode}.yml", text)
        self.start()

    def start(self):
        self.process = self.world.start(["docker-registry", "serve", self.config], f"registry-{self.mode}.log",
                                        lambda: answers(self.port), env={"OTEL_TRACES_EXPORTER": "none"})

    def stop(self):
        stop(self.process)


class Dockerd:
    """A docker daemon of our own, without network and with the plainest storage."""

    def __init__(self, world):
        self.socket = os.path.join(world.path, "docker.sock")
        self.env = {"DOCKER_HOST": "unix://" + self.socket}
        data, run = world.dir("dockerd"), world.dir("dockerd-run")
        world.start(["unshare", "-m", "dockerd", "--data-root", data, "--exec-root", run, "--pidfile",
                     os.path.join(world.path, "dockerd.pid"), "-H", "unix://" + self.socket, "--iptables=false",
                     "--ip6tables=false", "--bridge=none", "--storage-driver=vfs",
                     "--cgroup-parent=/slipway/registries-docker"], "dockerd.log",
                    lambda: world.run(["docker", "version"], env=self.env).code == 0)


FAULTS = ("none", "request cap", "503 once", "502 page once", "reset once", "cut blobs", "cut blobs, no Range",
          "cut uploads", "HEAD refused", "no digest header", "relative Location", "429 first", "one Accept line")


class FaultProxy:
    """HTTP in front of a registry that misbehaves in one way at a time. The client must come through all of them."""

    BLOCK = 16384

    def __init__(self, world, upstream):
        self.upstream = upstream
        self.fault = "none"
        self.lock = threading.Lock()
        self.seen = collections.Counter()
        self.times = collections.deque()
        self.hits = 0
        self.requests = collections.Counter()
        self.stalled = threading.Event()
        self.go_on = threading.Event()
        self.sent = self.total = 0  # bytes of blobs; total: sizes of all blobs ever asked for
        self.known = set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def handle(self):
                with contextlib.suppress(OSError, http.client.HTTPException):
                    super().handle()

            def do(self):
                outer.serve(self)

            do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = do

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        world.stack.callback(self.server.server_close)
        world.stack.callback(self.server.shutdown)

    def misbehave(self, fault):
        with self.lock:
            self.fault = fault
            self.seen.clear()
            self.times.clear()
            self.requests.clear()
            self.hits = 0
            self.stalled.clear()
            if fault == "stall":
                self.go_on.clear()
            else:
                self.go_on.set()

    def first(self, key, times=1):
        """True the first `times` times."""
        with self.lock:
            self.seen[key] += 1
            hit = self.seen[key] <= times
            self.hits += hit
            return hit

    def over_cap(self):
        """More than three requests within half a second."""
        with self.lock:
            now = time.monotonic()
            while self.times and now - self.times[0] > 0.5:
                self.times.popleft()
            if len(self.times) >= 3:
                self.hits += 1
                return True
            self.times.append(now)
            return False

    @staticmethod
    def body_of(request):
        """The body in blocks; chunked or with a length."""
        if request.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(request.rfile.readline().split(b";")[0], 16):
                yield request.rfile.read(size)
                request.rfile.readline()
            request.rfile.readline()
            return
        left = int(request.headers.get("Content-Length") or 0)
        while left > 0:
            data = request.rfile.read(min(left, FaultProxy.BLOCK))
            if not data:
                return
            left -= len(data)
            yield data

    @staticmethod
    def refuse(request, status, body, headers=()):
        for _ in FaultProxy.body_of(request):
            pass
        request.send_response(status)
        for name, value in headers:
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)

    @staticmethod
    def cut(request):
        request.close_connection = True
        with contextlib.suppress(OSError):
            request.connection.shutdown(socket.SHUT_RDWR)

    def serve(self, request):
        path = urllib.parse.urlsplit(request.path).path
        fault = self.fault
        with self.lock:
            self.requests[(request.command, path)] += 1
        # Uploads have a new path each time; one fault for each kind of request will do.
        key = (request.command, path.rsplit("/", 1)[0] if "/uploads/" in path else path)
        limited = b"slow down, this is no JSON"
        if fault == "request cap" and self.over_cap():
            return self.refuse(request, 429, limited, [("Retry-After", "1"), ("Content-Type", "text/plain")])
        if fault == "429 first" and self.first("429", 3):
            return self.refuse(request, 429, limited, [("Retry-After", "0")])
        if fault == "503 once" and self.first(key):
            return self.refuse(request, 503, b"")
        if fault == "502 page once" and self.first(key):
            return self.refuse(request, 502, b"<html>Bad gateway</html>", [("Content-Type", "text/html")])
        if fault == "reset once" and self.first(key):
            return self.cut(request)
        if fault == "HEAD refused" and request.command == "HEAD":
            self.hits += 1
            return self.refuse(request, 405, b"")
        if fault == "cut uploads" and request.command in ("PATCH", "PUT") and "/uploads/" in path:
            if self.first("upload", 2):
                return self.cut_upload(request)
        return self.forward(request, path, fault)

    def cut_upload(self, request):
        """A part of the body goes through, then the line breaks on both sides."""
        for index, _ in enumerate(self.body_of(request)):
            if index >= 2:
                break
        self.cut(request)

    def forward(self, request, path, fault):
        connection = http.client.HTTPConnection(self.upstream, timeout=30)
        dropped = {"connection", "transfer-encoding"} | ({"range"} if fault == "cut blobs, no Range" else set())
        headers = [(k, v) for k, v in request.headers.items() if k.lower() not in dropped]
        if fault == "one Accept line":  # as proxies do that keep the last of repeated lines
            self.hits += 1
            headers = list({k: v for k, v in headers}.items())
        chunked = "Content-Length" not in request.headers and "Transfer-Encoding" in request.headers
        connection.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if chunked:
            connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for block in self.body_of(request):
            connection.send(b"%x\r\n%s\r\n" % (len(block), block) if chunked else block)
        if chunked:
            connection.send(b"0\r\n\r\n")
        response = connection.getresponse()
        self.answer(request, response, path, fault)
        connection.close()

    def answer(self, request, response, path, fault):
        request.send_response(response.status)
        length = response.headers.get("Content-Length")
        for name, value in response.headers.items():
            lower = name.lower()
            if lower in ("connection", "transfer-encoding", "date", "server"):
                continue
            if fault == "no digest header" and lower == "docker-content-digest":
                self.hits += 1
                continue
            if fault == "relative Location" and lower == "location":
                self.hits += 1
                parts = urllib.parse.urlsplit(value)
                value = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
            request.send_header(name, value)
        if length is None and request.command != "HEAD":
            request.send_header("Connection", "close")
            request.close_connection = True
        request.end_headers()
        if request.command == "HEAD":
            return
        size = int(length or 0)
        blob = request.command == "GET" and "/blobs/sha256:" in path and size > 4 * self.BLOCK
        limit = None
        if blob and path not in self.known:
            self.known.add(path)
            self.total += size
        if blob and fault == "stall":
            request.wfile.write(response.read(size // 2))
            self.stalled.set()
            self.go_on.wait(60)
            return self.cut(request)
        if blob and fault == "cut always":
            limit = size // 2
        elif blob and fault.startswith("cut blobs") and self.first(path, 2):
            limit = size // 2
        sent = 0
        while data := response.read(self.BLOCK):
            if limit is not None and sent + len(data) > limit:
                request.wfile.write(data[:limit - sent])
                request.wfile.flush()
                return self.cut(request)
            request.wfile.write(data)
            sent += len(data)
            self.sent += len(data) if blob else 0
        return None
