"""The base images of the corpus: made here, byte for byte the same for every builder. Their history says BASE, so that it
can be told from what a build added."""

import hashlib
import io
import json
import os
import tarfile

from case import EPOCH, Directory, File, Hard, Link, archive

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
APPLETS = ("cat chmod chown cp cut date dd echo env expr false find getfattr grep head hostname id install ln ls mkdir mkfifo "
           "mv printenv printf pwd readlink rm rmdir sed seq sh sleep sort stat tail tar tee test touch tr true umask "
           "uname wc whoami xargs").split()
PASSWD = "root:x:0:0::/root:/bin/sh\ndaemon:x:1:1::/:/bin/false\napp:x:1000:1000::/home/app:/bin/sh\n"
GROUP = "root:x:0:\ndaemon:x:1:\nstaff:x:50:app\napp:x:1000:\n"


def root_files(busybox):
    with open(busybox, "rb") as file:
        program = File(file.read(), mode=0o755)
    files = {
        "bin/": Directory(), "bin/busybox": program, "dev/": Directory(), "etc/": Directory(),
        "etc/passwd": File(PASSWD), "etc/group": File(GROUP), "home/": Directory(),
        "home/app/": Directory(0o750, 1000, 1000), "proc/": Directory(), "root/": Directory(0o700),
        "sys/": Directory(), "tmp/": Directory(0o1777), "usr/": Directory(), "usr/bin/": Directory(), "var/": Directory(),
        # What COPY, WORKDIR and VOLUME stumble over.
        "opt/": Directory(), "opt/real/": Directory(0o755, 1000, 50), "opt/real/old": File("old", 0o600, 1000, 50),
        "opt/real/sub/": Directory(0o711), "opt/link": Link("real"), "opt/absolute": Link("/opt/real"),
        "opt/up": Link("../../../opt/real"), "opt/dangling": Link("missing"), "opt/file": File("file"),
        "opt/file-link": Link("file"), "opt/loop": Link("loop"), "opt/twin": File("twin"), "opt/twin2": Hard("opt/twin"),
    }
    files.update({f"bin/{name}": Link("busybox") for name in APPLETS})
    return files


def configs():
    """name -> (config, author)"""
    plain = {"Env": [PATH], "Cmd": ["sh"]}
    return {
        "base": (plain, ""),
        "configured": ({
            "Env": [PATH, "FROM_BASE=yes", "HOME=/base home"], "Cmd": ["base-cmd", "arg"], "Entrypoint": ["/base-entry"],
            "WorkingDir": "/opt/real", "User": "app", "Volumes": {"/base-volume": {}},
            "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Labels": {"base": "1", "shared": "base"},
            "StopSignal": "SIGQUIT",
            "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 5_000_000_000, "Retries": 2},
            "Shell": ["/bin/sh", "-ec"],
        }, "base author"),
        "triggers": ({**plain, "OnBuild": ["ARG TRIGGER=default", "ENV TRIGGERED=$TRIGGER",
                                           "RUN echo ran-$TRIGGERED >/triggered", "COPY trigger-file /from-trigger"]}, ""),
        "bare": ({}, ""),
    }


def write_archive(path, name, layer, config, author):
    diff_id = "sha256:" + hashlib.sha256(layer).hexdigest()
    document = {"architecture": "amd64", "os": "linux", "created": "2020-01-01T00:00:00Z", "config": config,
                "rootfs": {"type": "layers", "diff_ids": [diff_id]},
                "history": [{"created": "2020-01-01T00:00:00Z", "created_by": "BASE " + name}]}
    if author:
        document["author"] = author
    text = json.dumps(document).encode()
    digest = hashlib.sha256(text).hexdigest()
    manifest = [{"Config": digest + ".json", "RepoTags": [name + ":latest"], "Layers": [diff_id[7:] + "/layer.tar"]}]
    members = {digest + ".json": text, diff_id[7:] + "/layer.tar": layer, "manifest.json": json.dumps(manifest).encode()}
    with tarfile.open(path, "w") as tar:
        for member, data in members.items():
            info = tarfile.TarInfo(member)
            info.size, info.mtime = len(data), EPOCH
            tar.addfile(info, io.BytesIO(data))


def make_bases(directory, busybox):
    """name -> path of its archive"""
    layer = archive(root_files(busybox))
    found = {}
    for name, (config, author) in configs().items():
        found[name] = os.path.join(directory, name + ".tar")
        write_archive(found[name], name, layer, config, author)
    return found
