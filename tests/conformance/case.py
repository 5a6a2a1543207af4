"""The corpus of Dockerfiles: what a case is, and how its context is put on disk.

Each module of dockerfiles/ is one area; it calls case() for each Dockerfile. What a build of it must give is recorded
in expected/<area>.json by `tests/e2e/builds --with-references`.
"""

import bz2
import gzip
import importlib.util
import io
import lzma
import os
import tarfile
import zlib

EPOCH = 1_600_000_000  # of files in contexts and archives
ALL = ("buildkit", "buildah")


class Case:
    def __init__(self, area, name, dockerfile, **rest):
        self.area, self.name, self.dockerfile = area, name, dockerfile
        self.context = rest.pop("context", {})
        self.args = rest.pop("args", [])  # options of build, the same for every builder
        self.fails = rest.pop("fails", None)  # what our message must say; None: it must succeed
        self.references = rest.pop("references", ALL)
        self.expect = rest.pop("expect", None)  # written by hand where no reference knows the feature
        self.why = rest.pop("why", "")  # then: the sentence of the Dockerfile reference
        self.dockerfile_name = rest.pop("dockerfile_name", "Dockerfile")
        self.check = rest.pop("check", False)  # lint instead of build
        self.env = rest.pop("env", {})
        if rest:
            raise TypeError(f"{area}/{name}: unknown settings {sorted(rest)}")

    @property
    def full_name(self):
        return f"{self.area}/{self.name}"

    @property
    def tag(self):
        return f"case-{self.area}:{self.name}".lower()


class File:
    def __init__(self, content="", mode=0o644, uid=0, gid=0, xattrs=None):
        self.content = content.encode() if isinstance(content, str) else content
        self.mode, self.uid, self.gid, self.xattrs = mode, uid, gid, xattrs or {}

    def write(self, path):
        with open(path, "wb") as out:
            out.write(self.content)
        os.chown(path, self.uid, self.gid)
        os.chmod(path, self.mode)
        for name, value in self.xattrs.items():
            os.setxattr(path, name, value)


class Directory:
    def __init__(self, mode=0o755, uid=0, gid=0):
        self.mode, self.uid, self.gid = mode, uid, gid

    def write(self, path):
        os.makedirs(path, exist_ok=True)
        os.chown(path, self.uid, self.gid)
        os.chmod(path, self.mode)


class Link:
    def __init__(self, target):
        self.target = target

    def write(self, path):
        os.symlink(self.target, path)


class Hard:
    def __init__(self, other):
        self.other = other  # from the context's root

    def write(self, path):
        os.link(os.path.join(path[:-len(self.name)], self.other), path)


class Fifo:
    def write(self, path):
        os.mkfifo(path)


def archive(members, compression=""):
    """A tar as bytes: name -> text, File, Directory, Link; made the same way every time."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, value in members.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            info.mtime = EPOCH
            data = b""
            if isinstance(value, (str, bytes)):
                value = File(value)
            if isinstance(value, Link):
                info.type, info.linkname, info.mode = tarfile.SYMTYPE, value.target, 0o777
            elif isinstance(value, Hard):
                info.type, info.linkname = tarfile.LNKTYPE, value.other
            else:
                info.mode, info.uid, info.gid = value.mode, value.uid, value.gid
                if isinstance(value, Directory):
                    info.type = tarfile.DIRTYPE
                else:
                    data = value.content
                    info.size = len(data)
                    if value.xattrs:
                        info.pax_headers = {"SCHILY.xattr." + key: text.decode() for key, text in value.xattrs.items()}
            tar.addfile(info, io.BytesIO(data))
    pack = {"": lambda data: data, "gz": lambda data: gzip.compress(data, mtime=0), "bz2": bz2.compress,
            "xz": lzma.compress}
    return pack[compression](out.getvalue())


def write_context(case, root):
    """The case's files below `root`/context; returns the path of its Dockerfile."""
    top = os.path.join(root, "context")
    os.makedirs(top)
    later = []
    for name, value in case.context.items():
        if isinstance(value, (str, bytes)):
            value = File(value)
        path = os.path.join(root, name[3:]) if name.startswith("../") else os.path.join(top, name.rstrip("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        value.name = name
        value.write(path)
        if isinstance(value, Directory):
            later.append((path, value))
    for path, value in later:  # files in it may have come after
        value.write(path)
    dockerfile = os.path.join(top, case.dockerfile_name)
    if case.dockerfile is not None:
        os.makedirs(os.path.dirname(dockerfile), exist_ok=True)
        with open(dockerfile, "wb") as out:
            text = case.dockerfile
            out.write(text if isinstance(text, bytes) else text.lstrip("\n").encode())
    # A time of its own for every case: BuildKit takes files of one name, size and time for one file.
    time = EPOCH + zlib.crc32(case.full_name.encode()) % 10_000_000
    for directory, names, files in os.walk(root):
        for entry in names + files:
            os.utime(os.path.join(directory, entry), (time, time), follow_symlinks=False)
    return dockerfile


def load_cases(directory):
    """Every case of every module, in the order of files and lines."""
    cases = []
    for file in sorted(os.listdir(directory)):
        if not file.endswith(".py"):
            continue
        area = file[:-3]
        spec = importlib.util.spec_from_file_location("dockerfiles_" + area, os.path.join(directory, file))
        module = importlib.util.module_from_spec(spec)

        def add(name, dockerfile, area=area, **rest):
            cases.append(Case(area, name, dockerfile, **rest))

        module.case = add
        spec.loader.exec_module(module)
    names = [case.full_name.lower() for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError("cases of the same name: " + ", ".join(sorted(twice)))
    return cases
