// Masking: every form, every border, overlaps, bounds.
#include "runner/logs/masker.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "runner/logs/automaton.h"
#include "runner/logs/secret_forms.h"

namespace slipway::runner {
namespace {

SecretSet secrets(const std::vector<std::string>& values) {
  SecretSet set;
  for (const std::string& value : values) EXPECT_TRUE(set.add("NAME", value));
  return set;
}

std::string masked_in_pieces(const SecretSet& set, std::string_view text, std::size_t piece) {
  MaskingStream stream(set);
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += piece) stream.write(text.substr(at, piece), out);
  stream.finish(out);
  return out;
}

/// The obvious algorithm: mark what any form covers, then replace each marked run.
std::string masked_slowly(const std::vector<std::string>& forms, const std::string& text) {
  std::vector<bool> covered(text.size());
  for (const std::string& form : forms) {
    for (std::size_t at = text.find(form); at != std::string::npos; at = text.find(form, at + 1)) {
      for (std::size_t i = 0; i < form.size(); ++i) covered[at + i] = true;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!covered[i]) out += text[i];
    if (covered[i] && (i == 0 || !covered[i - 1])) out += "***";
  }
  return out;
}

TEST(Masker, ReplacesAValueAtEveryPosition) {
  const SecretSet set = secrets({"hunter2!"});
  EXPECT_EQ(set.mask("hunter2!"), "***");
  EXPECT_EQ(set.mask("a hunter2! b"), "a *** b");
  EXPECT_EQ(set.mask("hunter2! hunter2!"), "*** ***");
  EXPECT_EQ(set.mask("hunter2"), "hunter2");
  EXPECT_EQ(set.mask(""), "");
}

TEST(Masker, FindsAnOccurrenceSplitAtEveryBorder) {
  const SecretSet set = secrets({"correct horse", "tr0ub4dor&3"});
  const std::string text = "xcorrect horsey tr0ub4dor&3tr0ub4dor&3 correct hors";
  const std::string whole = set.mask(text);
  EXPECT_EQ(whole, "x***y *** correct hors");
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      MaskingStream stream(set);
      std::string out;
      stream.write(std::string_view(text).substr(0, first), out);
      stream.write(std::string_view(text).substr(first, second - first), out);
      stream.write(std::string_view(text).substr(second), out);
      stream.finish(out);
      ASSERT_EQ(out, whole) << first << " " << second;
    }
  }
}

TEST(Masker, PassesOnWhatCanNoLongerBePartOfASecret) {
  const SecretSet set = secrets({"secret-value"});
  MaskingStream stream(set);
  std::string out;
  stream.write("plain text secret", out);
  EXPECT_EQ(out, "plain text ");
  stream.write("ary", out);
  EXPECT_EQ(out, "plain text secretary");
}

TEST(Masker, LeavesNoRestOfOverlappingSecrets) {
  const SecretSet set = secrets({"abcdef", "defghi", "cde1"});
  EXPECT_EQ(set.mask("-abcdefghi-"), "-***-");
  EXPECT_EQ(set.mask("abcde1"), "ab***");
  EXPECT_EQ(set.mask("abcdefghi!defghi"), "***!***");
}

TEST(Masker, PrefersTheLongerOfTwoNestedSecrets) {
  const SecretSet set = secrets({"pass", "password-long"});
  EXPECT_EQ(set.mask("password-long pass password-lo"), "*** *** ***word-lo");
}

struct FormCase {
  const char* name;
  const char* value;
  const char* printed;
};
const std::vector<FormCase> kForms{
    {"base64 at phase 0", "s3cr3t-t0ken", "czNjcjN0LXQwa2Vu"},
    {"hex", "s3cr3t-t0ken", "7333637233742d74306b656e"},
    {"upper case hex", "s3cr3t-t0ken", "7333637233742D74306B656E"},
    {"percent", "a b/c?d&e", "a%20b%2Fc%3Fd%26e"},
    {"percent in lower case", "a b/c?d&e", "a%20b%2fc%3fd%26e"},
    {"form encoding", "a b/c?d&e", "a+b%2Fc%3Fd%26e"},
    {"encodeURI", "a b/c?d&e", "a%20b/c?d&e"},
    {"JSON", "say \"hi\"\\now", "say \\\"hi\\\"\\\\now"},
    {"JSON of Go", "a<b>&cd", "a\\u003cb\\u003e\\u0026cd"},
    {"JSON in ASCII", "p\xc3\xa4ssw\xc3\xb6rd", "p\\u00e4ssw\\u00f6rd"},
    {"JSON with surrogates", "key\xf0\x9f\x94\x91key", "key\\ud83d\\udd11key"},
    {"JSON with escaped slashes", "https://x/y", "https:\\/\\/x\\/y"},
    {"shell single quotes", "it's me", "it'\\''s me"},
    {"python shlex", "it's me", "it'\"'\"'s me"},
    {"printf %q", "a b$c", "a\\ b\\$c"},
    {"double quotes", "a`b$c\"", "a\\`b\\$c\\\""},
};

