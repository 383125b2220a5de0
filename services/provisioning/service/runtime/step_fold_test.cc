#include "services/provisioning/service/runtime/step_fold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/provisioning/service/runtime/recovery_plan.h"

namespace stratus::provisioning::service {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Progress = v1::RunEvent::ResourceProgress;

std::string Hook(const std::string& type, const std::string& time, const std::string& action,
                 const std::string& more = "") {
  return R"({"@level":"info","@message":"m","@module":"tofu.ui","@timestamp":")" + time + R"(","type":")" + type +
         R"(","hook":{"resource":{"addr":"k.a","module":"","resource":"k.a","implied_provider":"k","resource_type":"k",)" +
         R"("resource_name":"a","resource_key":null},"action":")" + action + "\"" + more + "}}";
}

TEST(StepFold, KeepsOneLedgerRowAResourceWithItsBeginning) {
  engine::Redactor redactor;
  StepFold fold(&redactor, false);
  StepBatch first, second;
  fold.Add(Hook("apply_start", "2026-01-02T03:04:05.000000Z", "create"), &first);
  fold.Add(Hook("apply_complete", "2026-01-02T03:04:09.000000Z", "create",
                R"(,"id_key":"id","id_value":"7","elapsed_seconds":4)"),
           &second);
  ASSERT_THAT(first.ledger, SizeIs(1));
  EXPECT_EQ(first.ledger.at("k.a").phase, Progress::PHASE_STARTED);
  const store::LedgerRow& done = second.ledger.at("k.a");
  EXPECT_EQ(done.phase, Progress::PHASE_COMPLETED);
  EXPECT_EQ(done.id, "7");
  EXPECT_EQ(done.started, first.ledger.at("k.a").started) << "a search needs to know since when";
  EXPECT_TRUE(fold.touched());
}

TEST(StepFold, TheLedgerHasTheAddressAndTheEventHasItRedacted) {
  const engine::Redactor redactor({"tr0ub4dor"});
  StepFold fold(&redactor, false);
  StepBatch batch;
  std::string line = Hook("apply_start", "2026-01-02T03:04:05.000000Z", "create");
  line.replace(line.find("k.a"), 3, "k.a[\\\"tr0ub4dor\\\"]");
  fold.Add(line, &batch);
  EXPECT_EQ(batch.ledger.count("k.a[\"tr0ub4dor\"]"), 1u);
  ASSERT_THAT(batch.events, SizeIs(1));
  EXPECT_EQ(batch.events[0].progress().address(), "k.a[\"(redacted)\"]");
}

TEST(StepFold, NothingOfASecretIsTheEndOfACutText) {
  const std::string filler(400, 's');
  const engine::Redactor redactor({"hunter22", filler});
  StepFold fold(&redactor, false);
  StepBatch batch;
  // Nearly all of it is redacted, so that what lies at the first cut, of 64 KiB, is told.
  std::string line = "what it says: ";
  while (line.size() < (64 << 10) - 404) line += filler;
  line.append((64 << 10) - 4 - line.size(), 's');
  fold.Add(line + "hunter22", &batch);
  ASSERT_THAT(batch.events, SizeIs(1));
  EXPECT_THAT(batch.events[0].log().message(), testing::Not(HasSubstr("hunt")));
}

TEST(StepFold, GivesADeletionARowOfItsOwn) {
  engine::Redactor redactor;
  StepFold fold(&redactor, false);
  StepBatch batch;
  fold.Add(Hook("apply_start", "2026-01-02T03:04:05.000000Z", "delete", R"(,"id_key":"id","id_value":"6")"), &batch);
  fold.Add(Hook("apply_start", "2026-01-02T03:04:06.000000Z", "create"), &batch);
  EXPECT_THAT(batch.ledger, SizeIs(2));
  EXPECT_EQ(batch.ledger.count(LedgerKey("k.a", v1::ResourceChange::ACTION_DELETE)), 1u);
}

TEST(StepFold, StoresNothingOfLinesThatWereStoredBefore) {
  engine::Redactor redactor;
  StepFold fold(&redactor, false);
  fold.Add(Hook("apply_start", "2026-01-02T03:04:05.000000Z", "create"), nullptr);
  EXPECT_TRUE(fold.touched()) << "but knows what they said";
}

TEST(StepFold, KeepsWhatIsNoStreamAsARedactedLog) {
  const engine::Redactor redactor({"hunter22"});
  StepFold fold(&redactor, false);
  StepBatch batch;
  fold.Add("panic: the password is hunter22", &batch);
  fold.Add("   ", &batch);
  ASSERT_THAT(batch.events, SizeIs(1));
  EXPECT_THAT(batch.events[0].log().message(), HasSubstr("panic"));
  EXPECT_THAT(batch.events[0].log().message(), testing::Not(HasSubstr("hunter22")));
}

TEST(StepFold, CutsALongLogWithoutCuttingASecret) {
  const engine::Redactor redactor({"hunter22"});
  StepFold fold(&redactor, false);
  StepBatch batch;
  fold.Add(std::string(4092, 'x') + "hunter22", &batch);
  ASSERT_THAT(batch.events, SizeIs(1));
  EXPECT_THAT(batch.events[0].log().message(), testing::Not(HasSubstr("hunt")));
}

TEST(StepFold, StoresOnlyWhatCanBeReadAgain) {
  const engine::Redactor redactor;
  StepFold fold(&redactor, false);
  StepBatch batch;
  fold.Add("\xff\xfe garbage " + std::string(4080, 'x') + "\xc3\xa9\xc3\xa9\xc3\xa9", &batch);
  ASSERT_THAT(batch.events, SizeIs(1));
  v1::RunEvent read;
  EXPECT_TRUE(read.ParseFromString(batch.events[0].SerializeAsString()));
  EXPECT_THAT(read.log().message(), HasSubstr("\xef\xbf\xbd garbage"));
}

TEST(StepFold, StopsStoringChatterPastItsLimitButNotTheLedger) {
  engine::Redactor redactor;
  StepFold fold(&redactor, false);
  StepBatch batch;
  for (int i = 0; i < StepFold::kEventsMax + 10; ++i) fold.Add("noise", &batch);
  EXPECT_THAT(batch.events, SizeIs(StepFold::kEventsMax));
  fold.Add(Hook("apply_start", "2026-01-02T03:04:05.000000Z", "create"), &batch);
  EXPECT_THAT(batch.events, SizeIs(StepFold::kEventsMax + 1));
  EXPECT_THAT(batch.ledger, SizeIs(1));
}

TEST(StepFold, KeepsARawTextAsItIs) {
  engine::Redactor redactor;
  StepFold fold(&redactor, true);
  StepBatch batch;
  fold.Add(R"({"resource_changes":[]})", &batch);
  EXPECT_EQ(fold.raw(), R"({"resource_changes":[]})");
  EXPECT_THAT(batch.events, IsEmpty()) << "a plan holds secrets: nobody watches it";
}

}  // namespace
}  // namespace stratus::provisioning::service
