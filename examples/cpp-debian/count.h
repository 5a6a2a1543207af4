#pragma once

#include <cstddef>
#include <string_view>

struct Count {
  std::size_t lines = 0;
  std::size_t words = 0;
  bool operator==(const Count&) const = default;
};

Count count(std::string_view text);
