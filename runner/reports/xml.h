#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace slipway::runner {

/// A strict reader of the XML that test tools write: elements, attributes, text, CDATA, comments and processing
/// instructions in UTF-8. Document types are refused, and with them every entity but the five of XML and character
/// references: nothing can grow or be fetched. Spec: XML 1.0, sections 2 and 4.1.
struct XmlLimits {
  ByteCount max_bytes = 64_MiB;
  std::size_t max_depth = 64;
  std::size_t max_elements = 2'000'000;
  std::size_t max_attributes = 64;  ///< Of one element.
  std::size_t max_name = 256;
  /// A document type without declarations of its own (`<!DOCTYPE coverage SYSTEM "…">`) is passed over, not read.
  bool skip_doctype = false;
};

class XmlHandler {
 public:
  using Attributes = std::vector<std::pair<std::string, std::string>>;
  virtual ~XmlHandler() = default;
  /// An error ends the reading.
  virtual Status begin(std::string_view name, const Attributes& attributes) = 0;
  virtual void end(std::string_view name) = 0;
  virtual void text(std::string_view text) = 0;  ///< Perhaps in pieces.
};

/// kInvalid: `3:14: expected "="`; kExhausted names the limit.
Status read_xml(std::string_view document, XmlHandler& handler, const XmlLimits& limits = {});

}  // namespace slipway::runner
