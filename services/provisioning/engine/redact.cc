#include "services/provisioning/engine/redact.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <unordered_set>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "services/provisioning/engine/secret_forms.h"

namespace stratus::provisioning::engine {
namespace {

bool IsSpace(char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }

std::string Folded(std::string_view text) {
  std::string folded;
  for (const char c : text) {
    if (!IsSpace(c)) folded += c;
  }
  return folded;
}

// Calls `see(at, hash)` for each `length` bytes in a row. Two texts of one hash are taken for the same: at worst,
// something that is no secret goes.
template <typename See>
void RollOver(std::string_view text, size_t length, See see) {
  constexpr uint64_t kBase = 0x9E3779B97F4A7C15;
  if (text.size() < length) return;
  uint64_t leaving = 1;  // weight of the byte that goes
  for (size_t i = 1; i < length; ++i) leaving *= kBase;
  uint64_t hash = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i >= length) hash -= leaving * (static_cast<unsigned char>(text[i - length]) + 1);
    hash = hash * kBase + static_cast<unsigned char>(text[i]) + 1;
    if (i + 1 >= length) see(i + 1 - length, hash);
  }
}

// What to look for, by length.
using Hashes = std::map<size_t, absl::flat_hash_set<uint64_t>>;

void AddTo(std::string_view text, size_t length, Hashes* hashes) {
  auto& known = (*hashes)[length];
  RollOver(text, length, [&known](size_t, uint64_t hash) { known.insert(hash); });
}

// Which bytes of a text go: +1 where a stretch begins, -1 behind its end.
using Edges = std::vector<int>;

std::string WithoutMarked(std::string_view text, const Edges& edges) {
  std::string out;
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool was = depth > 0;
    depth += edges[i];
    if (depth == 0) {
      out += text[i];
    } else if (!was) {
      out += Redactor::kInstead;
    }
  }
  return out;
}

std::string WithoutKeys(std::string_view address) {
  std::string out;
  for (size_t i = 0; i < address.size(); ++i) {
    out += address[i];
    if (address[i] != '[' || i + 1 == address.size() || address[i + 1] != '"') continue;
    size_t end = i + 2;
    while (end < address.size() && address[end] != '"') end += address[end] == '\\' ? 2 : 1;
    out.append("\"").append(Redactor::kInstead).append("\"");
    i = end;
  }
  return out;
}

}  // namespace

struct Redactor::Index {
  Hashes plain;   // in the text as it is
  Hashes folded;  // in the text without its white space

  void Add(const std::string& form) {
    const std::string compact = Folded(form);
    if (compact.size() >= kFoldedBytesMin) {
      AddTo(compact, std::min(compact.size(), kFragmentBytes), &folded);
    } else if (form.size() >= kSecretBytesMin) {
      AddTo(form, form.size(), &plain);
    }
  }

  void MarkPlain(std::string_view text, Edges* edges) const {
    for (const auto& [length, hashes] : plain) {
      RollOver(text, length, [&, &known = hashes, size = length](size_t at, uint64_t hash) {
        if (!known.contains(hash)) return;
        ++(*edges)[at];
        --(*edges)[at + size];
      });
    }
  }

  void MarkFolded(std::string_view text, Edges* edges) const {
    std::string compact;
    std::vector<size_t> places;
    for (size_t i = 0; i < text.size(); ++i) {
      if (IsSpace(text[i])) continue;
      compact += text[i];
      places.push_back(i);
    }
    for (const auto& [length, hashes] : folded) {
      RollOver(compact, length, [&, &known = hashes, size = length](size_t at, uint64_t hash) {
        if (!known.contains(hash)) return;
        ++(*edges)[places[at]];
        --(*edges)[places[at + size - 1] + 1];
      });
    }
  }
};

Redactor::Redactor(const std::vector<std::string>& secrets) {
  size_t bytes = 0;
  auto index = std::make_shared<Index>();
  std::unordered_set<std::string_view> seen;
  for (const std::string& secret : secrets) {
    if (secret.size() < kSecretBytesMin || !seen.insert(secret).second) continue;
    bytes += secret.size();
    if (bytes > kAllBytesMax) {
      withholds_ = true;
      return;
    }
    for (const std::string& form : FormsOf(secret)) index->Add(form);
  }
  if (bytes > 0) index_ = std::move(index);
}

Redactor Redactor::Withholding() {
  Redactor redactor;
  redactor.withholds_ = true;
  return redactor;
}

std::string Redactor::Apply(std::string_view text) const {
  if (withholds_) return std::string(text.empty() ? std::string_view() : kInstead);
  if (index_ == nullptr) return std::string(text.substr(0, kTextBytesMax));
  const bool cut = text.size() > kTextBytesMax;
  text = text.substr(0, kTextBytesMax);
  Edges edges(text.size() + 1, 0);
  index_->MarkPlain(text, &edges);
  index_->MarkFolded(text, &edges);
  std::string out = WithoutMarked(text, edges);
  if (cut) out.resize(out.size() - std::min(out.size(), kFragmentBytes));
  return out;
}

std::string Redactor::Address(std::string_view text) const { return withholds_ ? WithoutKeys(text) : Apply(text); }

}  // namespace stratus::provisioning::engine