TEST(Masker, KnowsTheFormsInWhichProgramsPrintAValue) {
  for (const FormCase& form : kForms) {
    const SecretSet set = secrets({form.value});
    EXPECT_EQ(set.mask(std::string("<<") + form.printed + ">>"), "<<***>>") << form.name;
  }
}

TEST(Masker, FindsBase64AtAllThreePhases) {
  const std::string value = "s3cr3t-t0ken+/\xff\xfe";
  const SecretSet set = secrets({value});
  for (const std::string prefix : {"", "x", "xy", "user:", "Bearer "}) {
    for (const std::string suffix : {"", "z", "zz", "zzz"}) {
      for (const bool url : {false, true}) {
        std::string encoded = base64_encode(prefix + value + suffix);
        if (url) std::replace(encoded.begin(), encoded.end(), '+', '-');
        if (url) std::replace(encoded.begin(), encoded.end(), '/', '_');
        const std::string out = set.mask(encoded);
        EXPECT_NE(out.find("***"), std::string::npos) << encoded;
        // At each end at most one digit may stay, which also holds bits of the neighbour.
        EXPECT_LE(out.size(), 3 + (prefix.size() + suffix.size() + 2) / 3 * 4 + 8) << out;
      }
    }
  }
}

TEST(Masker, FindsWrappedBase64OfALongValue) {
  std::string value;
  for (int i = 0; i < 40; ++i) value += "key-material-" + std::to_string(i);
  const SecretSet set = secrets({value});
  const std::string encoded = base64_encode(value);
  for (const std::size_t columns : {76u, 64u}) {
    std::string wrapped;
    for (std::size_t at = 0; at < encoded.size(); at += columns)
      wrapped += encoded.substr(at, columns) + "\n";
    const std::string masked = set.mask(wrapped);
    for (const std::string_view line : split(masked, '\n')) {
      EXPECT_TRUE(line.empty() || line == "***" || line.size() < 8) << line;
    }
  }
}

TEST(Masker, MasksEachLineOfAMultiLineValue) {
  const std::string value =
      "-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\r\n  indented-line\n}\n-----END KEY-----\n";
  const SecretSet set = secrets({value});
  EXPECT_EQ(set.mask(value), "***");
  EXPECT_EQ(set.mask("line MIIEpAIBAAKCAQEA alone"), "line *** alone");
  EXPECT_EQ(set.mask("indented-line"), "***");
  EXPECT_EQ(set.mask("a } b"), "a } b");
  EXPECT_EQ(set.mask("TUlJRXBBSUJBQUtDQVFFQQ==."), "***.");
}

TEST(Masker, MasksAValueThatComesThroughAPty) {
  EXPECT_EQ(secrets({"first line\nsecond line"}).mask("<first line\r\nsecond line>"), "<***>");
}

TEST(Masker, RefusesValuesThatWouldMaskOrdinaryText) {
  SecretSet set;
  EXPECT_TRUE(set.add("EMPTY", ""));
  EXPECT_TRUE(set.empty());
  for (const std::string value : {"abc", "   ", " ab \n\n", "\n"}) {
    const Status status = set.add("SHORT", value);
    ASSERT_FALSE(status) << value;
    EXPECT_EQ(status.error().code(), ErrorCode::kInvalid);
    EXPECT_NE(status.error().text().find("add secret SHORT: its value is shorter than 4"),
              std::string::npos);
  }
  EXPECT_TRUE(set.empty());
}

TEST(Masker, NeverNamesAValueInAnError) {
  SecretSet set;
  const std::string value(70'000, 'k');
  const Status status = set.add("BIG", value);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().text(), "add secret BIG: its value is larger than 64 KiB");
}

