// The result of a check on a token: accepted, or refused for a reason that goes to the log.
#pragma once

namespace stratus::auth {

class [[nodiscard]] Verdict {
 public:
  static constexpr Verdict Accepted() { return Verdict(nullptr); }
  // `reason` is a string literal: it names the failed check and holds nothing of the token, so that it can be logged.
  static constexpr Verdict Refused(const char* reason) { return Verdict(reason); }

  constexpr bool ok() const { return reason_ == nullptr; }
  // Only when not ok().
  constexpr const char* reason() const { return reason_; }

 private:
  constexpr explicit Verdict(const char* reason) : reason_(reason) {}
  const char* reason_;
};

}  // namespace stratus::auth
