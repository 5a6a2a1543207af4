"""The builders that are compared: ours, docker's BuildKit and buildah, each with a place of its own."""

import json
import os
import signal
import subprocess
import tarfile
import time

from image_tar import Archive, config_of, history_of

CGROUP = "/slipway/conformance"


class BuilderError(Exception):
    pass


def call(argv, **rest):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, **rest)


def must(argv, **rest):
    done = call(argv, **rest)
    if done.returncode != 0:
        raise BuilderError(f"run {' '.join(argv[:6])}: exit code {done.returncode}\n{done.stdout[-2000:]}")
    return done.stdout


def result_of(document, tree, base_tree, normalise):
    """What is stored and compared; `tree` only where it differs from the base's."""
    changed = {path: text for path, text in tree.items() if base_tree.get(path) != text}
    if set(tree) & set(base_tree):  # an image from scratch has not lost anything
        changed.update({path: "gone" for path in base_tree if path not in tree})
    history = [line for line in history_of(document, 0) if "BASE " not in line]
    return json.loads(normalise(json.dumps({"config": config_of(document), "history": history,
                                            "tree": dict(sorted(changed.items()))})))


class Builder:
    """build() gives {"failed": last words} or {"config", "history", "tree"}; finish() those that come in one archive."""

    def __init__(self, place, base_tree, normalise):
        self.place, self.base_tree, self.normalise = place, base_tree, normalise
        os.makedirs(place, exist_ok=True)

    def close(self):
        pass

    def read(self, path):
        archive = Archive(path)
        try:
            return {tag: result_of(document, archive.tree(layers), self.base_tree, self.normalise)
                    for tag, (document, layers) in archive.images().items()}
        finally:
            archive.close()


class Runner(Builder):
    def __init__(self, runner, bases, *rest):
        super().__init__(*rest)
        self.argv = [runner, "--state", os.path.join(self.place, "state")]
        # Tests run beside each other: a cache of ours alone, no settings of the person's.
        self.env = {**os.environ, "RUNNER_CONFIG": "/dev/null"}
        for path in bases.values():
            must([*self.argv, "load", "-q", "-i", path], env=self.env)

    def version(self):
        return call([self.argv[0], "--version"]).stdout.strip()

    def command(self, case, dockerfile, context):
        file = [] if case.dockerfile_name == "Dockerfile" or case.dockerfile is None else ["-f", dockerfile]
        return [*self.argv, "build", "--network", "none", "--progress", "plain", *file, *case.args, context]

    def build(self, case, dockerfile, context):
        env = {**self.env, **case.env}
        if case.check:
            done = subprocess.run([*self.command(case, dockerfile, context), "--call", "check,format=json"],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=env)
            return warnings_of(done.stdout, done.stderr)
        done = call([*self.command(case, dockerfile, context), "-t", case.tag], env=env)
        return None if done.returncode == 0 else {"failed": done.stdout[-1500:]}

    def finish(self, cases):
        """One archive for all: {tag: result}."""
        if not cases:
            return {}
        path = os.path.join(self.place, "all.tar")
        must([*self.argv, "save", "-o", path, *[case.tag for case in cases]], env=self.env)
        return self.read(path)


def warnings_of(text, error):
    try:
        document = json.loads(text)
    except ValueError:
        return {"failed": (text + error)[-1500:]}
    line = lambda warning: warning.get("line") or warning["location"]["ranges"][0]["start"]["line"]
    return {"warnings": sorted(f"{line(one)} {one['ruleName']}" for one in document.get("warnings") or [])}


class Rooted(Builder):
    """A reference in another root directory (a chroot of a newer distribution), or in this one when `root` is empty."""

    def __init__(self, root, *rest):
        super().__init__(*rest)
        self.root = root

    def inside(self, argv):
        if not self.root:
            return argv
        shared = " ".join(("/proc", "/sys", "/dev", self.place.split("/builders")[0]))
        # A mount of its own: docker's unpacking of archives remounts "/".
        script = (f"mount --bind {self.root} {self.root}; "
                  f"for d in {shared}; do mkdir -p {self.root}$d; mount --rbind $d {self.root}$d; done; "
                  f"exec chroot {self.root} \"$@\"")
        return ["unshare", "-m", "--propagation", "private", "sh", "-ec", script, "sh", *argv]


