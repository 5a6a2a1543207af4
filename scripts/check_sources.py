#!/usr/bin/env python3
"""House rules a machine can see: include directions, doors, sizes, file heads, links of documents.

The import table is read from ARCHITECTURE.md, so that there is one. Each rule is a function from a source tree to
complaints `path:line: text`; tests/scripts/check_sources_test.py shows that each one can fail.
"""

import os
import re
import subprocess
import sys

FILE_LINES = 600
HEADER_LINES = 150
FUNCTION_LINES = 80
LINE_COLUMNS = 120  # clang-format keeps code at 100; comments of headers and long literals may reach this

# Headers of C, POSIX and Linux without a directory that a door header may need.
PLAIN_C_HEADERS = {"dirent.h", "errno.h", "fcntl.h", "poll.h", "sched.h", "signal.h", "unistd.h"}
# Door headers may include these third-party headers, here and nowhere else.
DOOR_EXCEPTIONS = {"base/result.h": {"tl/expected.hpp"}}
BANNED = [
    (re.compile(r"\bstd::w?regex\b"), "std::regex crashes on long input; use RE2"),
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "open ends belong in an issue"),
]


class Tree:
    """The files to check: relative path -> text."""

    def __init__(self, root):
        self.root = root
        self.files = {}
        for path in list_files(root):
            try:
                with open(os.path.join(root, path), encoding="utf-8") as file:
                    self.files[path] = file.read()
            except (UnicodeDecodeError, IsADirectoryError, FileNotFoundError):
                continue

    def sources(self):
        return {p: t for p, t in self.files.items() if p.endswith((".h", ".cc", ".c"))}


def list_files(root):
    git = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=False)
    if git.returncode == 0:
        return sorted({p for p in git.stdout.decode("utf-8", "replace").split("\0") if p})
    found = []
    for directory, names, files in os.walk(root):
        names[:] = [n for n in names if n not in (".git", "build")]
        found += [os.path.relpath(os.path.join(directory, f), root) for f in files]
    return sorted(found)


def import_table(tree):
    """Rows `| room | imports |` of the first table in ARCHITECTURE.md whose head starts with "room"."""
    table = {}
    inside = False
    for line in tree.files.get("ARCHITECTURE.md", "").splitlines():
        cells = [c.strip().replace("`", "") for c in line.strip().strip("|").split("|")]
        if line.startswith("| room"):
            inside = True
        elif inside and not line.startswith("|"):
            break
        elif inside and not set(cells[0]) <= set("-: "):
            table[cells[0].rstrip("/")] = {c.strip().rstrip("/") for c in cells[1].split(",") if c.strip(" -")}
    return table


def closure(table, room):
    seen = {room}
    todo = [room]
    while todo:
        for other in table.get(todo.pop(), ()):
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


def includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1), match.group(2)


def check_includes(tree):
    table = import_table(tree)
    if not table:
        yield "ARCHITECTURE.md:1: no import table (a table whose first column is called room)"
        return
    for path, text in tree.sources().items():
        parts = path.split("/")
        in_tests = parts[0] == "tests"
        room = parts[1] if in_tests and len(parts) > 2 else parts[0]
        for number, kind, target in includes(text):
            other = target.split("/")[0]
            if kind != '"' or other not in table:
                if kind == '"' and "/" not in target and room in table and not in_tests:
                    yield f'{path}:{number}: include "{target}" by its full path from the root'
                continue
            if room not in table:  # tests/support, tests/fuzz, tests/bench may look into every room
                continue
            # main is where all rooms are put together.
            allowed = set(table) if path == "runner/main.cc" else closure(table, room)
            if other not in allowed:
                yield f"{path}:{number}: {room} must not import {other} (see ARCHITECTURE.md)"
            elif other != room and target.count("/") != 1:
                yield f"{path}:{number}: {target} is private to {other}; only headers in a room's root are doors"


def is_standard(header):
    return ("." not in header and "/" not in header) or header.startswith("sys/") or header in PLAIN_C_HEADERS


def check_doors(tree):
    rooms = import_table(tree)
    for path, text in tree.sources().items():
        parts = path.split("/")
        if len(parts) != 2 or parts[0] not in rooms or not path.endswith(".h"):
            continue
        for number, kind, target in includes(text):
            linux = target.startswith("linux/") and parts[0] in ("base", "sandbox")
            if kind == "<" and not is_standard(target) and not linux \
                    and target not in DOOR_EXCEPTIONS.get(path, ()):
                yield f"{path}:{number}: third-party header <{target}> in a door header"


