// Names, statuses, limits, masks, near names.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "google/rpc/error_details.pb.h"
#include "services/provisioning/domain/limits.h"
#include "services/provisioning/domain/names.h"
#include "services/provisioning/domain/near_names.h"
#include "services/provisioning/domain/run_status.h"
#include "services/provisioning/domain/stack_mask.h"
#include "services/provisioning/domain/uid.h"

namespace stratus::provisioning::domain {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kUid[] = "abcdefghij0123456789";

TEST(Uid, IsOfItsFormAndNeverTheSame) {
  std::set<std::string> uids;
  for (int i = 0; i < 1000; ++i) {
    const std::string uid = NewUid();
    EXPECT_TRUE(IsUid(uid)) << uid;
    EXPECT_TRUE(uids.insert(uid).second);
  }
  EXPECT_FALSE(IsUid("abc"));
  EXPECT_FALSE(IsUid("ABCDEFGHIJ0123456789"));
}

TEST(Names, ReadBackWhatTheyWrite) {
  EXPECT_EQ(ParseStackName(StackName("a-1")), "a-1");
  EXPECT_EQ(ParseOutputsName(OutputsName("a")), "a");
  EXPECT_EQ(ParseRunName(RunNameOf("a", kUid))->run, kUid);
  EXPECT_EQ(ParsePlanName(PlanName("a", kUid))->stack, "a");
  EXPECT_EQ(ParseOperationName(OperationName(kUid)), kUid);
  EXPECT_EQ(ParseStateVersionName(StateVersionNameOf("a", 12))->serial, 12);
  EXPECT_EQ(ParseStateVersionName("stacks/a/stateVersions/latest")->serial, 0);
  EXPECT_EQ(ParseModuleName(ModuleName("droplet")), "droplet");
}

TEST(Names, AreParsedStrictly) {
  for (const char* name : {"", "stacks", "stacks/", "stacks/A", "stacks/1a", "stacks/a-", "stacks/a/", "stacks/a/b",
                           "/stacks/a", "stack/a", "stacks/a_b", "stacks/-"}) {
    EXPECT_FALSE(ParseStackName(name)) << name;
  }
  EXPECT_FALSE(ParseStackName("stacks/" + std::string(64, 'a')));
  EXPECT_TRUE(ParseStackName("stacks/" + std::string(63, 'a')));
  for (const char* name : {"stacks/a/runs/x", "stacks/a/runs/abcdefghij0123456789/plan/x", "stacks/a/run/x"}) {
    EXPECT_FALSE(ParseRunName(name)) << name;
    EXPECT_FALSE(ParsePlanName(name)) << name;
  }
  for (const char* serial : {"0", "01", "-1", "+1", "1x", "", "9999999999999999999"}) {
    EXPECT_FALSE(ParseStateVersionName(std::string("stacks/a/stateVersions/") + serial)) << serial;
  }
  EXPECT_TRUE(IsReservedModuleName("health"));
  EXPECT_FALSE(IsReservedModuleName("droplet"));
}

TEST(NearNames, FindsWhatWasMeant) {
  const std::vector<std::string> names = {"droplet", "fleet", "note", "kubernetes"};
  EXPECT_THAT(NearNames("dropet", names), ElementsAre("droplet"));
  EXPECT_THAT(NearNames("Ntoe", names), ElementsAre("note"));
  EXPECT_THAT(NearNames("kube", names), ElementsAre("kubernetes"));
  EXPECT_THAT(NearNames("xyz", names), IsEmpty());
  EXPECT_THAT(NearNames(std::string(1000, 'a'), names), IsEmpty());
  EXPECT_EQ(DidYouMean("fleat", names), "; did you mean fleet?");
  EXPECT_EQ(DidYouMean("", names), "");
}

TEST(RunStatus, EndsAreEnds) {
  for (int to = v1::RunStatus_MIN; to <= v1::RunStatus_MAX; ++to) {
    for (const v1::RunStatus end :
         {v1::RUN_STATUS_APPLIED, v1::RUN_STATUS_PLANNED_AND_FINISHED, v1::RUN_STATUS_DISCARDED, v1::RUN_STATUS_ERRORED,
          v1::RUN_STATUS_CANCELED, v1::RUN_STATUS_FORCE_CANCELED}) {
      EXPECT_TRUE(IsTerminal(end));
      EXPECT_FALSE(MayGo(end, static_cast<v1::RunStatus>(to)));
      EXPECT_FALSE(MayCancel(end));
    }
    EXPECT_FALSE(MayGo(static_cast<v1::RunStatus>(to), v1::RUN_STATUS_UNSPECIFIED));
  }
}

TEST(RunStatus, EveryOtherCanBeCancelledAndReachesAnEnd) {
  for (const v1::RunStatus status :
       {v1::RUN_STATUS_PENDING, v1::RUN_STATUS_PLANNING, v1::RUN_STATUS_PLANNED, v1::RUN_STATUS_CONFIRMED,
        v1::RUN_STATUS_APPLYING, v1::RUN_STATUS_INTERRUPTED, v1::RUN_STATUS_RECOVERING}) {
    EXPECT_FALSE(IsTerminal(status));
    EXPECT_TRUE(MayCancel(status));
    EXPECT_TRUE(MayGo(status, v1::RUN_STATUS_CANCELED));
    EXPECT_TRUE(MayGo(status, v1::RUN_STATUS_ERRORED));
  }
}

TEST(RunStatus, ALostApplyIsNeverQueuedAgain) {
  EXPECT_FALSE(MayGo(v1::RUN_STATUS_APPLYING, v1::RUN_STATUS_PENDING));
  EXPECT_FALSE(MayGo(v1::RUN_STATUS_RECOVERING, v1::RUN_STATUS_PENDING));
  EXPECT_FALSE(MayGo(v1::RUN_STATUS_PLANNED, v1::RUN_STATUS_APPLYING));
  EXPECT_TRUE(MayGo(v1::RUN_STATUS_APPLYING, v1::RUN_STATUS_INTERRUPTED));
}

v1::Run MakeRun(v1::RunKind kind, v1::RunStatus status, bool started, int64_t serial = 1) {
  v1::Run run;
  run.set_kind(kind);
  run.set_status(status);
  run.set_state_serial(serial);
  if (started) run.mutable_start_time()->set_seconds(1);
  return run;
}

TEST(SettledState, IsThatOfTheNewestRunThatChangedSomething) {
  const v1::Run applied = MakeRun(v1::RUN_KIND_APPLY, v1::RUN_STATUS_APPLIED, true);
  const v1::Run failed = MakeRun(v1::RUN_KIND_APPLY, v1::RUN_STATUS_ERRORED, true);
  EXPECT_EQ(SettledState({failed, applied}), v1::Stack::STATE_FAILED);
  EXPECT_EQ(SettledState({applied, failed}), v1::Stack::STATE_READY);
  EXPECT_EQ(SettledState({MakeRun(v1::RUN_KIND_APPLY, v1::RUN_STATUS_CANCELED, false), applied}),
            v1::Stack::STATE_READY);
  EXPECT_EQ(SettledState({MakeRun(v1::RUN_KIND_APPLY, v1::RUN_STATUS_CANCELED, true, 0), applied}),
            v1::Stack::STATE_READY);
  EXPECT_EQ(SettledState({MakeRun(v1::RUN_KIND_APPLY, v1::RUN_STATUS_DISCARDED, true), applied}),
            v1::Stack::STATE_READY);
  EXPECT_EQ(SettledState({MakeRun(v1::RUN_KIND_REFRESH_ONLY, v1::RUN_STATUS_ERRORED, true), applied}),
            v1::Stack::STATE_READY);
  EXPECT_EQ(SettledState({MakeRun(v1::RUN_KIND_APPLY, v1::RUN_STATUS_PENDING, false)}), std::nullopt);
  v1::Run undecided = failed;
  undecided.add_recovery_notes("two droplets may be it: choose one");
  EXPECT_EQ(SettledState({undecided, applied}), v1::Stack::STATE_NEEDS_ATTENTION);
}

std::vector<std::string> Fields(const Violations& violations) {
  google::rpc::BadRequest details;
  std::vector<std::string> fields;
  if (core::GetDetail(violations.ToStatus(), &details)) {
    for (const auto& violation : details.field_violations()) fields.push_back(violation.field());
  }
  return fields;
}

TEST(Limits, LabelsHaveTheirRules) {
  google::protobuf::Map<std::string, std::string> labels;
  labels["team.example/app_1-x"] = std::string(255, 'v');
  Violations good;
  CheckLabels(labels, "stack.labels", &good);
  EXPECT_TRUE(good.empty());
  labels["Upper"] = "x";
  labels["long"] = std::string(256, 'v');
  Violations bad;
  CheckLabels(labels, "stack.labels", &bad);
  EXPECT_THAT(Fields(bad), ElementsAre("stack.labels.Upper", "stack.labels.long"));
  for (int i = 0; i < 65; ++i) labels["k" + std::to_string(i)] = "";
  Violations many;
  CheckLabels(labels, "stack.labels", &many);
  EXPECT_THAT(Fields(many), ElementsAre("stack.labels"));
}

TEST(Limits, AnExpirationLiesInTheFuture) {
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  v1::Stack stack;
  Violations violations;
  EXPECT_EQ(CheckExpiration(stack, now, &violations), absl::InfiniteFuture());
  stack.mutable_ttl()->set_seconds(60);
  EXPECT_EQ(CheckExpiration(stack, now, &violations), now + absl::Seconds(60));
  *stack.mutable_expire_time() = ToProto(now + absl::Seconds(1));
  EXPECT_EQ(CheckExpiration(stack, now, &violations), now + absl::Seconds(1));
  EXPECT_TRUE(violations.empty());
  *stack.mutable_expire_time() = ToProto(now);
  CheckExpiration(stack, now, &violations);
  stack.mutable_ttl()->set_seconds(59);
  CheckExpiration(stack, now, &violations);
  EXPECT_THAT(Fields(violations), ElementsAre("stack.expire_time", "stack.ttl"));
}

TEST(Limits, DurationsMustBeValidToo) {
  google::protobuf::Duration duration;
  duration.set_seconds(400);
  duration.set_nanos(-1);
  Violations violations;
  CheckDuration(duration, kDriftIntervalMin, kDriftIntervalMax, "d", &violations);
  EXPECT_THAT(Fields(violations), ElementsAre("d"));
}

TEST(Limits, PagesAndRequestIds) {
  Violations violations;
  EXPECT_EQ(CheckPageSize(0, &violations), 50);
  EXPECT_EQ(CheckPageSize(5000, &violations), 1000);
  EXPECT_TRUE(violations.empty());
  CheckPageSize(-1, &violations);
  EXPECT_FALSE(violations.empty());
  EXPECT_TRUE(IsRequestId(""));
  EXPECT_TRUE(IsRequestId("a.B_c-1"));
  EXPECT_FALSE(IsRequestId("a b"));
  EXPECT_FALSE(IsRequestId(std::string(129, 'a')));
}

TEST(StackMask, TakesWholesAndMembers) {
  google::protobuf::FieldMask mask;
  for (const char* path : {"variables.name", "labels.team.example/app", "protected", "ttl"}) mask.add_paths(path);
  Violations violations;
  const StackMask parsed = ParseStackMask(mask, &violations);
  EXPECT_TRUE(violations.empty());
  EXPECT_THAT(parsed.variables, ElementsAre("name"));
  EXPECT_THAT(parsed.labels, ElementsAre("team.example/app"));
  EXPECT_TRUE(parsed.is_protected && parsed.expiration && parsed.names_variables());
  EXPECT_FALSE(parsed.all_variables || parsed.approval_policy || parsed.drift_interval);
}

TEST(StackMask, RefusesWhatCannotBeUpdated) {
  google::protobuf::FieldMask mask;
  Violations empty;
  ParseStackMask(mask, &empty);
  EXPECT_FALSE(empty.empty());
  mask.add_paths("module");
  mask.add_paths("variables.");
  mask.add_paths("label");
  Violations violations;
  ParseStackMask(mask, &violations);
  EXPECT_EQ(violations.count(), 3);
  EXPECT_THAT(std::string(violations.ToStatus().message()), HasSubstr("did you mean labels?"));
}

}  // namespace
}  // namespace stratus::provisioning::domain
