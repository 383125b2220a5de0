// Bytes a second are bytes of JSON, in both directions.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gateway/transcode/test_schema.h"
#include "google/protobuf/util/json_util.h"

namespace stratus::gateway::transcode {
namespace {

struct Sample {
  std::string type;
  std::string json;
};

// Numbers that look like measurements, the same in every run.
class Series {
 public:
  double Next(double low, double high, double step) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    const double unit = static_cast<double>(state_ >> 11) / 9007199254740992.0;
    return low + step * static_cast<double>(static_cast<int64_t>(unit * (high - low) / step));
  }

 private:
  uint64_t state_ = 1;
};

std::string Rows(int count, bool long_numbers) {
  Series series;
  std::string rows;
  const auto number = [&](const char* name, double low, double high) {
    absl::StrAppend(&rows, ",\"", name, "\":");
    const double value = series.Next(low, high, 0.01);
    absl::StrAppend(&rows,
                    long_numbers ? absl::StrFormat("%.15f", value * 1.0123456789) : absl::StrFormat("%.2f", value));
  };
  for (int i = 0; i < count; ++i) {
    absl::StrAppend(&rows, i == 0 ? "" : ",", "{\"time\":\"2026-01-", absl::StrFormat("%02d", i / 24 % 28 + 1), "T",
                    absl::StrFormat("%02d", i % 24), ":00:00Z\"");
    number("temperature", -10, 35);
    number("feelsLike", -10, 35);
    number("humidityPercent", 0, 100);
    number("dewPoint", -10, 20);
    number("pressure", 980, 1040);
    number("windSpeed", 0, 30);
    number("windDirectionDegrees", 0, 360);
    rows += "}";
  }
  return rows;
}

Sample Forecast(int rows, bool long_numbers) {
  return {"transcode.bench.Forecast", absl::StrCat(R"({"place":"Hanoi","timeZone":"Asia/Ho_Chi_Minh","hours":[)",
                                                   Rows(rows, long_numbers), R"(],"source":"open-meteo"})")};
}

Sample Now() {
  return {
      "transcode.bench.Now",
      R"({"place":"Hanoi","latitude":21.0278,"longitude":105.8342,"time":"2026-01-31T12:00:00Z","temperature":18.25,)"
      R"("humidity":74,"condition":{"kind":"KIND_PARTLY_CLOUDY","sourceCode":2,"text":"Partly cloudy","icon":"02d"},)"
      R"("isDay":true})"};
}

Sample Order() {
  std::string items;
  for (int i = 0; i < 18; ++i) {
    absl::StrAppend(&items, i == 0 ? "" : ",", R"({"sku":"SKU-)", 100000 + i * 37,
                    R"(","title":"A thing of some use, number )", i, R"(","quantity":)", i % 5 + 1, R"(,"price":)",
                    i * 3 + 4, R"(.95,"tags":["garden","summer","sale)", i % 3, R"("]})");
  }
  return {
      "transcode.bench.Order",
      absl::StrCat(
          R"({"id":"0194b3c2-7e1f-7c3a-9d52-5f0e3a1b2c4d","customerName":"Nguyễn Văn A","createdMillis":"1769860800123",)",
          R"("items":[)", items, R"(],"labels":{"channel":"web","campaign":"tet-2026","priority":"normal"},)",
          R"("note":"Please ring twice.\nThe bell is \"special\".","gift":true})")};
}

const Sample& SampleOf(int64_t which) {
  static const auto* const samples =
      new std::vector<Sample>{Now(), Order(), Forecast(130, false), Forecast(780, false), Forecast(130, true)};
  return (*samples)[static_cast<size_t>(which)];
}
constexpr const char* kNames[] = {"250 B", "3 KB", "20 KB", "120 KB", "30 KB, 17 digits"};

void BM_WireToJson(benchmark::State& state) {
  const Sample& sample = SampleOf(state.range(0));
  const MessageTable& table = GetTestSchema().Table(sample.type);
  Buffer wire;
  if (!JsonToWire(table, sample.json, {}, &wire).ok()) state.SkipWithError("bad sample");
  Buffer json;
  for (auto _ : state) {
    json.Clear();
    benchmark::DoNotOptimize(WireToJson(table, wire.view(), {}, &json).ok());
  }
  state.SetLabel(kNames[state.range(0)]);
  state.counters["json"] = static_cast<double>(json.size());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(json.size()));
}
BENCHMARK(BM_WireToJson)->DenseRange(0, 4);

void BM_JsonToWire(benchmark::State& state) {
  const Sample& sample = SampleOf(state.range(0));
  const MessageTable& table = GetTestSchema().Table(sample.type);
  Buffer wire;
  for (auto _ : state) {
    wire.Clear();
    benchmark::DoNotOptimize(JsonToWire(table, sample.json, {}, &wire).ok());
  }
  state.SetLabel(kNames[state.range(0)]);
  state.counters["json"] = static_cast<double>(sample.json.size());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(sample.json.size()));
}
BENCHMARK(BM_JsonToWire)->DenseRange(0, 4);

// What the library does, for scale: a message object and json_util.
void BM_ProtobufWireToJson(benchmark::State& state) {
  const Sample& sample = SampleOf(state.range(0));
  Buffer wire;
  if (!JsonToWire(GetTestSchema().Table(sample.type), sample.json, {}, &wire).ok()) state.SkipWithError("bad sample");
  const auto message = GetTestSchema().NewMessage(sample.type);
  size_t size = 0;
  for (auto _ : state) {
    std::string json;
    if (!message->ParseFromArray(wire.data(), static_cast<int>(wire.size())) ||
        !google::protobuf::util::MessageToJsonString(*message, &json).ok()) {
      state.SkipWithError("the library refuses");
      break;
    }
    size = json.size();
  }
  state.SetLabel(kNames[state.range(0)]);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(size));
}
BENCHMARK(BM_ProtobufWireToJson)->DenseRange(0, 3);

void BM_Query(benchmark::State& state) {
  ParameterWriter writer(GetTestSchema().Table("transcode.bench.Now"));
  Buffer out;
  for (auto _ : state) {
    out.Clear();
    benchmark::DoNotOptimize(
        writer.AddQuery("latitude=21.0278&longitude=105.8342&place=Hanoi&condition.kind=KIND_RAIN", {}, {}).ok());
    benchmark::DoNotOptimize(writer.Flush(&out).ok());
  }
}
BENCHMARK(BM_Query);

}  // namespace
}  // namespace stratus::gateway::transcode
