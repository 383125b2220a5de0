#include "services/provisioning/engine/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace stratus::provisioning::engine {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Progress = v1::RunEvent::ResourceProgress;

constexpr char kSecret[] = "hunter2-secret";

// Every line of a stream as OpenTofu 1.10.6 wrote it.
std::vector<Line> ReadStream(const std::string& name, const Redactor& redactor = Redactor({kSecret})) {
  std::ifstream file(absl::StrCat(STRATUS_TEST_STREAMS, "/", name, ".jsonl"));
  EXPECT_TRUE(file.good()) << name;
  std::vector<Line> lines;
  for (std::string text; std::getline(file, text);) {
    auto line = ParseLine(text, redactor);
    EXPECT_TRUE(line.ok()) << line.status() << text;
    if (line.ok()) lines.push_back(*std::move(line));
  }
  return lines;
}

std::vector<v1::Diagnostic> Diagnostics(const std::vector<Line>& lines) {
  std::vector<v1::Diagnostic> found;
  for (const Line& line : lines) {
    if (line.event && line.event->has_diagnostic()) found.push_back(line.event->diagnostic());
  }
  return found;
}

TEST(ParseLine, TellsTheWholeStoryOfAnApply) {
  const std::vector<Line> lines = ReadStream("fleet_apply");
  std::map<std::string, std::vector<Progress::Phase>> phases;
  std::vector<std::string> summaries;
  for (const Line& line : lines) {
    if (!line.event) continue;
    EXPECT_GT(line.event->time().seconds(), 1'700'000'000);
    if (line.ledger) phases[line.event->progress().address()].push_back(line.event->progress().phase());
    if (!line.summary_of.empty()) summaries.push_back(line.summary_of);
  }
  EXPECT_THAT(phases["terraform_data.item[\"b \\\"q\\\"\"]"],
              ElementsAre(Progress::PHASE_STARTED, Progress::PHASE_COMPLETED));
  EXPECT_EQ(phases.size(), 3);
  EXPECT_THAT(summaries, ElementsAre("plan", "apply"));
}

TEST(ParseLine, GivesTheLedgerTheIdOfWhatWasMade) {
  for (const Line& line : ReadStream("fleet_apply")) {
    if (!line.ledger || line.event->progress().phase() != Progress::PHASE_COMPLETED) continue;
    EXPECT_EQ(line.resource_type, "terraform_data");
    EXPECT_EQ(line.id_key, "id");
    EXPECT_EQ(line.id.size(), 36);
    EXPECT_EQ(line.event->progress().id(), line.id);
  }
}

TEST(ParseLine, GivesOutputsOnceTheyHaveValues) {
  std::vector<std::string> found;
  for (const Line& line : ReadStream("fleet_apply")) {
    if (line.outputs_json.empty()) continue;
    found.push_back(line.outputs_json);
    EXPECT_THAT(line.event->outputs().names(), ElementsAre("credential", "names", "replicas", "zones"));
  }
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(nlohmann::json::parse(found[0])["replicas"]["value"], 3);
}

TEST(ParseLine, CountsWhatAPlanWouldDo) {
  int summaries = 0, changes = 0;
  for (const Line& line : ReadStream("fleet_plan")) {
    if (!line.event) continue;
    changes += line.event->has_planned_change() ? 1 : 0;
    if (!line.event->has_summary()) continue;
    ++summaries;
    EXPECT_EQ(line.event->summary().change(), 1);
    EXPECT_EQ(line.event->summary().remove(), 1);
  }
  EXPECT_EQ(summaries, 1);
  EXPECT_EQ(changes, 2);
}

TEST(ParseLine, KeepsAnImportApartFromAChange) {
  bool found = false;
  for (const Line& line : ReadStream("note_import")) {
    if (line.summary_of == "apply") {
      found = true;
      EXPECT_EQ(line.event->summary().import(), 1);
    }
  }
  EXPECT_TRUE(found);
  const auto line = ParseLine(R"({"@level":"info","@message":"m","type":"planned_change","change":{"action":"noop",
      "importing":{"id":"i"},"resource":{"addr":"a.b","resource_type":"a"}}})",
                              Redactor());
  ASSERT_TRUE(line.ok());
  EXPECT_EQ(line->event->planned_change().action(), v1::ResourceChange::ACTION_IMPORT);
}

TEST(ParseLine, NamesTheVariableThatADiagnosticIsAbout) {
  const std::map<std::string, std::vector<std::string>> expected = {{"fleet_bad_type", {"items", "delay_seconds"}},
                                                                    {"fleet_validation", {"delay_seconds"}},
                                                                    {"fleet_unknown", {"nope"}},
                                                                    {"note_missing", {"title"}}};
  for (const auto& [stream, variables] : expected) {
    std::vector<std::string> found;
    for (const Line& line : ReadStream(stream)) {
      if (line.variable.empty()) continue;
      found.push_back(line.variable);
      EXPECT_EQ(line.event->diagnostic().address(), "var." + line.variable);
    }
    EXPECT_EQ(found, variables) << stream;
  }
}

