#!/usr/bin/env python3
"""Each house rule of scripts/check_sources.py accepts a good tree and names the fault in a bad one."""

import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts"))
import check_sources  # noqa: E402

TABLE = """
| room | imports |
|---|---|
| `base/` | - |
| `store/` | base |
| `top/` | store |
"""


def complaints(rule, files):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {"ARCHITECTURE.md": TABLE, **files}.items():
            full = os.path.join(root, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as file:
                file.write(text)
        return list(rule(check_sources.Tree(root)))


class Includes(unittest.TestCase):
    def test_doors_of_lower_rooms_and_own_folders_are_fine(self):
        self.assertEqual([], complaints(check_sources.check_includes, {
            "top/a.cc": '#include "top/sub/x.h"\n#include "store/door.h"\n#include "base/door.h"\n'}))

    def test_importing_upwards_is_named(self):
        found = complaints(check_sources.check_includes, {"base/a.cc": '\n#include "store/door.h"\n'})
        self.assertEqual(["base/a.cc:2: base must not import store (see ARCHITECTURE.md)"], found)

    def test_private_headers_of_other_rooms_are_named(self):
        found = complaints(check_sources.check_includes, {"top/a.cc": '#include "store/sub/x.h"\n'})
        self.assertEqual(1, len(found))
        self.assertIn("private to store", found[0])

    def test_tests_obey_the_rules_of_their_room(self):
        self.assertEqual(1, len(complaints(check_sources.check_includes, {
            "tests/base/a_test.cc": '#include "top/door.h"\n#include "base/sub/x.h"\n'})))

    def test_a_missing_table_is_an_error(self):
        self.assertEqual(1, len(complaints(check_sources.check_includes, {"ARCHITECTURE.md": "none"})))


class Doors(unittest.TestCase):
    def test_third_party_headers_are_named(self):
        found = complaints(check_sources.check_doors, {
            "store/door.h": "#include <sys/stat.h>\n#include <vector>\n#include <sqlite3.h>\n",
            "store/sub/x.h": "#include <sqlite3.h>\n", "base/result.h": "#include <tl/expected.hpp>\n"})
        self.assertEqual(["store/door.h:3: third-party header <sqlite3.h> in a door header"], found)


class Sizes(unittest.TestCase):
    def long_function(self, lines):
        return "// x\nnamespace a {\nint long_one(int x,\n             int y) {\n" + "  x++;\n" * (lines - 3) + "}\n}\n"

    def test_a_function_of_80_lines_passes_and_of_81_does_not(self):
        self.assertEqual([], complaints(check_sources.check_sizes, {"base/a.cc": self.long_function(80)}))
        found = complaints(check_sources.check_sizes, {"base/a.cc": self.long_function(81)})
        self.assertEqual(["base/a.cc:3: function long_one has 81 lines, more than 80"], found)

    def test_braces_in_literals_and_comments_do_not_count(self):
        text = '// {\nvoid f() {\n  g("}{", \'{\', R"(}}})");  // }\n}\n' + "int x;\n" * 90 + "void h() {}\n"
        self.assertEqual([], complaints(check_sources.check_sizes, {"base/a.cc": text}))

    def test_classes_tables_and_namespaces_are_no_functions(self):
        text = ("// x\nnamespace {\nconst Row kRows[] = {\n" + "    {1, f(2)},\n" * 100 + "};\n"
                "class A : public B<int> {\n" + "  void m() { n(); }\n" * 100 + "};\n}\n")
        self.assertEqual([], complaints(check_sources.check_sizes, {"base/a.cc": text}))

    def test_methods_constructors_and_templates_are_seen(self):
        body = "  x();\n" * 90
        for head in ("void A::m() const noexcept {", "A::A(int b) : b_(b), c_{1} {", "template <typename T>\nT f(T t) {",
                     "class A {\n  int m() {", "auto f() -> Result<int> {"):
            text = "// x\n" + head + "\n" + body + "}\n"
            found = complaints(check_sources.check_sizes, {"base/a.cc": text})
            self.assertEqual(1, len(found), head)

    def test_files_over_600_lines_are_named(self):
        self.assertEqual(1, len(complaints(check_sources.check_sizes, {"base/a.cc": "int x;\n" * 601})))


class Heads(unittest.TestCase):
    def test_sources_say_what_they_are(self):
        found = complaints(check_sources.check_heads, {"base/a.cc": "int x;\n", "base/b.cc": "// B\n", "base/c.h": "int x;\n"})
        self.assertEqual(2, len(found))

    def test_banned_words_are_named_with_their_line(self):
        found = complaints(check_sources.check_banned, {"base/a.cc": "// x\nstd::regex r;\n"})
        self.assertEqual(1, len(found))
        self.assertTrue(found[0].startswith("base/a.cc:2:"))


class Documents(unittest.TestCase):
    def test_broken_links_are_named(self):
        found = complaints(check_sources.check_links, {
            "README.md": "[a](docs/a.md) [b](docs/none.md) [c](https://x.org) [d](#e)\n```\n[x](y)\n```\n",
            "docs/a.md": "[up](../README.md#top)"})
        self.assertEqual(["README.md:1: link to docs/none.md, which does not exist"], found)


if __name__ == "__main__":
    unittest.main()
