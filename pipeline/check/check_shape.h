#pragma once

#include <string>
#include <vector>

#include "pipeline/check/shape.h"
#include "pipeline/diagnostic.h"

namespace slipway::pipeline {

/// A template may leave out what the jobs built on it add.
enum class Completeness { kWhole, kPart };

/// Walks a tree along the tables: unknown keys, wrong types, bad scalars, missing keys. Says everything it finds and
/// changes nothing; readers may then take what fits and skip the rest silently.
void check_map(const yaml::Node& map, Span where, const MapRule& rule, Completeness completeness,
               std::vector<Diagnostic>& out);
void check_value(const yaml::Node& node, const std::string& called, OneOf shapes,
                 Completeness completeness, std::vector<Diagnostic>& out);

/// Help for an unknown key: habits from other systems, the level it belongs to, the nearest known key.
std::string unknown_key_help(const std::string& key, const MapRule& rule);

/// did_you_mean, as the words of a help; empty when nothing is near. A file with hundreds of findings gets no more
/// suggestions: each costs a comparison with every candidate.
std::string suggestion(const std::string& word, const std::vector<std::string>& candidates,
                       const std::vector<Diagnostic>& so_far);

/// `"text"`, printable and cut: how diagnostics quote the file.
std::string quoted(std::string_view text);

inline void report(std::vector<Diagnostic>& out, Span span, std::string message,
                   std::string help = "", std::vector<DiagnosticNote> notes = {}) {
  out.push_back({Severity::kError, span, std::move(message), std::move(help), std::move(notes)});
}
inline void warn(std::vector<Diagnostic>& out, Span span, std::string message,
                 std::string help = "") {
  out.push_back({Severity::kWarning, span, std::move(message), std::move(help), {}});
}

}  // namespace slipway::pipeline