def blank_literals(text):
    """Comments, strings and characters as blanks of the same shape, so that braces can be counted."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"|"(?:\\.|[^"\\\n])*"|'
        r"(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'", re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)


NOT_A_FUNCTION = re.compile(r"^\s*(namespace|class|struct|union|enum|extern|concept)\b|=\s*$|^\s*$")


def functions(text):
    """(first line, last line, head) of every function body outside other functions."""
    clean = blank_literals(text)
    clean = re.sub(r"^[ \t]*#[^\n]*(\\\n[^\n]*)*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), clean, flags=re.M)
    line = 1
    head = ""
    head_line = 1
    stack = []  # (is a function, first line, head), or None for an initialiser
    for char in clean:
        if char == "\n":
            line += 1
        if char == "{":
            if head and not head[-1].isspace():  # x_{1}: an initialiser, part of what it stands in
                stack.append(None)
                continue
            inside = any(entry and entry[0] for entry in stack)
            statement = re.sub(r"template\s*<[^{;]*?>\s*(?=\S)", "", head)
            is_function = not inside and "(" in statement and not NOT_A_FUNCTION.search(statement.strip("\n"))
            stack.append((is_function, head_line, head.strip()))
            head = ""
        elif char == "}":
            entry = stack.pop() if stack else None
            if entry and entry[0]:
                yield entry[1], line, entry[2]
            if entry:
                head = ""
        elif char == ";":
            head = ""
        else:
            if not head.strip():
                head_line = line
            head += char


def check_sizes(tree):
    for path, text in tree.sources().items():
        lines = text.count("\n")
        if lines > FILE_LINES:
            yield f"{path}:{lines}: file has {lines} lines, more than {FILE_LINES}"
        for first, last, head in functions(text):
            if last - first + 1 > FUNCTION_LINES:
                name = re.search(r"([\w~:]+)\s*\(", head)
                yield (f"{path}:{first}: function {name.group(1) if name else '?'} has {last - first + 1} lines, "
                       f"more than {FUNCTION_LINES}")


def check_columns(tree):
    for path, text in tree.sources().items():
        if path.startswith("tests/"):  # tables of inputs and outputs are wide
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > LINE_COLUMNS:
                yield f"{path}:{number}: line has {len(line)} columns, more than {LINE_COLUMNS}"


def warn_headers(tree):
    for path, text in tree.sources().items():
        if path.endswith(".h") and text.count("\n") > HEADER_LINES:
            yield f"{path}: header has {text.count(chr(10))} lines (aim at {HEADER_LINES})"


def check_heads(tree):
    for path, text in tree.sources().items():
        if path.endswith(".h") and "#pragma once" not in text:
            yield f"{path}:1: no #pragma once"
        if path.endswith(".cc") and not text.startswith("//"):
            yield f"{path}:1: must start with a comment that says what lives here"


def check_banned(tree):
    for path, text in tree.sources().items():
        for number, line in enumerate(text.splitlines(), 1):
            for pattern, why in BANNED:
                if pattern.search(line):
                    yield f"{path}:{number}: {why}"


def check_links(tree):
    for path, text in tree.files.items():
        if not path.endswith(".md"):
            continue
        prose = re.sub(r"```.*?```", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
        for number, line in enumerate(prose.splitlines(), 1):
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                if re.match(r"[a-z]+:|#", target):
                    continue
                file = os.path.normpath(os.path.join(os.path.dirname(path), target.split("#")[0]))
                if not os.path.exists(os.path.join(tree.root, file)):
                    yield f"{path}:{number}: link to {target}, which does not exist"


def check_architecture(tree):
    lines = tree.files.get("ARCHITECTURE.md", "").count("\n")
    if lines > 200:
        yield f"ARCHITECTURE.md:{lines}: has {lines} lines, more than 200: nobody reads that"


RULES = [check_includes, check_doors, check_sizes, check_columns, check_heads, check_banned, check_links, check_architecture]


def main():
    tree = Tree(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    complaints = [complaint for rule in RULES for complaint in rule(tree)]
    for text in warn_headers(tree):
        print(f"warning: {text}")
    for text in complaints:
        print(text)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
