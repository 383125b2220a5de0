// Whatever spans hold, what our exporter writes is taken by a daemon that is strict about every field.
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "lib/telemetry/xray_document.h"
#include "services/sandbox/xray/segment_check.h"

namespace stratus::sandbox::xray {
namespace {

using telemetry::FinishedSpans;
using telemetry::SpanKind;
using telemetry::SpanOutcome;
using telemetry::SpanRecord;

class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}

  FinishedSpans Make() {
    auto resource = std::make_shared<telemetry::Resource>();
    resource->service_name = Text(300);
    resource->service_version = Text(150);
    if (Maybe()) resource->origin = "AWS::ECS::Fargate";
    if (Maybe()) resource->aws = {{"ecs.container", Text(20)}, {"nodot", Text(5)}, {"eks.pod", Text(20)}};
    FinishedSpans finished{resource, std::vector<SpanRecord>(1 + Below(30))};
    for (size_t i = 0; i < finished.spans.size(); ++i) Fill(i, &finished.spans);
    std::shuffle(finished.spans.begin(), finished.spans.end(), random_);
    return finished;
  }
  size_t Below(size_t limit) { return random_() % limit; }

 private:
  bool Maybe() { return Below(2) == 0; }
  // Any bytes: control characters, quotes, broken UTF-8.
  std::string Text(size_t bytes_max) {
    std::string text(Below(bytes_max + 1), '\0');
    for (char& c : text) c = static_cast<char>(Maybe() ? 'a' + Below(26) : Below(256));
    return text;
  }

  void Fill(size_t index, std::vector<SpanRecord>* spans) {
    SpanRecord& span = (*spans)[index];
    span.kind = index == 0 ? SpanKind::kServer : static_cast<SpanKind>(1 + Below(3));
    if (index == 0 && Maybe()) span.kind = SpanKind::kInternal;  // a span that outlived its segment
    span.trace_id.fill('a');
    span.id = telemetry::NewSpanId();
    span.has_parent = index > 0 || span.kind != SpanKind::kServer || Maybe();
    span.parent_id = index > 0 ? (*spans)[Below(index)].id : telemetry::NewSpanId();
    span.in_progress = Below(10) == 0;
    span.name = Text(250);
    span.start = absl::Now() - absl::Microseconds(Below(1'000'000));
    span.duration = absl::Nanoseconds(Below(2'000'000'000));
    span.outcome = static_cast<SpanOutcome>(Below(4));
    if (Maybe()) span.http = {.method = "GET", .url = Text(300), .user_agent = Text(100), .client_ip = "::1"};
    if (Maybe()) span.http.status = static_cast<int>(100 + Below(500));
    span.http.traced = Maybe();
    if (span.kind == SpanKind::kDatabase) span.database = {"SQLite", Text(100)};
    for (size_t i = Below(4); i > 0; --i) span.exceptions.push_back({Text(50), Text(900), Maybe()});
    for (size_t i = Below(8); i > 0; --i) span.annotations.emplace_back("key_" + std::to_string(i), Value());
    for (size_t i = Below(3); i > 0; --i) span.metadata.emplace_back(Text(20), Text(4000));
  }

  telemetry::AnnotationValue Value() {
    switch (Below(4)) {
      case 0: return Text(900);
      case 1: return static_cast<int64_t>(random_()) - (1 << 30);
      case 2: return static_cast<double>(random_()) / 7;
      default: return Maybe();
    }
  }

  std::mt19937 random_;
};

TEST(XRayDocuments, AreTakenWhateverTheSpansHold) {
  for (uint32_t seed = 0; seed < 400; ++seed) {
    Maker maker(seed);
    const FinishedSpans finished = maker.Make();
    const size_t bytes_max = seed % 3 == 0 ? 65'000 : 1000 + maker.Below(20'000);
    size_t spans = 0;
    const telemetry::DocumentCounts counts =
        telemetry::WriteXRayDocuments(finished, bytes_max, [&](std::string_view text, size_t count) {
          EXPECT_LE(text.size(), bytes_max);
          spans += count;
          const Json document = Json::parse(text, nullptr, /*allow_exceptions=*/false);
          ASSERT_FALSE(document.is_discarded()) << "seed " << seed;
          EXPECT_THAT(CheckDocument(document, absl::Now()), testing::IsEmpty()) << "seed " << seed;
        });
    EXPECT_EQ(spans + static_cast<size_t>(counts.too_large), finished.spans.size()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace stratus::sandbox::xray
