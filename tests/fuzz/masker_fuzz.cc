// Masking of arbitrary text with arbitrary secrets: the same however it is cut into pieces, nothing of a secret
// stays, and what holds no secret passes unchanged.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "runner/logs/masker.h"
#include "runner/logs/secret_forms.h"

namespace {

using namespace slipway;
using namespace slipway::runner;

void check(bool holds) {
  if (!holds) std::abort();
}

/// The obvious algorithm: mark what any form covers, then replace each marked run.
std::string mask_slowly(const std::vector<std::string>& forms, std::string_view text) {
  std::vector<bool> covered(text.size());
  for (const std::string& form : forms) {
    for (std::size_t at = text.find(form); at != std::string_view::npos;
         at = text.find(form, at + 1)) {
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // First byte: how the text is cut. Then up to two secrets, each ended by 0xFF; the rest is text.
  if (size < 2) return 0;
  const std::size_t cut = data[0] + 1u;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  SecretSet secrets;
  std::vector<std::string> forms;
  for (int i = 0; i < 2; ++i) {
    const std::size_t end = rest.find('\xff');
    if (end == std::string_view::npos) break;
    const std::string_view value = rest.substr(0, end);
    if (!value.empty() && secrets.add("S", value)) {
      for (std::string& form : secret_forms(value)) forms.push_back(std::move(form));
    }
    rest.remove_prefix(end + 1);
  }
  std::string text(rest);
  if (!forms.empty() && cut % 3 == 0)
    text += forms[cut % forms.size()] + text;  // makes matches likely

  std::string out;
  MaskingStream stream(secrets);
  for (std::size_t at = 0; at < text.size(); at += cut)
    stream.write(std::string_view(text).substr(at, cut), out);
  stream.finish(out);
  check(out == secrets.mask(text));
  check(out == mask_slowly(forms, text));
  return 0;
}
