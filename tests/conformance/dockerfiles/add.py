"""ADD: archives, URLs, and what it shares with COPY."""
# pylint: disable=undefined-variable

from case import Directory, File, Hard, Link, archive

FILES = {"a": "1", "dir/": Directory(0o700), "dir/b": File("2", 0o640, 1000, 50), "link": Link("a"),
         "twin": Hard("a")}
GZ = archive(FILES, "gz")


def base(name, text, context=None, **rest):
    case(name, "FROM base\n" + text + "\n", context=context or {}, **rest)


base("file", "ADD f /f", {"f": "x"})
base("directory", "ADD d /d/", {"d/x": "x", "d/y/z": "z"})
base("tar", "ADD t.tar /out/", {"t.tar": archive(FILES)})
base("tar-gz", "ADD t.tar.gz /out/", {"t.tar.gz": GZ})
base("tar-bz2", "ADD t.tbz /out/", {"t.tbz": archive(FILES, "bz2")})
base("tar-xz", "ADD t.txz /out/", {"t.txz": archive(FILES, "xz")})
base("tar-by-content", "ADD picture.png /out/", {"picture.png": GZ})
base("tar-without-slash", "ADD t.tar /out", {"t.tar": archive(FILES)})
base("tar-at-root", "ADD t.tar /", {"t.tar": archive(FILES)})
base("tar-relative", "WORKDIR /w\nADD t.tar .", {"t.tar": archive(FILES)})
base("tar-name-but-text", "ADD t.tar /out/", {"t.tar": "not an archive"})
base("gzip-of-text", "ADD t.gz /out/", {"t.gz": __import__("gzip").compress(b"text", mtime=0)})
base("tar-in-directory-stays", "ADD d /out/", {"d/t.tar": archive({"a": "1"})})
base("tar-copied-stays", "COPY t.tar /out/", {"t.tar": archive({"a": "1"})})
base("tar-over-existing", "ADD t.tar /opt/", {"t.tar": archive({"file": "new", "real/old": "new", "link/x": "x"})},
     references=())
base("tar-replaces-link", "ADD t.tar /opt/", {"t.tar": archive({"file-link": "a file now"})})
base("tar-dot-dot", "ADD t.tar /out/", {"t.tar": archive({"../escaped": "x", "kept": "y"})}, references=(), fails="..")
base("tar-link-out", "ADD t.tar /out/", {"t.tar": archive({"l": Link("/etc"), "ok": "x"})})
base("tar-empty", "ADD t.tar /out/", {"t.tar": archive({})})
base("tar-implied-directories", "ADD t.tar /out/", {"t.tar": archive({"a/b/c": "x"})})
base("tar-setuid", "ADD t.tar /out/", {"t.tar": archive({"s": File("", 0o4755), "g": File("", 0o2755)})})
base("gzip-of-nothing-whole", "ADD t.tar.gz /out/", {"t.tar.gz": archive({"a": "x" * 5000}, "gz")[:60]})
base("tar-truncated", "ADD t.tar /out/", {"t.tar": archive({"a": "1", "b": "x" * 5000})[:4000]}, fails="t.tar")
base("tar-several", "ADD a.tar b.tar f /out/", {"a.tar": archive({"a": "1"}), "b.tar": archive({"b": "2"}), "f": "3"})
base("tar-wildcard", "ADD *.tar /out/", {"a.tar": archive({"a": "1"}), "b.tar": archive({"b": "2"})})
base("tar-chown", "ADD --chown=app t.tar /out/", {"t.tar": archive(FILES)}, references=("buildkit",))
base("unpack-off", "ADD --unpack=false t.tar /out/", {"t.tar": archive({"a": "1"})}, references=("buildkit",))
base("unpack-on", "ADD --unpack=true t.tar /out/", {"t.tar": archive({"a": "1"})}, references=("buildkit",))
base("chmod", "ADD --chmod=600 f /f", {"f": "x"})
base("exclude", "ADD --exclude=y d /d", {"d/x": "x", "d/y": "y"}, references=("buildkit",))
base("link", "ADD --link f /f", {"f": "x"})
base("url", "ADD http://@SERVER@/plain.txt /got")
base("url-into-directory", "ADD http://@SERVER@/plain.txt /got/")
base("url-deep-name", "ADD http://@SERVER@/dir/page.html /got/")
base("url-variable", "ARG file=plain\nADD http://@SERVER@/${file}.txt /got/")
base("url-and-file", "ADD http://@SERVER@/plain.txt f /got/", {"f": "x"})
base("url-chmod-chown", "ADD --chmod=755 --chown=app:staff http://@SERVER@/plain.txt /got")
base("url-checksum", "ADD --checksum=sha256:cd96d8bda5c8978d44f0f3b60af0dce8bde0d5c0b6aea2a71e3d5fa0bcbf6f05 "
     "http://@SERVER@/plain.txt /got", fails="checksum")
base("url-missing", "ADD http://@SERVER@/none.txt /got", fails="404")
base("url-no-name", "ADD http://@SERVER@/ /got/", references=("buildkit",))
base("checksum-bad", "ADD --checksum=md5:1 http://@SERVER@/plain.txt /got", fails="checksum")
base("checksum-of-file", "ADD --checksum=sha256:" + "0" * 64 + " f /f", {"f": "x"}, fails="checksum")
base("keep-git-dir-of-file", "ADD --keep-git-dir f /f", {"f": "x"}, references=("buildkit",))
