// Which text names a git repository, and what its fragment or query asks for.
// Spec: docker's documentation, "Git repositories" of build contexts; Dockerfile reference, "ADD <git ref>".
#include <array>

#include "base/text.h"
#include "runner/build/context.h"
#include "runner/build/union_view.h"

namespace slipway::runner {
namespace {

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    constexpr std::string_view kDigits = "0123456789abcdef";
    if (i + 2 >= text.size()) return std::nullopt;
    const std::string pair = to_lower(text.substr(i + 1, 2));
    const std::size_t high = kDigits.find(pair[0]);
    const std::size_t low = kDigits.find(pair[1]);
    if (high == std::string::npos || low == std::string::npos) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

bool is_true(std::string_view value) { return value.empty() || value == "1" || value == "true"; }

// user@host:path, the host without a slash before the colon.
bool is_scp_form(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::size_t colon = text.find(':');
  return at != std::string_view::npos && colon != std::string_view::npos && at > 0 && at < colon &&
         text.find('/') > colon && text.find("://") == std::string_view::npos;
}

bool read_query(std::string_view query, GitSource& source) {
  for (const std::string_view pair : split(query, '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string_view key = pair.substr(0, equals);
    const auto value = percent_decode(pair.substr(std::min(equals + 1, pair.size())));
    if (!value) return false;
    if (key == "ref") {
      source.ref = *value;
    } else if (key == "tag") {
      source.ref = "refs/tags/" + *value;
    } else if (key == "branch") {
      source.ref = "refs/heads/" + *value;
    } else if (key == "subdir") {
      source.subdir = clean_path(*value);
    } else if (key == "checksum" || key == "commit") {
      source.checksum = *value;
    } else if (key == "keep-git-dir") {
      source.keep_git_dir = is_true(*value);
    } else if (key == "submodules") {
      source.submodules = is_true(*value);
    } else if (key != "mtime" && key != "fetch-by-commit") {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<GitSource> parse_git_url(const std::string& text) {
  GitSource source;
  std::string_view rest = text;
  const std::size_t hash = rest.find('#');
  const std::string_view fragment =
      hash == std::string_view::npos ? std::string_view() : rest.substr(hash + 1);
  rest = rest.substr(0, hash);
  const std::size_t mark = rest.find('?');
  const std::string_view query =
      mark == std::string_view::npos ? std::string_view() : rest.substr(mark + 1);
  rest = rest.substr(0, mark);
  const bool web = rest.starts_with("http://") || rest.starts_with("https://");
  const bool file = rest.starts_with("file://");
  if (web || file) {
    if (!rest.ends_with(".git")) return std::nullopt;
    source.url = rest;
  } else if (rest.starts_with("git://") || rest.starts_with("ssh://") || is_scp_form(rest)) {
    source.url = rest;
  } else if (rest.starts_with("github.com/")) {
    source.url = "https://" + std::string(rest);
    source.maybe_path = true;
  } else {
    return std::nullopt;
  }
  if (!read_query(query, source)) return std::nullopt;
  if (!fragment.empty()) {
    const std::size_t colon = std::min(fragment.find(':'), fragment.size());
    if (colon > 0) source.ref = fragment.substr(0, colon);
    const std::string_view subdir = fragment.substr(std::min(colon + 1, fragment.size()));
    if (!subdir.empty()) source.subdir = clean_path(subdir);
  }
  return source;
}

}  // namespace slipway::runner
