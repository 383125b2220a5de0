// Whatever a line holds: ParseLine answers, and a secret that is in it is in none of the texts that leave.
#include <cstdint>
#include <string_view>

#include "services/provisioning/engine/event_stream.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using stratus::provisioning::engine::ParseLine;
  static const stratus::provisioning::engine::Redactor redactor({"hunter2-secret"});
  const auto line = ParseLine({reinterpret_cast<const char*>(data), size}, redactor);
  if (!line.ok() || !line->event) return 0;
  const auto holds = [](const std::string& text) { return text.find("hunter2-secret") != std::string::npos; };
  if (holds(line->event->log().message()) || holds(line->event->diagnostic().detail())) __builtin_trap();
  return 0;
}
