"""A daemon for docker's clients: `runner engine`, or dockerd to see that the tests test docker's behaviour and not ours."""

import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

APPLETS = ("sh ls cat echo sleep true false env id head tail mkdir touch rm wget nc ip ping yes seq dd stty hostname ps "
           "tar printf wc httpd test chown stat kill mount").split()


def make_base(path):
    """A tar with a static busybox: the only image the tests need."""
    root = tempfile.mkdtemp(prefix="base", dir=os.path.dirname(path))
    for directory in ("bin", "tmp", "etc", "data"):
        os.mkdir(os.path.join(root, directory))
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    shutil.copy("/bin/busybox", os.path.join(root, "bin", "busybox"))
    for applet in APPLETS:
        os.symlink("busybox", os.path.join(root, "bin", applet))
    with open(os.path.join(root, "etc", "passwd"), "w", encoding="ascii") as file:
        file.write("root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n")
    with open(os.path.join(root, "etc", "group"), "w", encoding="ascii") as file:
        file.write("root:x:0:\napp:x:1000:\n")
    subprocess.run(["tar", "-C", root, "--owner=0", "--group=0", "-cf", path, "."], check=True)
    shutil.rmtree(root)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Daemon:
    def __init__(self, runner, kind="runner"):
        self.kind = kind
        self.work = tempfile.mkdtemp(prefix="slipway-api-", dir="/var/tmp")
        self.socket = os.path.join(self.work, "docker.sock")
        self.log = open(os.path.join(self.work, "log"), "wb")
        self.env = dict(os.environ, DOCKER_HOST="unix://" + self.socket, DOCKER_CONFIG=os.path.join(self.work, "config"),
                        NO_COLOR="1", DOCKER_CLI_HINTS="false")
        self.env.pop("DOCKER_BUILDKIT", None)
        os.mkdir(self.env["DOCKER_CONFIG"])
        self.runner = runner
        self.process = None
        self.start()

    def argv(self):
        if self.kind == "runner":
            return [self.runner, "--state", os.path.join(self.work, "state"), "engine", "--docker-socket", self.socket]
        with open(os.path.join(self.work, "daemon.json"), "w", encoding="ascii") as file:
            file.write("{}")
        return ["dockerd", "--config-file", os.path.join(self.work, "daemon.json"), "--data-root",
                os.path.join(self.work, "data"), "--exec-root", os.path.join(self.work, "exec"), "--pidfile",
                os.path.join(self.work, "pid"), "--host", "unix://" + self.socket, "--storage-driver", "overlay2"]

    def start(self):
        env = dict(os.environ, RUNNER_IDLE_NETWORKS="remove")  # Its bridges go with the last container.
        self.process = subprocess.Popen(self.argv(), env=env, stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if self.call("GET", "/_ping")[0] == 200:
                    return
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.02)
        raise RuntimeError("the daemon does not start: " + self.tail())

    def tail(self):
        with open(os.path.join(self.work, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()[-2000:]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """Removes every container, then ends; True when the daemon ended by itself."""
        if self.process.poll() is None:
            ids = self.docker("ps", "-aq").stdout.split()
            if ids:
                self.docker("rm", "-f", "-v", *ids)
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(30)
            ended = True
        except subprocess.TimeoutExpired:
            self.kill()
            ended = False
        if self.kind == "runner":
            subprocess.run([self.runner, "--state", os.path.join(self.work, "state"), "network", "prune", "-f"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        self.log.close()
        shutil.rmtree(self.work, ignore_errors=True)
        return ended

    # --- the docker command ---------------------------------------------------------------------------------------------
    def docker(self, *arguments, stdin=None, timeout=60):
        return subprocess.run(["docker", *arguments], env=self.env, input=stdin, capture_output=True, text=True,
                              timeout=timeout, check=False)

    def compose(self, directory, *arguments, timeout=120):
        return subprocess.run(["docker-compose", "--project-directory", directory, "-f",
                               os.path.join(directory, "docker-compose.yml"), *arguments], env=self.env,
                              capture_output=True, text=True, timeout=timeout, check=False)

    # --- plain HTTP -----------------------------------------------------------------------------------------------------
    def call(self, method, path, body=None, headers=None):
        """Status, headers and body; JSON bodies are sent and read as such."""
        connection = UnixConnection(self.socket)
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers["Content-Type"] = "application/json"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        if answer.getheader("Content-Type", "").startswith("application/json"):
            try:
                data = json.loads(data) if data.strip() else None
            except ValueError:
                data = [json.loads(line) for line in data.splitlines() if line.strip()]
        return answer.status, answer.headers, data

    def raw(self, data, timeout=20):
        """A socket on which `data` has been sent."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout)
        connection.connect(self.socket)
        connection.sendall(data)
        return connection

    def create(self, *command, **options):
        host = options.pop("HostConfig", {})
        name = options.pop("name", "")
        body = dict({"Image": "bb", "Cmd": list(command), "HostConfig": host}, **options)
        status, _, answer = self.call("POST", "/v1.41/containers/create" + ("?name=" + name if name else ""), body)
        assert status == 201, answer
        return answer["Id"]

    def hijack(self, method, path, body=b""):
        head = (f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        connection = self.raw(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            piece = connection.recv(1)
            if not piece:
                break
            answer += piece
        return answer.decode(), connection


def read_all(connection):
    data = b""
    while True:
        piece = connection.recv(65536)
        if not piece:
            return data
        data += piece


def frames(data):
    """Docker's frames: [(stream, bytes)]."""
    out = []
    while data:
        stream, size = struct.unpack(">BxxxI", data[:8])
        out.append((stream, data[8:8 + size]))
        data = data[8 + size:]
    return out
