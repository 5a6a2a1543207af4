"""What the scripts of scripts/bench.d share: a private place, the engines we compare with, interleaved runs, leftovers.

Every engine gets its own state below one temporary directory and the same image, a static busybox called busybox:bench.
Nothing of the machine's own engines is touched; everything is stopped by process id and removed at the end.
"""

import ctypes
import glob
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
IMAGE = "busybox:bench"
CGROUP = "slipway/bench"  # below each hierarchy; the engine itself uses other names below slipway/
PEER_MODULES = os.path.join(ROOT, "build", "peers", "node_modules")
PR_SET_CHILD_SUBREAPER = 36


def quick():
    return "--quick" in sys.argv or os.environ.get("SLIPWAY_BENCH_QUICK") == "1"


def machine_line():
    release = os.uname().release
    load = os.getloadavg()[0]
    return f"machine: {os.cpu_count()} processors, Linux {release}, load {load:.2f}"


def run_quietly(argv, env=None, cwd=None):
    """Runs to the end; on failure says the command and its last words."""
    done = subprocess.run(argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join(done.stdout.strip().splitlines()[-5:])
        raise BenchError(f"run {' '.join(argv[:4])} …: exit code {done.returncode}\n{tail}")
    return done.stdout


class BenchError(Exception):
    pass


class Engine:
    """One way to run containers. `prepare` may take long; `argv(command)` is what is measured."""

    name = ""
    programs = ()

    def __init__(self, world):
        self.world = world
        self.env = dict(os.environ)

    def missing(self):
        return [program for program in self.programs if shutil.which(program) is None]

    def prepare(self):
        pass

    def argv(self, command):
        raise NotImplementedError

    def close(self):
        pass


class Slipway(Engine):
    name = "slipway"

    def __init__(self, world):
        super().__init__(world)
        self.runner = os.environ.get("RUNNER", os.path.join(ROOT, "build", "bench", "runner"))
        self.state = os.path.join(world.path, "slipway")
        self.env["RUNNER_STATE"] = self.state

    def missing(self):
        return [] if os.access(self.runner, os.X_OK) else [self.runner]

    def prepare(self):
        run_quietly([self.runner, "image", "import", self.world.tar, IMAGE], self.env)

    def argv(self, command):
        return [self.runner, "run", "--rm", "--network", "none", IMAGE, *command]

    def close(self):
        # Bridges that would wait for the next container.
        subprocess.run([self.runner, "network", "prune", "--force"], env=self.env, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)


class Docker(Engine):
    name = "docker"
    programs = ("dockerd", "docker")
    daemon = None
    network = ("--bridge=none", "--iptables=false")

    def prepare(self):
        # A short path: socket names are limited to 107 bytes.
        self.directory = tempfile.mkdtemp(prefix="sbd", dir="/tmp")
        self.socket = os.path.join(self.directory, "docker.sock")
        self.env["DOCKER_HOST"] = "unix://" + self.socket
        with open(os.path.join(self.world.path, "dockerd.log"), "wb") as log:
            self.daemon = subprocess.Popen(
                ["dockerd", *self.network, "--cgroup-parent=/" + CGROUP + "-docker",
                 "-H", "unix://" + self.socket, "--data-root", os.path.join(self.world.path, "docker"),
                 "--exec-root", os.path.join(self.directory, "e"), "-p", os.path.join(self.directory, "pid"),
                 "--config-file", self._empty_config()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait_for_socket()
        run_quietly(["docker", "import", self.world.tar, IMAGE], self.env)

    def _empty_config(self):
        # The machine's own /etc/docker/daemon.json must not decide here.
        path = os.path.join(self.directory, "daemon.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write("{}")
        return path

    def _wait_for_socket(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.daemon.poll() is not None:
                break
            with socket.socket(socket.AF_UNIX) as client:
                if client.connect_ex(self.socket) == 0:
                    return
            time.sleep(0.05)
        raise BenchError("start dockerd: no answer; see " + os.path.join(self.world.path, "dockerd.log"))

    def argv(self, command):
        return ["docker", "run", "--rm", "--network", "none", IMAGE, *command]

    def close(self):
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(30)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
            shutil.rmtree(self.directory, ignore_errors=True)


class Podman(Engine):
    name = "podman"
    programs = ("podman",)

    def _base(self):
        return ["podman", "--root", os.path.join(self.world.path, "podman"), "--runroot",
                os.path.join(self.world.path, "podman-run"), "--cgroup-manager", "cgroupfs", "--events-backend", "none"]

    def prepare(self):
        run_quietly([*self._base(), "import", self.world.tar, IMAGE], self.env)

    def argv(self, command):
        # Podman would ask for more open files and processes than a container host may allow.
        return [*self._base(), "run", "--rm", "--network", "none", "--ulimit", "nofile=1024:1024", "--ulimit",
                "nproc=1024:1024", "--cgroup-parent", "/" + CGROUP + "-podman", IMAGE, *command]


class Runc(Engine):
    name = "runc"
    programs = ("runc",)
    count = 0

    def prepare(self):
        self.bundle = os.path.join(self.world.path, "bundle")
        os.makedirs(self.bundle)
        run_quietly(["runc", "spec", "--bundle", self.bundle])
        path = os.path.join(self.bundle, "config.json")
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["process"]["terminal"] = False
        # No overlay under it, which the others have to mount: also an advantage.
        config["root"] = {"path": self.world.rootfs, "readonly": False}
        config["linux"]["cgroupsPath"] = "/" + CGROUP + "-runc"
        self.config, self.path = config, path
        self.command = None

    def argv(self, command):
        if command != self.command:
            self.command = command
            self.config["process"]["args"] = list(command)
            with open(self.path, "w", encoding="utf-8") as file:
                json.dump(self.config, file)
        Runc.count += 1
        return ["runc", "--root", os.path.join(self.world.path, "runc"), "run", "--bundle", self.bundle,
                f"bench{os.getpid()}-{Runc.count}"]


class Bwrap(Engine):
    name = "bwrap"
    programs = ("bwrap",)

    def argv(self, command):
        return ["bwrap", "--unshare-all", "--bind", self.world.rootfs, "/", "--proc", "/proc", "--dev", "/dev",
                *command]


ENGINES = (Slipway, Docker, Podman, Runc, Bwrap)


class World:
    """A temporary directory with the root file system and the engines that are installed."""

    def __init__(self, engines=ENGINES):
        self.wanted = engines
        self.engines = {}
        self.absent = {}

    def __enter__(self):
        if os.geteuid() != 0:
            raise BenchError("run the comparison as root: the other engines need it")
        # Whatever a run leaves running becomes our child and is counted.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.path = tempfile.mkdtemp(prefix="slipway-bench", dir="/var/tmp")
        try:
            self._make_rootfs()
            for kind in self.wanted:
                self._add(kind(self))
            if "slipway" not in self.engines:
                raise BenchError("runner: " + self.absent["slipway"])
        except BaseException:
            self.__exit__()
            raise
        return self

    def _add(self, engine):
        missing = engine.missing()
        if missing:
            self.absent[engine.name] = "not installed: " + " ".join(missing)
            return
        try:
            self.engines[engine.name] = engine
            engine.prepare()
            run_quietly(engine.argv(["true"]), engine.env)
        except BenchError as error:
            engine.close()
            del self.engines[engine.name]
            self.absent[engine.name] = "does not run here: " + str(error).splitlines()[-1]

    def _make_rootfs(self):
        busybox = shutil.which("busybox")
        if busybox is None:
            raise BenchError("no busybox; scripts/bench --install")
        self.rootfs = os.path.join(self.path, "rootfs")
        for name in ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr/bin", "var/tmp"):
            os.makedirs(os.path.join(self.rootfs, name))
        shutil.copy(busybox, os.path.join(self.rootfs, "bin/busybox"))
        for applet in run_quietly([busybox, "--list"]).split():
            if applet != "busybox":
                os.symlink("busybox", os.path.join(self.rootfs, "bin", applet))
        for name, text in (("passwd", "root:x:0:0::/root:/bin/sh\n"), ("group", "root:x:0:\n")):
            with open(os.path.join(self.rootfs, "etc", name), "w", encoding="utf-8") as file:
                file.write(text)
        self.tar = os.path.join(self.path, "busybox.tar")
        run_quietly(["tar", "-C", self.rootfs, "-cf", self.tar, "."])

    def __exit__(self, *_):
        for engine in self.engines.values():
            engine.close()
        for point in sorted(mounts_below(self.path), reverse=True):
            subprocess.run(["umount", "-l", point], check=False)
        for kind in glob.glob("/sys/fs/cgroup/*/" + CGROUP + "-*"):
            remove_empty_cgroups(kind)
        shutil.rmtree(self.path, ignore_errors=True)


def mounts_below(path):
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        points = [line.split()[4] for line in file]
    return [point for point in points if point.startswith(path + "/")]


def remove_empty_cgroups(path):
    for directory, _, _ in os.walk(path, topdown=False):
        try:
            os.rmdir(directory)
        except OSError:
            pass


def spawn(argv, env, cwd=None):
    """Starts with output thrown away; posix_spawn, so that the size of this process does not count."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
        if cwd is not None:
            argv = ["env", "-C", cwd, *argv]
        return os.posix_spawnp(argv[0], argv, env, file_actions=actions)
    finally:
        os.close(null)


def timed(argv, env, cwd=None):
    """Milliseconds from start to end of one process; a failure ends the benchmark."""
    begin = time.perf_counter()
    _, status = os.waitpid(spawn(argv, env, cwd), 0)
    elapsed = (time.perf_counter() - begin) * 1000
    if status != 0:
        raise BenchError(f"run {' '.join(argv)}: exit code {os.waitstatus_to_exitcode(status)}")
    return elapsed


def interleaved(engines, rounds, command):
    """{name: median ms}: A B C A B C …, so that a slow moment of the machine meets all."""
    times = {name: [] for name in engines}
    for _ in range(rounds):
        for name, engine in engines.items():
            times[name].append(timed(engine.argv(command), engine.env))
    return {name: statistics.median(values) for name, values in times.items()}


class Leftovers:
    """What there is more of at the end than at the beginning, counted only where it is ours."""

    def __init__(self, world, state):
        self.world, self.state = world, state
        self.children = self._children()
        self.before = self._count()

    def _children(self):
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="utf-8") as file:
            return set(file.read().split())

    def _count(self):
        cgroups = {d for top in glob.glob("/sys/fs/cgroup/*/slipway") + ["/sys/fs/cgroup/slipway"]
                   for d, _, _ in os.walk(top)}
        links = {name for name in os.listdir("/sys/class/net") if name.startswith(("veth", "slip"))}
        # Not counted: the pool of emptied drafts, bare mount points (kept for the next run), records in the database.
        files = {path for kind in ("drafts", "mounts", "tmp", "containers")
                 for path in glob.glob(os.path.join(self.state, kind, "*"))
                 if not os.path.basename(path).startswith("spare") and not _is_empty_directory(path)}
        return {"mounts": set(mounts_below(self.world.path)), "cgroups": cgroups, "links": links, "files": files}

    def report(self):
        """One line. Others may use the machine: a cgroup that holds processes which are not ours is theirs."""
        deadline = time.monotonic() + 2
        while True:
            after = self._count()
            extra = {kind: after[kind] - self.before[kind] for kind in after}
            extra["cgroups"] = {path for path in extra["cgroups"] if not _members(path)}
            extra["processes"] = {f"{pid} {_name(pid)}" for pid in self._children() - self.children if not _reaped(pid)}
            if not any(extra.values()) or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        found = [f"{len(items)} {kind} ({sorted(items)[0]})" for kind, items in sorted(extra.items()) if items]
        if not found:
            return "left behind: nothing (processes, mounts, cgroups, links, files)"
        return "LEFT BEHIND: " + ", ".join(found)


def _is_empty_directory(path):
    return os.path.isdir(path) and not os.listdir(path)


def _reaped(pid):
    """Orphans that ended are ours to reap and no leftovers."""
    return os.waitpid(int(pid), os.WNOHANG)[0] != 0


def _name(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return ""


def _members(path):
    try:
        with open(os.path.join(path, "cgroup.procs"), encoding="utf-8") as file:
            return file.read().split()
    except OSError:
        return ["gone"]


def table(title, rows, absent, base="slipway", unit="ms"):
    """rows: name -> figure; the ratio says how many times more than ours each takes."""
    print(title)
    for name, figure in rows.items():
        ratio = "" if name == base or base not in rows else f"{figure / rows[base]:8.1f} x"
        print(f"  {name:<24}{figure:10.1f} {unit}{ratio}")
    for name, reason in absent.items():
        print(f"  {name:<24}{reason}")


def main(body):
    try:
        print(machine_line())
        body()
    except BenchError as error:
        print("bench: " + str(error), file=sys.stderr)
        sys.exit(3)
