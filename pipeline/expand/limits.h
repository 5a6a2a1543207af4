#pragma once

#include <cstddef>

namespace slipway::pipeline {

/// Bounds of the expression language (docs/expressions.md). Expressions come from whoever can push a branch.
constexpr std::size_t kMaxExpressionBytes = 4096;  ///< Far above what a person can read.
constexpr int kMaxExpressionDepth = 50;            ///< Bounds recursion of parser and evaluator.
constexpr std::size_t kMaxTextBytes = std::size_t{1}
                                      << 20;   ///< Any string a function or template makes.
constexpr std::size_t kMaxListItems = 10'000;  ///< Any list a function makes.
constexpr std::size_t kMaxEvaluationBytes = std::size_t{16}
                                            << 20;  ///< All values made in one evaluation together.

}  // namespace slipway::pipeline
