// What became of a run's connections, as stratus-egress writes it down for the service: one line of words each.
//
//   connected count=3 target=api.example.com:443 address=192.0.2.7
//   address count=1 target=db.example.com:443 address=10.0.0.5 class=private
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace stratus::provisioning::egress {

enum class Outcome {
  kConnected,
  kHost,         // refused: not on the allow list
  kAddress,      // refused: it resolves to an address that nobody may be connected to
  kUnresolved,   // no such name, or no answer
  kUnreachable,  // refused or not answered by the other side
  kMalformed,    // no request of a proxy
  kTooMany,      // refused: the run has as many connections as it may have
};
inline constexpr std::array kOutcomes = {Outcome::kConnected,  Outcome::kHost,        Outcome::kAddress,
                                         Outcome::kUnresolved, Outcome::kUnreachable, Outcome::kMalformed,
                                         Outcome::kTooMany};
std::string_view OutcomeName(Outcome outcome);

// Fields that are not known are empty. None holds a blank or a control character.
struct Record {
  Outcome outcome = Outcome::kConnected;
  uint64_t count = 1;  // of that outcome since the line before; the fields are the last one's
  std::string target = {};
  std::string address = {};
  std::string address_class = {};
};

std::string ToLine(const Record& record);  // without its end
std::optional<Record> ParseRecord(std::string_view line);

}  // namespace stratus::provisioning::egress