TEST(Masker, HandlesValuesOf64KiB) {
  std::string value;
  for (std::uint32_t i = 0; value.size() < (std::size_t{64} << 10); ++i)
    value += std::to_string(i * 2654435761u);
  value.resize(std::size_t{64} << 10);
  const SecretSet set = secrets({value});
  const std::string text =
      "<" + value + ">" + value.substr(0, 60'000) + "<" + base64_encode(value) + ">";
  const std::string expected = "<***>" + value.substr(0, 60'000) + "<***>";
  for (const std::size_t piece : {std::size_t{1} << 20, std::size_t{4'096}}) {
    EXPECT_TRUE(masked_in_pieces(set, text, piece) == expected) << piece;
  }
}

TEST(Masker, HandlesAThousandSecrets) {
  SecretSet set;
  for (int i = 0; i < 1'000; ++i)
    ASSERT_TRUE(set.add("S" + std::to_string(i), "token-" + std::to_string(i * 7919) + "-end"));
  EXPECT_FALSE(set.add("ONE_MORE", "one more value"));
  EXPECT_EQ(set.mask("token-7919-end token-7920-end token-7911081-end"), "*** token-7920-end ***");
}

TEST(Masker, BoundsTheMemoryOfAllForms) {
  SecretSet set;
  Status status;
  int added = 0;
  for (; added < 1'000 && status; ++added) {
    status = set.add(
        "S", std::string(60'000, static_cast<char>('A' + added % 26)) + std::to_string(added));
  }
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kExhausted);
  EXPECT_GT(added, 10);
}

TEST(Masker, CopiesOfASetAreIndependent) {
  SecretSet first = secrets({"first-value"});
  MaskingStream stream(first);
  SecretSet second = first;
  ASSERT_TRUE(second.add("B", "second-value"));
  EXPECT_EQ(first.mask("first-value second-value"), "*** second-value");
  EXPECT_EQ(second.mask("first-value second-value"), "*** ***");
  ASSERT_TRUE(first.add("C", "third-value"));
  std::string out;
  stream.write("third-value", out);
  stream.finish(out);
  EXPECT_EQ(out, "third-value");
}

TEST(Masker, AgreesWithTheObviousAlgorithmOnRepetitiveText) {
  const std::vector<std::string> values{"aaaa", "aaab", "abaaba", "baab", "aabaabaab"};
  const SecretSet set = secrets(values);
  std::vector<std::string> forms;
  for (const std::string& value : values) {
    for (std::string& form : secret_forms(value)) forms.push_back(std::move(form));
  }
  std::uint32_t random = 1;
  for (int round = 0; round < 2'000; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) {
      random = random * 1664525u + 1013904223u;
      text += random >> 28 < 9 ? 'a' : random >> 28 < 15 ? 'b' : 'c';
    }
    ASSERT_EQ(masked_in_pieces(set, text, 1 + static_cast<std::size_t>(round % 7)),
              masked_slowly(forms, text))
        << text;
  }
}

TEST(SecretForms, AreSortedDistinctAndLongEnough) {
  for (const std::string value :
       {"simple", "with space", "line one\nline two\n", "\xff\xfe\xfd\xfc", "''''"}) {
    const std::vector<std::string> forms = secret_forms(value);
    EXPECT_TRUE(std::is_sorted(forms.begin(), forms.end()));
    EXPECT_EQ(std::adjacent_find(forms.begin(), forms.end()), forms.end());
    EXPECT_TRUE(std::binary_search(forms.begin(), forms.end(), value));
    for (const std::string& form : forms) EXPECT_GE(form.size(), 4u);
  }
}

TEST(Automaton, ReportsTheLongestMatchAtEachPlace) {
  const Automaton automaton({"abcd", "bcdefg", "cd"});
  Automaton::State state = Automaton::kRoot;
  std::vector<std::uint32_t> matches;
  for (const char c : std::string_view("abcdefg")) {
    state = automaton.next(state, static_cast<unsigned char>(c));
    matches.push_back(automaton.match(state));
  }
  EXPECT_EQ(matches, (std::vector<std::uint32_t>{0, 0, 0, 4, 0, 0, 6}));
}

}  // namespace
}  // namespace slipway::runner
