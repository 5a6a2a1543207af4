// The Json value and its writer. The reader is in json_parse.cc.
#include "base/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace slipway {
namespace {

const Json kNull;
const Json::Array kNoItems;
const Json::Object kNoMembers;

void write_string(std::string& out, std::string_view raw) {
  const std::string text = valid_utf8(raw) ? std::string(raw) : to_valid_utf8(raw);
  out += '"';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[i];
    } else if (byte == '\n') {
      out += "\\n";
    } else if (byte == '\t') {
      out += "\\t";
    } else if (byte == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\u{:04x}", byte);
    } else if (byte == 0xE2 &&
               (text.compare(i, 3, "\u2028") == 0 || text.compare(i, 3, "\u2029") == 0)) {
      // Line separators to a JavaScript reader, invisible to everybody else.
      out += text[i + 2] == '\xA8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      out += text[i];
    }
  }
  out += '"';
}

void write_double(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";  // RFC 8259 has no other spelling
    return;
  }
  // "-0" would read back as an integer, which has no negative zero.
  out += value == 0 && std::signbit(value) ? "-0.0" : fmt::format("{}", value);
}

// Writes with `indent` spaces per level, or compactly when it is zero.
class Writer {
 public:
  explicit Writer(std::size_t indent) : indent_(indent) {}

  void write(const Json& json, std::size_t depth) {
    if (json.is_null()) {
      out_ += "null";
    } else if (json.is_bool()) {
      out_ += json.bool_or(false) ? "true" : "false";
    } else if (json.is_int()) {
      out_ += std::to_string(json.int_or(0));
    } else if (json.is_number()) {
      write_double(out_, json.double_or(0));
    } else if (json.is_string()) {
      write_string(out_, json.string_or(""));
    } else if (json.is_array()) {
      sequence('[', ']', json.items(), depth, [&](const Json& item) { write(item, depth + 1); });
    } else {
      sequence('{', '}', json.members(), depth, [&](const Json::Member& member) {
        write_string(out_, member.first);
        out_ += indent_ > 0 ? ": " : ":";
        write(member.second, depth + 1);
      });
    }
  }

  std::string take() { return std::move(out_); }

 private:
  template <typename Items, typename WriteItem>
  void sequence(char open, char close, const Items& items, std::size_t depth,
                WriteItem&& write_item) {
    out_ += open;
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_ += ',';
      first = false;
      new_line(depth + 1);
      write_item(item);
    }
    if (!first) new_line(depth);
    out_ += close;
  }

  void new_line(std::size_t depth) {
    if (indent_ == 0) return;
    out_ += '\n';
    out_.append(depth * indent_, ' ');
  }

  std::size_t indent_;
  std::string out_;
};

template <typename Object>
auto* find_member(Object& members, std::string_view key) {
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const Json::Member& member) { return member.first == key; });
  return found == members.end() ? nullptr : &found->second;
}

}  // namespace

bool Json::bool_or(bool fallback) const {
  const bool* value = std::get_if<bool>(&value_);
  return value != nullptr ? *value : fallback;
}

std::int64_t Json::int_or(std::int64_t fallback) const {
  const std::int64_t* value = std::get_if<std::int64_t>(&value_);
  return value != nullptr ? *value : fallback;
}

double Json::double_or(double fallback) const {
  if (const double* value = std::get_if<double>(&value_)) return *value;
  const std::int64_t* value = std::get_if<std::int64_t>(&value_);
  return value != nullptr ? static_cast<double>(*value) : fallback;
}

std::string_view Json::string_or(std::string_view fallback) const {
  const std::string* value = std::get_if<std::string>(&value_);
  return value != nullptr ? std::string_view(*value) : fallback;
}

const Json::Array& Json::items() const {
  const Array* value = std::get_if<Array>(&value_);
  return value != nullptr ? *value : kNoItems;
}

const Json::Object& Json::members() const {
  const Object* value = std::get_if<Object>(&value_);
  return value != nullptr ? *value : kNoMembers;
}

const Json* Json::find(std::string_view key) const { return find_member(members(), key); }

const Json& Json::operator[](std::string_view key) const {
  const Json* member = find(key);
  return member != nullptr ? *member : kNull;
}

Json& Json::set(std::string key, Json value) {
  if (!is_object()) value_ = Object();
  Object& members = std::get<Object>(value_);
  if (Json* member = find_member(members, key)) {
    *member = std::move(value);
  } else {
    members.emplace_back(std::move(key), std::move(value));
  }
  return *this;
}

Json& Json::push(Json value) {
  if (!is_array()) value_ = Array();
  std::get<Array>(value_).push_back(std::move(value));
  return *this;
}

std::string Json::dump() const {
  Writer writer(0);
  writer.write(*this, 0);
  return writer.take();
}

std::string Json::pretty() const {
  Writer writer(2);
  writer.write(*this, 0);
  return writer.take() + "\n";
}

}  // namespace slipway