class BuildKit(Rooted):
    name = "buildkit"

    def __init__(self, bases, *rest):
        super().__init__(*rest)
        host = "unix://" + self.place + "/docker.sock"
        self.env = {**os.environ, "DOCKER_HOST": host, "DOCKER_CONFIG": self.place + "/config", "DOCKER_BUILDKIT": "1"}
        os.makedirs(self.place + "/config", exist_ok=True)
        with open(self.place + "/daemon.json", "w", encoding="utf-8") as file:
            json.dump({"features": {"containerd-snapshotter": bool(self.root)}}, file)
        with open(self.place + "/log", "wb") as log:
            self.daemon = subprocess.Popen(
                self.inside(["dockerd", "--bridge=none", "--iptables=false", "--ip6tables=false",
                             "--cgroup-parent=" + CGROUP + "-docker", "-H", host, "--data-root", self.place + "/data",
                             "--exec-root", self.place + "/x", "-p", self.place + "/pid",
                             "--config-file", self.place + "/daemon.json"]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        self.wait()
        for path in bases.values():
            self.docker("load", "-q", "-i", path)

    def wait(self):
        deadline = time.monotonic() + 60
        while call(self.inside(["docker", "version"]), env=self.env).returncode != 0:
            if time.monotonic() > deadline or self.daemon.poll() is not None:
                raise BuilderError("start dockerd: see " + self.place + "/log")
            time.sleep(0.2)

    def docker(self, *words):
        return must(self.inside(["docker", *words]), env=self.env)

    def version(self):
        return self.docker("version", "-f", "docker {{.Server.Version}}").strip()

    def build(self, case, dockerfile, context):
        env = {**self.env, **case.env}
        file = [] if case.dockerfile_name == "Dockerfile" or case.dockerfile is None else ["-f", dockerfile]
        words = ["--progress", "plain", "--network", "none", *file, *case.args, context]
        if case.check:
            done = subprocess.run(self.inside(["docker", "buildx", "build", "--call", "check,format=json", *words]),
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=env)
            return warnings_of(done.stdout, done.stderr)
        out = os.path.join(self.place, "out.tar")
        if self.root:
            done = call(self.inside(["docker", "buildx", "build", "--provenance=false", "-o",
                                     f"type=oci,dest={out},compression=uncompressed", *words]), env=env)
        else:
            done = call(["/usr/bin/docker", "build", "-t", "case", *words], env=env)
        if done.returncode != 0:
            return {"failed": last_words(done.stdout)}
        if not self.root:
            self.docker("save", "-o", out, "case")
        result = next(iter(self.read(out).values()))
        os.remove(out)
        return result

    def bake(self, cases, places):
        """Many at once by one client, where the references are new enough; {name: result} of those that came out."""
        targets = {}
        for number, case in enumerate(cases):
            if bakeable(case):
                out = os.path.join(self.place, f"baked-{number}.tar")
                targets[case.full_name] = (f"c{number}", out, bake_target(case, *places[case.full_name], out))
        if not self.root or not targets:
            return {}
        file = os.path.join(self.place, "bake.json")
        with open(file, "w", encoding="utf-8") as stream:
            json.dump({"group": {"default": {"targets": [name for name, _, _ in targets.values()]}},
                       "target": {name: target for name, _, target in targets.values()}}, stream)
        call(self.inside(["docker", "buildx", "bake", "-f", file, "--allow", "fs=*", "--progress", "quiet"]), env=self.env)
        found = {}
        for full_name, (_, out, _) in targets.items():
            if os.path.exists(out):
                try:
                    found[full_name] = next(iter(self.read(out).values()))
                except (tarfile.TarError, KeyError):
                    pass  # one that failed has stopped the others
                os.remove(out)
        if not found or len(found) == len(targets):
            return found
        return {**found, **self.bake([case for case in cases if case.full_name not in found], places)}

    def close(self):
        self.daemon.send_signal(signal.SIGTERM)
        try:
            self.daemon.wait(30)
        except subprocess.TimeoutExpired:
            self.daemon.kill()
            self.daemon.wait()


def bakeable(case):
    return not (case.fails is not None or case.check or case.dockerfile is None or case.env)


def bake_target(case, dockerfile, context, out):
    target = {"context": context, "dockerfile": dockerfile, "network": "none",
              "attest": ["type=provenance,disabled=true"], "output": [f"type=oci,dest={out},compression=uncompressed"]}
    if case.dockerfile_name == "Dockerfile":
        target["dockerfile"] = "Dockerfile"
    keys = {"--build-arg": "args", "--label": "labels", "--build-context": "contexts"}
    for option, value in zip(case.args[::2], case.args[1::2]):
        if option in keys:
            name, _, text = value.partition("=")
            target.setdefault(keys[option], {})[name] = text
        elif option == "--secret":
            target.setdefault("secret", []).append(value)
        else:
            target[option.removeprefix("--")] = value
    return target


class Buildah(Rooted):
    name = "buildah"

    def __init__(self, bases, *rest):
        super().__init__(*rest)
        self.argv = ["buildah", "--root", self.place + "/root", "--runroot", self.place + "/run",
                     "--storage-driver", "vfs"]
        for path in bases.values():
            must(self.inside([*self.argv, "pull", "-q", "docker-archive:" + path]))

    def version(self):
        return must(self.inside(["buildah", "--version"])).split(" (")[0].replace("version ", "")

    def build(self, case, dockerfile, context):
        env = {**os.environ, **case.env}
        file = [] if case.dockerfile_name == "Dockerfile" or case.dockerfile is None else ["-f", dockerfile]
        # Layers as docker makes them: a history entry for each instruction.
        done = call(self.inside([*self.argv, "build", "--isolation", "chroot", "--ulimit", "nofile=1024:1024",
                                 "--ulimit", "nproc=1024:1024", "--pull=never", "--layers", "--format",
                                 "docker", *file, *case.args, "-t", "case", context]), env=env)
        if done.returncode != 0:
            return {"failed": last_words(done.stdout)}
        out = os.path.join(self.place, "out.tar")
        must(self.inside([*self.argv, "push", "-q", "case", "docker-archive:" + out]))
        result = next(iter(self.read(out).values()))
        os.remove(out)
        return result


def last_words(output):
    lines = [line for line in output.strip().splitlines() if line.strip() and not line.startswith(("View build", "---"))]
    return lines[-1][-200:] if lines else ""
