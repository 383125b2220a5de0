#include "services/sandbox/openweather_condition.h"

#include <iterator>

namespace stratus::sandbox {
namespace {

struct Row {
  int wmo_code;
  OpenWeatherCondition condition;
};

// One row for each code that climate.cc makes; the last also for any other.
constexpr Row kRows[] = {
    {0, {800, "Clear", "clear sky", "bầu trời quang đãng", "01"}},
    {1, {801, "Clouds", "few clouds", "mây thưa", "02"}},
    {2, {802, "Clouds", "scattered clouds", "mây rải rác", "03"}},
    {51, {300, "Drizzle", "light intensity drizzle", "mưa phùn nhẹ", "09"}},
    {61, {500, "Rain", "light rain", "mưa nhẹ", "10"}},
    {63, {501, "Rain", "moderate rain", "mưa vừa", "10"}},
    {65, {502, "Rain", "heavy intensity rain", "mưa cường độ nặng", "10"}},
    {71, {600, "Snow", "light snow", "tuyết nhẹ", "13"}},
    {73, {601, "Snow", "snow", "tuyết", "13"}},
    {75, {602, "Snow", "heavy snow", "tuyết nặng", "13"}},
    {95, {211, "Thunderstorm", "thunderstorm", "bão có sấm sét", "11"}},
    {3, {804, "Clouds", "overcast clouds", "mây đen u ám", "04"}},
};

}  // namespace

const OpenWeatherCondition& OpenWeatherConditionOf(int wmo_code) {
  const Row* row = kRows;
  while (row->wmo_code != wmo_code && row != std::end(kRows) - 1) ++row;
  return row->condition;
}

}  // namespace stratus::sandbox
