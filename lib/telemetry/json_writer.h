// Compact JSON, member by member, into a string. The closing bracket is written when the writer goes.
#pragma once

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

#include "lib/core/log.h"

namespace stratus::telemetry {

class JsonObject {
 public:
  explicit JsonObject(std::string* out) : out_(out) { out_->push_back('{'); }
  ~JsonObject() { out_->push_back('}'); }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  void Text(std::string_view key, std::string_view value) {
    Key(key);
    core::AppendJsonString(out_, value);
  }
  // `members`: JSON already, with commas between; not empty.
  void Members(std::string_view members) {
    if (out_->back() != '{') out_->push_back(',');
    out_->append(members);
  }
  void Integer(std::string_view key, int64_t value) {
    Key(key);
    AppendInteger(value);
  }
  // What JSON has no number for becomes null.
  void Number(std::string_view key, double value) {
    Key(key);
    if (!std::isfinite(value)) {
      out_->append("null");
      return;
    }
    char text[32];
    out_->append(text, std::to_chars(text, text + sizeof(text), value).ptr);
  }
  void Bool(std::string_view key, bool value) {
    Key(key);
    out_->append(value ? "true" : "false");
  }
  // Microseconds since the epoch as seconds with six decimals. Not before the epoch.
  void Micros(std::string_view key, int64_t micros) {
    Key(key);
    if (micros < 0) micros = 0;
    AppendInteger(micros / 1'000'000);
    char decimals[7] = {'.'};
    auto left = static_cast<uint32_t>(micros % 1'000'000);
    for (size_t i = 6; i > 0; --i, left /= 10) decimals[i] = static_cast<char>('0' + left % 10);
    out_->append(decimals, sizeof(decimals));
  }
  // `write` appends the value.
  template <typename Write>
  void Raw(std::string_view key, Write&& write) {
    Key(key);
    write();
  }

 private:
  void Key(std::string_view key) {
    if (out_->back() != '{') out_->push_back(',');
    core::AppendJsonString(out_, key);
    out_->push_back(':');
  }
  void AppendInteger(int64_t value) {
    char text[24];
    out_->append(text, std::to_chars(text, text + sizeof(text), value).ptr);
  }

  std::string* const out_;
};

class JsonArray {
 public:
  explicit JsonArray(std::string* out) : out_(out) { out_->push_back('['); }
  ~JsonArray() { out_->push_back(']'); }
  JsonArray(const JsonArray&) = delete;
  JsonArray& operator=(const JsonArray&) = delete;

  template <typename Write>
  void Raw(Write&& write) {
    if (out_->back() != '[') out_->push_back(',');
    write();
  }

 private:
  std::string* const out_;
};

}  // namespace stratus::telemetry