TEST(ParseLine, LocatesADiagnosticInTheModule) {
  const std::vector<v1::Diagnostic> diagnostics = Diagnostics(ReadStream("failing_apply"));
  ASSERT_EQ(diagnostics.size(), 1);
  EXPECT_EQ(diagnostics[0].severity(), v1::Diagnostic::SEVERITY_ERROR);
  EXPECT_EQ(diagnostics[0].address(), "terraform_data.second");
  EXPECT_EQ(diagnostics[0].location(), "main.tf:8");
  EXPECT_THAT(diagnostics[0].detail(), HasSubstr("exit status 3"));
}

TEST(ParseLine, SaysWhichResourceFailed) {
  std::vector<std::string> failed;
  for (const Line& line : ReadStream("failing_apply")) {
    if (line.ledger && line.event->progress().phase() == Progress::PHASE_FAILED) {
      failed.push_back(line.event->progress().address());
    }
  }
  EXPECT_THAT(failed, ElementsAre("terraform_data.second"));
}

TEST(ParseLine, LetsNoSecretIntoAnEvent) {
  int logs = 0;
  for (const std::string stream : {"leak_apply", "fleet_bad_type", "fleet_apply"}) {
    for (const Line& line : ReadStream(stream)) {
      if (!line.event) continue;
      EXPECT_THAT(line.event->ShortDebugString(), Not(HasSubstr(kSecret)));
      logs += line.event->log().message().find("the secret is (redacted)") != std::string::npos ? 1 : 0;
    }
  }
  EXPECT_GE(logs, 1);
}

TEST(ParseLine, LetsNoSecretKeyIntoAnAddress) {
  const Redactor redactor({kSecret});
  const std::string resource = R"("resource":{"addr":"a.b[\"hunter2-secret\"]","resource":"a.b[\"hunter2-secret\"]"})";
  for (const std::string& rest :
       {R"("type":"planned_change","change":{"action":"create",)" + resource + "}",
        R"("type":"resource_drift","change":{"action":"update",)" + resource + "}",
        R"("type":"apply_start","hook":{"action":"create",)" + resource + "}",
        std::string(R"("type":"diagnostic","diagnostic":{"severity":"error","address":"a.b[\"hunter2-secret\"]"})")}) {
    const auto line = ParseLine(R"({"@level":"info",)" + rest + "}", redactor);
    ASSERT_TRUE(line.ok()) << line.status() << rest;
    ASSERT_TRUE(line->event);
    const std::string text = line->event->DebugString();
    EXPECT_THAT(text, AllOf(HasSubstr("(redacted)"), Not(HasSubstr("hunter2"))));
    // What recovery compares with the state is the address itself.
    EXPECT_THAT(line->address, testing::AnyOf("", "a.b[\"hunter2-secret\"]"));
  }
}

TEST(ParseLine, HasNothingToSayOfARefresh) {
  for (const Line& line : ReadStream("fleet_refresh")) {
    EXPECT_TRUE(!line.event || line.event->has_summary());
  }
}

TEST(ParseLine, LeavesDataSourcesOutOfTheLedger) {
  const auto line = ParseLine(R"({"@level":"info","type":"apply_start","hook":{"action":"read","resource":
      {"addr":"module.m.data.x.y","resource":"data.x.y","resource_type":"x"}}})",
                              Redactor());
  ASSERT_TRUE(line.ok());
  EXPECT_FALSE(line->ledger);
  EXPECT_EQ(line->event->progress().action(), v1::ResourceChange::ACTION_READ);
}

TEST(ParseLine, RefusesWhatIsNoLineOfTheStream) {
  const std::string deep = "{\"@level\":\"info\",\"a\":" + std::string(100000, '[');
  for (const std::string text : {"", "panic: runtime error", "{", "[]", "null", R"({"format_version":"1.2"})",
                                 R"({"@level":1})", "{\"@level\":\"\xff\"}", deep.c_str()}) {
    EXPECT_EQ(ParseLine(text, Redactor()).status().code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 80);
  }
}

TEST(ParseLine, TakesMembersOfTheWrongKindAsAbsent) {
  for (const std::string text :
       {R"({"@level":"info","type":"apply_complete","hook":[1]})", R"({"@level":"info","type":"outputs","outputs":7})",
        R"({"@level":"info","type":"change_summary","changes":{"add":1e99}})",
        R"({"@level":"error","type":"diagnostic","diagnostic":"x"})", R"({"@level":"info","type":{}})"}) {
    const auto line = ParseLine(text, Redactor());
    ASSERT_TRUE(line.ok()) << text;
    EXPECT_FALSE(line->ledger);
  }
}

}  // namespace
}  // namespace stratus::provisioning::engine
