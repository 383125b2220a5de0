#include "gateway/transcode/time_text.h"

#include <cstring>

#include "gateway/transcode/number_text.h"

namespace stratus::gateway::transcode {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
// From 0000-03-01, where the arithmetic of dates is simplest, to 1970-01-01.
constexpr int64_t kDaysToEpoch = 719'468;
constexpr int64_t kDaysPerEra = 146'097;  // 400 years

struct Date {
  int year;
  int month;
  int day;
};

// Howard Hinnant's civil calendar: years start in March, so that a leap day is a year's last.
Date DateOf(int64_t days_since_epoch) {
  const int64_t days = days_since_epoch + kDaysToEpoch;
  const int64_t era = days / kDaysPerEra;
  const auto day_of_era = static_cast<int>(days % kDaysPerEra);
  const int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int shifted_month = (5 * day_of_year + 2) / 153;
  const int month = shifted_month < 10 ? shifted_month + 3 : shifted_month - 9;
  return {static_cast<int>(era * 400) + year_of_era + (month <= 2), month,
          day_of_year - (153 * shifted_month + 2) / 5 + 1};
}

int64_t DaysOf(const Date& date) {
  const int year = date.year - (date.month <= 2);
  const int era = year / 400;
  const int year_of_era = year - era * 400;
  const int day_of_year = (153 * (date.month + (date.month > 2 ? -3 : 9)) + 2) / 5 + date.day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * kDaysPerEra + day_of_era - kDaysToEpoch;
}

int DaysInMonth(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

// Three, six or nine digits, as many as the value needs.
char* WriteFraction(char* out, uint32_t nanos) {
  if (nanos == 0) return out;
  *out++ = '.';
  const uint32_t millis = nanos / 1'000'000;
  const uint32_t micros = nanos / 1'000 % 1'000;
  const uint32_t rest = nanos % 1'000;
  const auto write = [&out](uint32_t thousand) {
    *out++ = static_cast<char>('0' + thousand / 100);
    out = WriteDigits2(out, thousand % 100);
  };
  write(millis);
  if (micros != 0 || rest != 0) write(micros);
  if (rest != 0) write(rest);
  return out;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return at_ == text_.size(); }
  bool Take(char c) {
    if (done() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // Exactly `count` digits.
  bool Digits(size_t count, int* value) {
    if (text_.size() - at_ < count) return false;
    *value = 0;
    for (size_t i = 0; i < count; ++i, ++at_) {
      if (text_[at_] < '0' || text_[at_] > '9') return false;
      *value = *value * 10 + (text_[at_] - '0');
    }
    return true;
  }
  // One digit or more, at most 18 of them.
  bool Number(int64_t* value) {
    const size_t start = at_;
    *value = 0;
    for (; !done() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      if (at_ - start == 18) return false;
      *value = *value * 10 + (text_[at_] - '0');
    }
    return at_ > start;
  }
  // Nothing, or a point and 1 to 9 digits.
  bool Fraction(int32_t* nanos) {
    *nanos = 0;
    if (!Take('.')) return true;
    int digits = 0;
    for (; !done() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_, ++digits) {
      if (digits == 9) return false;
      *nanos = *nanos * 10 + (text_[at_] - '0');
    }
    if (digits == 0) return false;
    for (; digits < 9; ++digits) *nanos *= 10;
    return true;
  }

 private:
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

char* TimestampFormatter::Write(char* out, int64_t seconds, int64_t nanos) {
  if (seconds < kTimestampSecondsMin || seconds > kTimestampSecondsMax || nanos < 0 || nanos >= kNanosPerSecond) {
    return nullptr;
  }
  const auto since_first = static_cast<uint64_t>(seconds - kTimestampSecondsMin);
  const auto day = static_cast<int64_t>(since_first / kSecondsPerDay);
  const auto second = static_cast<uint32_t>(since_first % kSecondsPerDay);
  if (day != day_) [[unlikely]] {
    day_ = day;
    const Date date = DateOf(day + kTimestampSecondsMin / kSecondsPerDay);
    char* text = WriteDigits2(date_, static_cast<uint32_t>(date.year / 100));
    text = WriteDigits2(text, static_cast<uint32_t>(date.year % 100));
    *text++ = '-';
    text = WriteDigits2(text, static_cast<uint32_t>(date.month));
    *text++ = '-';
    text = WriteDigits2(text, static_cast<uint32_t>(date.day));
    *text = 'T';
  }
  std::memcpy(out, date_, sizeof date_);
  WriteDigits2(out + 11, second / 3600);
  out[13] = ':';
  WriteDigits2(out + 14, second / 60 % 60);
  out[16] = ':';
  WriteDigits2(out + 17, second % 60);
  out = WriteFraction(out + 19, static_cast<uint32_t>(nanos));
  *out++ = 'Z';
  return out;
}

char* WriteDuration(char* out, int64_t seconds, int64_t nanos) {
  if (seconds < -kDurationSecondsMax || seconds > kDurationSecondsMax || nanos <= -kNanosPerSecond ||
      nanos >= kNanosPerSecond || (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) {
    return nullptr;
  }
  if (seconds < 0 || nanos < 0) *out++ = '-';
  out = WriteUint(out, static_cast<uint64_t>(seconds < 0 ? -seconds : seconds));
  out = WriteFraction(out, static_cast<uint32_t>(nanos < 0 ? -nanos : nanos));
  *out++ = 's';
  return out;
}

bool ParseTimestamp(std::string_view text, int64_t* seconds, int32_t* nanos) {
  Scanner scan(text);
  Date date;
  int hour, minute, second;
  if (!scan.Digits(4, &date.year) || !scan.Take('-') || !scan.Digits(2, &date.month) || !scan.Take('-') ||
      !scan.Digits(2, &date.day) || !scan.Take('T') || !scan.Digits(2, &hour) || !scan.Take(':') ||
      !scan.Digits(2, &minute) || !scan.Take(':') || !scan.Digits(2, &second) || !scan.Fraction(nanos)) {
    return false;
  }
  if (date.year < 1 || date.month < 1 || date.month > 12 || date.day < 1 ||
      date.day > DaysInMonth(date.year, date.month) || hour > 23 || minute > 59 || second > 59) {
    return false;
  }
  int64_t offset_seconds = 0;
  if (!scan.Take('Z')) {
    const bool east = scan.Take('+');
    int offset_hour, offset_minute;
    if ((!east && !scan.Take('-')) || !scan.Digits(2, &offset_hour) || !scan.Take(':') ||
        !scan.Digits(2, &offset_minute) || offset_hour > 23 || offset_minute > 59) {
      return false;
    }
    offset_seconds = (east ? 60 : -60) * (offset_hour * 60 + offset_minute);
  }
  if (!scan.done()) return false;
  *seconds = DaysOf(date) * kSecondsPerDay + hour * 3600 + minute * 60 + second - offset_seconds;
  return *seconds >= kTimestampSecondsMin && *seconds <= kTimestampSecondsMax;
}

bool ParseDuration(std::string_view text, int64_t* seconds, int32_t* nanos) {
  Scanner scan(text);
  const bool negative = scan.Take('-');
  if (!scan.Number(seconds) || !scan.Fraction(nanos) || !scan.Take('s') || !scan.done()) return false;
  if (*seconds > kDurationSecondsMax) return false;
  if (negative) {
    *seconds = -*seconds;
    *nanos = -*nanos;
  }
  return true;
}

}  // namespace stratus::gateway::transcode
