"""What a saved image is, reduced to what a build decides: its config, its history, and its files as compared with the
base images. Reads docker archives and OCI layouts."""

import gzip
import hashlib
import io
import json
import tarfile

# Attributes that a machine's security module adds by itself.
IGNORED_XATTRS = ("security.selinux",)


class Archive:
    """One file of `save`; layers are read once however many images share them."""

    def __init__(self, path):
        self.tar = tarfile.open(path)
        self.members = {member.name.removeprefix("./"): member for member in self.tar.getmembers()}
        self.layers = {}

    def close(self):
        self.tar.close()

    def read(self, name):
        member = self.members[name]
        if member.issym():  # old docker archives share layers by links
            import posixpath
            name = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
            member = self.members[name]
        return self.tar.extractfile(member).read()

    def read_json(self, name):
        return json.loads(self.read(name))

    def images(self):
        """tag (or "") -> (config, [layer names])"""
        found = {}
        if "manifest.json" in self.members:
            for image in self.read_json("manifest.json"):
                for tag in image.get("RepoTags") or [""]:
                    found[short_tag(tag)] = (self.read_json(image["Config"]), image["Layers"] or [])
            return found
        blob = lambda digest: "blobs/" + digest.replace(":", "/")
        for entry in self.read_json("index.json")["manifests"]:
            manifest = self.read_json(blob(entry["digest"]))
            if "manifests" in manifest:  # an index: attestations are not the image
                entry = next(one for one in manifest["manifests"] if one["platform"]["os"] != "unknown")
                manifest = self.read_json(blob(entry["digest"]))
            layers = [blob(layer["digest"]) for layer in manifest.get("layers") or []]
            found[""] = (self.read_json(blob(manifest["config"]["digest"])), layers)
        return found

    def layer(self, name):
        if name not in self.layers:
            data = self.read(name)
            if data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            self.layers[name] = list(entries_of(data))
        return self.layers[name]

    def tree(self, layers):
        """path -> description, after all layers."""
        tree = {}
        for name in layers:
            apply_layer(tree, self.layer(name))
        return describe(tree)


def short_tag(tag):
    for prefix in ("localhost/", "docker.io/library/", "docker.io/"):
        tag = tag.removeprefix(prefix)
    return tag


def entries_of(data):
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            path = member.name.removeprefix("./").strip("/")
            digest = ""
            if member.isreg():
                digest = hashlib.sha256(tar.extractfile(member).read()).hexdigest()[:8]
            xattrs = {key.removeprefix("SCHILY.xattr."): value for key, value in member.pax_headers.items()
                      if key.startswith("SCHILY.xattr.")}
            yield path, member, digest, {key: value for key, value in xattrs.items() if key not in IGNORED_XATTRS}


def below(tree, path):
    return [other for other in tree if path == "" or other.startswith(path + "/")]


def apply_layer(tree, entries):
    # Spec: OCI image-spec, layer.md: whiteouts hide what is below this layer, wherever they stand in it.
    for path, _, _, _ in entries:
        directory, _, name = path.rpartition("/")
        if name == ".wh..wh..opq":
            for other in below(tree, directory):
                del tree[other]
        elif name.startswith(".wh."):
            hidden = (directory + "/" if directory else "") + name[4:]
            for other in below(tree, hidden) + [hidden]:
                tree.pop(other, None)
    for path, member, digest, xattrs in entries:
        if path.rpartition("/")[2].startswith(".wh.") or path == "":
            continue
        if not member.isdir():
            for other in below(tree, path):
                del tree[other]
        if member.islnk():
            target = member.linkname.removeprefix("./").strip("/")
            tree[path] = tree[target]
        else:
            tree[path] = [member, digest, xattrs]


def describe(tree):
    groups = {}
    for path, entry in tree.items():
        groups.setdefault(id(entry), []).append(path)
    text = {}
    for path, entry in tree.items():
        member, digest, xattrs = entry
        owner = f"{member.uid}:{member.gid}"
        if member.issym():
            line = f"link {owner} -> {member.linkname}"
        else:
            kind = ("dir" if member.isdir() else "file" if member.isreg() else "fifo" if member.isfifo() else
                    "char" if member.ischr() else "block")
            line = f"{kind} {member.mode & 0o7777:04o} {owner}"
            if member.isreg():
                line += f" {member.size} {digest}"
        same = sorted(groups[id(entry)])
        if len(same) > 1:
            line += " = " + " ".join(other for other in same if other != path)
        for key in sorted(xattrs):
            line += f" {key}={xattrs[key]!r}"
        text[path] = line
    return text


def config_of(document):
    """The fields that a Dockerfile decides, without the empty ones."""
    config = document.get("config") or {}
    result = {}
    for key in ("Env", "Cmd", "Entrypoint", "WorkingDir", "User", "Labels", "Healthcheck", "StopSignal", "Shell",
                "OnBuild"):
        value = config.get(key)
        if value not in (None, "", [], {}):
            result[key] = value
    for key in ("Volumes", "ExposedPorts"):
        if config.get(key):
            result[key] = sorted(config[key])
    if document.get("author"):
        result["Author"] = document["author"]
    result["Platform"] = "/".join(filter(None, (document["os"], document["architecture"], document.get("variant"))))
    return result


def history_of(document, skip):
    return [("0 " if entry.get("empty_layer") else "1 ") + entry.get("created_by", "")
            for entry in (document.get("history") or [])[skip:]]
