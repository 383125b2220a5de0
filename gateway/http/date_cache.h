// The value of the Date header, made once a second.
#pragma once

#include <cstdint>
#include <ctime>
#include <string_view>

namespace stratus::gateway::http {

class DateCache {
 public:
  // `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, 5.6.7); valid until the next call.
  std::string_view Now() {
    timespec now;
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return At(now.tv_sec);
  }
  std::string_view At(time_t second) {
    if (second != second_) Format(second);
    return {text_, sizeof(text_)};
  }

 private:
  void Format(time_t second);

  time_t second_ = -1;
  char text_[29] = {};
};

}  // namespace stratus::gateway::http
