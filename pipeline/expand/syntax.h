#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/expand/text_origin.h"
#include "pipeline/expression.h"

namespace slipway::pipeline {

struct Function;

enum class NodeKind {
  kLiteral,      ///< `literal`
  kRoot,         ///< `name`: one of the contexts.
  kMember,       ///< child . `name`
  kIndex,        ///< child [ child ]
  kNot,          ///< ! child
  kAll,          ///< child && child && …
  kAny,          ///< child || child || …
  kCompare,      ///< child `comparison` child
  kConditional,  ///< child ? child : child
  kList,         ///< [ children ]
  kMap,          ///< { children }: key, value, key, value, …
  kCall,         ///< `function` ( children )
};

enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn };

/// `span` is the token that errors point at: the operator, the member's or the function's name.
struct Expression::Node {
  NodeKind kind = NodeKind::kLiteral;
  Span span;
  Value literal;
  std::string name;
  Comparison comparison = Comparison::kEqual;
  const Function* function = nullptr;
  std::vector<Node> children;
};

enum class TokenKind { kEnd, kName, kNumber, kString, kOperator };

/// `text` is the name or operator as written; `value` that of a number or string.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
  Value value;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// A trouble at the bytes [begin, end).
struct SyntaxError {
  std::size_t begin;
  std::size_t end;
  std::string message;
  std::string help;
};

/// Tokens of one expression, kEnd last; or what is wrong with it.
std::optional<std::vector<Token>> tokenize(std::string_view text,
                                           std::optional<SyntaxError>& error);

/// Parses text.substr(begin, end - begin), where `origin` belongs to the whole `text`. Errors go to `out`.
std::optional<Expression::Node> parse_expression(std::string_view text, std::size_t begin,
                                                 std::size_t end, const TextOrigin& origin,
                                                 ExpressionPlace place,
                                                 std::vector<Diagnostic>& out);

std::string_view comparison_text(Comparison comparison);

}  // namespace slipway::pipeline
