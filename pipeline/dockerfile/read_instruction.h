#pragma once

#include <string>
#include <vector>

#include "pipeline/dockerfile/lines.h"
#include "pipeline/dockerfile/rules.h"
#include "pipeline/dockerfile/statement.h"

namespace slipway::pipeline::dockerfile {

/// Reads one instruction off a logical line; complaints have places in the file.
class InstructionReader {
 public:
  InstructionReader(const LogicalLine& line, char escape, std::vector<Diagnostic>& found)
      : line_(line), escape_(escape), found_(found) {}

  /// Nothing when something is wrong, which is among the diagnostics then. `lines` gives the bodies of heredocs.
  std::optional<Instruction> read(LineReader& lines);

 private:
  /// A piece of the line and where it begins: ONBUILD has an instruction inside.
  struct Piece {
    std::string_view text;
    std::size_t base = 0;
  };
  Instruction begin(const Piece& piece, const Statement& statement, const Rule& rule) const;
  const Rule* rule_of(const Piece& piece, const Statement& statement);
  void read_heredocs(LineReader& lines, bool wanted);
  Instruction read_piece(const Piece& piece, const Statement& statement, const Rule& rule);
  void read_flags(Instruction& out, const Piece& piece, const Statement& statement,
                  const Rule& rule);
  void read_flag(Instruction& out, const Part& part, std::size_t base, const Rule& rule);
  void read_list(Instruction& out);
  void read_command(Instruction& out, std::string_view text);
  void read_pairs(Instruction& out);
  void read_args(Instruction& out);
  void read_from(Instruction& out);
  void read_healthcheck(Instruction& out);
  void read_onbuild(Instruction& out, const Piece& inner);
  void read_shape(Instruction& out, const Rule& rule, const Piece& inner);
  void take_heredocs(Instruction& out);
  void check(const Instruction& out, const Rule& rule);
  void check_values(const Instruction& out);

  Span span(std::size_t begin, std::size_t end) const;
  void complain(const Span& span, std::string message, std::string help = "");

  const LogicalLine& line_;
  const char escape_;
  std::vector<Diagnostic>& found_;
  std::vector<std::pair<HeredocMark, std::string>> bodies_;
  Span whole_;  ///< Of the instruction being read, without heredocs.
};

}  // namespace slipway::pipeline::dockerfile
