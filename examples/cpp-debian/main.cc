// Prints the lines and words of standard input.
#include <iostream>
#include <iterator>
#include <string>

#include "count.h"

int main() {
  const std::string text{std::istreambuf_iterator<char>(std::cin),
                         std::istreambuf_iterator<char>()};
  const Count result = count(text);
  std::cout << result.lines << " lines, " << result.words << " words\n";
  return 0;
}
