#include "services/weather/testing/fake_upstream.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

#include "lib/core/address.h"

namespace stratus::weather::testing {
namespace {

http_server::Response Json(int status, std::string body) {
  return {.status = status, .headers = {{"content-type", "application/json"}}, .body = std::move(body)};
}

http_server::Response OpenWeather(const http_server::Request& request) {
  if (request.Parameter("appid") != kApiKey) {
    return Json(401,
                R"({"cod":401, "message": "Invalid API key. Please see https://openweathermap.org/faq#error401"})");
  }
  if (request.path == "/geo/1.0/direct") {
    return Json(200, request.Parameter("q").rfind("London", 0) == 0 ? Testdata("openweather_geocoding.json") : "[]");
  }
  if (request.Parameter("lat").empty() || request.Parameter("lon").empty()) {
    return Json(400, R"({"cod":"400","message":"Nothing to geocode"})");
  }
  return Json(200,
              Testdata(request.path == "/data/2.5/weather" ? "openweather_weather.json" : "openweather_forecast.json"));
}

http_server::Response OpenMeteo(const http_server::Request& request) {
  if (request.path == "/v1/search") {
    return Json(200, request.Parameter("name") == "Hanoi" ? Testdata("open_meteo_geocoding.json")
                                                          : R"({"generationtime_ms":0.3})");
  }
  if (request.Parameter("latitude").empty() || request.Parameter("longitude").empty()) {
    return Json(400, R"({"error":true,"reason":"Parameter 'latitude' and 'longitude' must have the same number"})");
  }
  return Json(200, Testdata("open_meteo_chatham.json"));
}

}  // namespace

std::string Testdata(const std::string& name) {
  std::ifstream file(std::string(WEATHER_TESTDATA_DIR) + "/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || text.str().empty()) {
    std::cerr << "testdata is missing: " << name << "\n";
    std::abort();
  }
  return text.str();
}

FakeUpstream::FakeUpstream() {
  auto server = http_server::Server::Start(*core::ParseAddress("127.0.0.1:0"),
                                           [this](const http_server::Request& request) { return Handle(request); });
  if (!server.ok()) {
    std::cerr << server.status() << "\n";
    std::abort();
  }
  server_ = *std::move(server);
}

void FakeUpstream::SetAnswer(const std::string& path, Answer answer) {
  core::MutexLock lock(mutex_);
  if (answer) {
    answers_[path] = std::move(answer);
  } else {
    answers_.erase(path);
  }
}

void FakeUpstream::AnswerWith(const std::string& path, int status, std::string body) {
  SetAnswer(path, [status, body = std::move(body)](const http_server::Request&) { return Json(status, body); });
}

int FakeUpstream::requests(const std::string& path) const { return static_cast<int>(queries(path).size()); }

std::vector<std::string> FakeUpstream::queries(const std::string& path) const {
  core::MutexLock lock(mutex_);
  const auto found = queries_.find(path);
  return found == queries_.end() ? std::vector<std::string>() : found->second;
}

http_server::Response FakeUpstream::Handle(const http_server::Request& request) {
  Answer answer;
  {
    core::MutexLock lock(mutex_);
    queries_[request.path].push_back(request.query);
    for (const std::string& path : {request.path, std::string()}) {
      const auto found = answers_.find(path);
      if (!answer && found != answers_.end()) answer = found->second;
    }
  }
  if (answer) return answer(request);
  if (request.path == "/v1/forecast" || request.path == "/v1/search") return OpenMeteo(request);
  if (request.path == "/data/2.5/weather" || request.path == "/data/2.5/forecast" ||
      request.path == "/geo/1.0/direct") {
    return OpenWeather(request);
  }
  return Json(404, R"({"cod":"404","message":"Internal error"})");
}

}  // namespace stratus::weather::testing
