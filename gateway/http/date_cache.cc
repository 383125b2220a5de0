#include "gateway/http/date_cache.h"

#include <cstring>

namespace stratus::gateway::http {
namespace {

void PutTwo(char* to, int value) {
  to[0] = static_cast<char>('0' + value / 10 % 10);
  to[1] = static_cast<char>('0' + value % 10);
}

}  // namespace

void DateCache::Format(time_t second) {
  // By hand: strftime would follow the locale.
  constexpr char kDays[] = "SunMonTueWedThuFriSat";
  constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  tm utc;
  ::gmtime_r(&second, &utc);
  const int year = utc.tm_year + 1900;
  std::memcpy(text_, "Sun, 00 Jan 0000 00:00:00 GMT", sizeof(text_));
  std::memcpy(text_, kDays + 3 * utc.tm_wday, 3);
  PutTwo(text_ + 5, utc.tm_mday);
  std::memcpy(text_ + 8, kMonths + 3 * utc.tm_mon, 3);
  PutTwo(text_ + 12, year / 100);
  PutTwo(text_ + 14, year % 100);
  PutTwo(text_ + 17, utc.tm_hour);
  PutTwo(text_ + 20, utc.tm_min);
  PutTwo(text_ + 23, utc.tm_sec);
  second_ = second;
}

}  // namespace stratus::gateway::http
