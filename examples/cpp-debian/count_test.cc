// The tests of count(), without a framework.
#include "count.h"

#include <iostream>

int main() {
  const bool ok = count("") == Count{0, 0} && count("a b\n") == Count{1, 2} &&
                  count("  x\n\n y ") == Count{2, 2};
  std::cout << (ok ? "count_test: all passed" : "count_test: FAILED") << '\n';
  return ok ? 0 : 1;
}
