#include "services/provisioning/service/runtime/recovery_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stratus::provisioning::service {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
using v1::ResourceChange;
using Progress = v1::RunEvent::ResourceProgress;

constexpr char kType[] = "digitalocean_ssh_key";

store::LedgerRow Row(const std::string& address, Action action, Progress::Phase phase, const std::string& id = "") {
  store::LedgerRow row;
  row.address = LedgerKey(address, action);
  row.resource_type = kType;
  row.action = action;
  row.phase = phase;
  row.id_key = "id";
  row.id = id;
  return row;
}

store::LedgerRow Created(const std::string& address, const std::string& id) {
  return Row(address, ResourceChange::ACTION_CREATE, Progress::PHASE_COMPLETED, id);
}
store::LedgerRow Begun(const std::string& address) {
  return Row(address, ResourceChange::ACTION_CREATE, Progress::PHASE_STARTED);
}
store::LedgerRow Deleted(const std::string& address, const std::string& id) {
  return Row(address, ResourceChange::ACTION_DELETE, Progress::PHASE_COMPLETED, id);
}

LostResource Wanted(const std::string& address) { return {address, kType, "", absl::UnixEpoch(), "", ""}; }

PlannedResource Planned(const std::string& address, Action action) { return {address, kType, action, false, "{}"}; }

Intentions Meant(std::map<std::string, Action> planned) { return {true, std::move(planned)}; }

MATCHER_P2(Imports, address, id, "") { return arg.address == address && arg.id == id; }

TEST(FindLost, GivesWhatWasMadeAndIsNotInTheState) {
  const Evidence evidence{.ledger = {Created("k.a", "1"), Created("k.b", "2")}, .state = {{"k.a", "1"}}, .before = {}};
  const auto lost = FindLost(evidence);
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost[0].address, "k.b");
  EXPECT_EQ(lost[0].id, "2");
  EXPECT_EQ(lost[0].replaces, "");
}

TEST(FindLost, GivesWhatWasBegunWithoutAnId) {
  const auto lost = FindLost({.ledger = {Begun("k.a")}, .state = {}, .before = {}});
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost[0].id, "");
}

TEST(FindLost, TakesWhatFailedForPossiblyMadeUnlessTheEngineEndedInOrder) {
  Evidence evidence{
      .ledger = {Row("k.a", ResourceChange::ACTION_CREATE, Progress::PHASE_FAILED)}, .state = {}, .before = {}};
  EXPECT_THAT(FindLost(evidence), SizeIs(1));
  evidence.orderly = true;
  EXPECT_THAT(FindLost(evidence), IsEmpty());
}

TEST(FindLost, LeavesUpdatesAndDeletionsToTheRefresh) {
  const Evidence evidence{.ledger = {Row("k.a", ResourceChange::ACTION_UPDATE, Progress::PHASE_STARTED),
                                     Row("k.b", ResourceChange::ACTION_DELETE, Progress::PHASE_STARTED)},
                          .state = {{"k.a", "1"}, {"k.b", "2"}},
                          .before = {{"k.a", "1"}, {"k.b", "2"}}};
  EXPECT_THAT(FindLost(evidence), IsEmpty());
}

TEST(FindLost, DoesNotLookForWhatIsNothingOutsideTheState) {
  store::LedgerRow row = Begun("terraform_data.x");
  row.resource_type = "terraform_data";
  EXPECT_THAT(FindLost({.ledger = {row}, .state = {}, .before = {}}), IsEmpty());
}

TEST(FindLost, SeesAReplacementWhoseNewIdWasNotSaved) {
  const Evidence evidence{
      .ledger = {Deleted("k.a", "old"), Created("k.a", "new")}, .state = {{"k.a", "old"}}, .before = {{"k.a", "old"}}};
  const auto lost = FindLost(evidence);
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_EQ(lost[0].id, "new");
  EXPECT_EQ(lost[0].replaces, "old");
  EXPECT_EQ(lost[0].question, "");
}

TEST(FindLost, AsksAPersonWhereTheReplacedOneMayStillBeThere) {
  const Evidence evidence{.ledger = {Created("k.a", "new")}, .state = {{"k.a", "old"}}, .before = {{"k.a", "old"}}};
  const auto lost = FindLost(evidence);
  ASSERT_THAT(lost, SizeIs(1));
  EXPECT_THAT(lost[0].question, HasSubstr("old"));
}

TEST(FindLost, KnowsASavedReplacementFromTheFormerOne) {
  // Begun again by name, but the state has another id than before the run: it was saved.
  const Evidence evidence{
      .ledger = {Deleted("k.a", "old"), Begun("k.a")}, .state = {{"k.a", "new"}}, .before = {{"k.a", "old"}}};
  EXPECT_THAT(FindLost(evidence), IsEmpty());
}

TEST(FindLost, ForgetsWhatTheRunMadeAndDestroyedAgain) {
  const Evidence evidence{.ledger = {Created("k.a", "1"), Deleted("k.a", "1")}, .state = {}, .before = {}};
  EXPECT_THAT(FindLost(evidence), IsEmpty());
}

TEST(Assign, ImportsTheOnlyCandidate) {
  const auto assignment = Assign({Wanted("k.a")}, {{"k.a", {"1"}}}, {});
  EXPECT_THAT(assignment.imports, ElementsAre(Imports("k.a", "1")));
  EXPECT_THAT(assignment.undecided, IsEmpty());
}

TEST(Assign, TakesWhatWasNotFoundForNotMade) {
  const auto assignment = Assign({Wanted("k.a")}, {{"k.a", {}}}, {});
  EXPECT_THAT(assignment.absent, ElementsAre("k.a"));
  EXPECT_THAT(assignment.imports, IsEmpty());
}

TEST(Assign, NeverGivesAnIdThatAnotherAddressHas) {
  const auto assignment = Assign({Wanted("k.a")}, {{"k.a", {"1"}}}, {"digitalocean_ssh_key/1"});
  EXPECT_THAT(assignment.absent, ElementsAre("k.a"));
}

TEST(Assign, LeavesSeveralCandidatesToAPerson) {
  const auto assignment = Assign({Wanted("k.a")}, {{"k.a", {"1", "2"}}}, {});
  EXPECT_THAT(assignment.undecided, ElementsAre("k.a"));
  EXPECT_THAT(assignment.notes, ElementsAre(AllOf(HasSubstr("k.a"), HasSubstr("1, 2"))));
}

TEST(Assign, GivesEachOfSeveralAlikeOneOfTheirs) {
  const std::vector<std::string> both = {"1", "2"};
  const auto assignment = Assign({Wanted("k.a"), Wanted("k.b")}, {{"k.a", both}, {"k.b", both}}, {});
  EXPECT_THAT(assignment.imports, UnorderedElementsAre(Imports("k.a", "1"), Imports("k.b", "2")));
}

TEST(Assign, TakesTheRestOfSeveralAlikeForNotMade) {
  const auto assignment = Assign({Wanted("k.a"), Wanted("k.b")}, {{"k.a", {"1"}}, {"k.b", {"1"}}}, {});
  EXPECT_THAT(assignment.imports, ElementsAre(Imports("k.a", "1")));
  EXPECT_THAT(assignment.absent, ElementsAre("k.b"));
}

TEST(Assign, ASingleCandidateNarrowsTheOthers) {
  const auto assignment = Assign({Wanted("k.a"), Wanted("k.b")}, {{"k.a", {"1", "2"}}, {"k.b", {"2"}}}, {});
  EXPECT_THAT(assignment.imports, UnorderedElementsAre(Imports("k.a", "1"), Imports("k.b", "2")));
}

TEST(Assign, LeavesOverlapsToAPerson) {
  const auto assignment = Assign({Wanted("k.a"), Wanted("k.b")}, {{"k.a", {"1", "2"}}, {"k.b", {"2", "3"}}}, {});
  EXPECT_THAT(assignment.imports, IsEmpty());
  EXPECT_THAT(assignment.undecided, UnorderedElementsAre("k.a", "k.b"));
}

TEST(ReadPlan, GivesManagedResourcesWithTheirActions) {
  const auto plan = ReadPlan(R"({"resource_changes": [
    {"address": "k.a", "mode": "managed", "type": "k", "change": {"actions": ["create"], "after": {"name": "n"}}},
    {"address": "k.b", "mode": "managed", "type": "k", "change": {"actions": ["delete", "create"], "after": {}}},
    {"address": "k.c", "mode": "managed", "type": "k",
     "change": {"actions": ["no-op"], "after": {}, "importing": {"id": "7"}}},
    {"address": "data.d", "mode": "data", "type": "d", "change": {"actions": ["read"]}}]})");
  ASSERT_TRUE(plan.ok()) << plan.status();
  ASSERT_THAT(*plan, SizeIs(3));
  EXPECT_EQ((*plan)[0].action, ResourceChange::ACTION_CREATE);
  EXPECT_EQ((*plan)[0].after_json, R"({"name":"n"})");
  EXPECT_EQ((*plan)[1].action, ResourceChange::ACTION_REPLACE);
  EXPECT_EQ((*plan)[2].action, ResourceChange::ACTION_NO_OP);
  EXPECT_TRUE((*plan)[2].importing);
}

TEST(ReadPlan, RefusesWhatIsNoPlan) {
  EXPECT_FALSE(ReadPlan("panic: runtime error").ok());
  EXPECT_FALSE(ReadPlan(R"({"resource_changes": [7]})").ok());
}

TEST(IntentionsOf, EndsWhereTheRunWasInterrupted) {
  std::vector<v1::RunEvent> events(4);
  events[0].mutable_planned_change()->set_address("k.a");
  events[0].mutable_planned_change()->set_action(ResourceChange::ACTION_CREATE);
  events[1].mutable_summary()->set_add(1);
  events[2].mutable_status_changed()->set_to(v1::RUN_STATUS_INTERRUPTED);
  events[3].mutable_planned_change()->set_address("k.b");
  const Intentions intentions = IntentionsOf(events);
  EXPECT_TRUE(intentions.known);
  EXPECT_THAT(intentions.planned, ElementsAre(testing::Pair("k.a", ResourceChange::ACTION_CREATE)));
}

TEST(Objections, HasNoneToWhatTheRunHadPlanned) {
  EXPECT_THAT(Objections({Planned("k.a", ResourceChange::ACTION_CREATE), Planned("k.b", ResourceChange::ACTION_NO_OP)},
                         Meant({{"k.a", ResourceChange::ACTION_CREATE}}), {}, {}),
              IsEmpty());
}

TEST(Objections, ToWhatTheRunHadNotPlanned) {
  const auto planned = Meant({{"k.a", ResourceChange::ACTION_UPDATE}});
  EXPECT_THAT(Objections({Planned("k.b", ResourceChange::ACTION_CREATE)}, planned, {}, {}), SizeIs(1));
  EXPECT_THAT(Objections({Planned("k.a", ResourceChange::ACTION_REPLACE)}, planned, {}, {}), SizeIs(1));
  EXPECT_THAT(Objections({Planned("k.a", ResourceChange::ACTION_DELETE)}, planned, {}, {}), SizeIs(1));
}

TEST(Objections, ComparesAddressesAsTheEventsTellThem) {
  PlannedResource made = Planned(R"(k["tr0ub4dor"])", ResourceChange::ACTION_CREATE);
  made.told = "k[\"(redacted)\"]";
  const Intentions meant = Meant({{made.told, ResourceChange::ACTION_CREATE}});
  EXPECT_THAT(Objections({made}, meant, {}, {}), IsEmpty());
  EXPECT_THAT(Objections({made}, meant, {}, {made.address}), SizeIs(1)) << "what is undecided is known by itself";
}

TEST(IntentionsOf, WhatLooksAlikeOnceItIsRedactedIsPlannedForWhenTheSameIsDoneToAll) {
  std::vector<v1::RunEvent> events(2);
  for (v1::RunEvent& event : events) {
    event.mutable_planned_change()->set_address("k[\"(redacted)\"]");
    event.mutable_planned_change()->set_action(ResourceChange::ACTION_CREATE);
  }
  EXPECT_EQ(IntentionsOf(events).planned.begin()->second, ResourceChange::ACTION_CREATE);
  events[1].mutable_planned_change()->set_action(ResourceChange::ACTION_DELETE);
  EXPECT_EQ(IntentionsOf(events).planned.begin()->second, ResourceChange::ACTION_UNSPECIFIED);
}

TEST(Objections, ToMakingWhatMayBeThere) {
  EXPECT_THAT(Objections({Planned("k.a", ResourceChange::ACTION_CREATE)},
                         Meant({{"k.a", ResourceChange::ACTION_CREATE}}), {}, {"k.a"}),
              ElementsAre(HasSubstr("may be there already")));
}

TEST(Objections, ToReplacingWhatWasJustImported) {
  const auto planned = Meant({{"k.a", ResourceChange::ACTION_CREATE}});
  EXPECT_THAT(Objections({Planned("k.a", ResourceChange::ACTION_REPLACE)}, planned, {"k.a"}, {}), SizeIs(1));
  EXPECT_THAT(Objections({Planned("k.a", ResourceChange::ACTION_UPDATE)}, planned, {"k.a"}, {}), IsEmpty());
}

TEST(Objections, HasNoneWhereNothingHadBeenPlanned) {
  EXPECT_THAT(Objections({Planned("k.a", ResourceChange::ACTION_DELETE)}, Intentions{}, {}, {}), IsEmpty());
}

TEST(HarmlessImports, LeavesOutWhatWouldBeReplaced) {
  const std::vector<engine::Import> imports = {{"k.a", "1"}, {"k.b", "2"}};
  EXPECT_THAT(
      HarmlessImports({Planned("k.a", ResourceChange::ACTION_UPDATE), Planned("k.b", ResourceChange::ACTION_REPLACE)},
                      imports),
      ElementsAre(Imports("k.a", "1")));
}

}  // namespace
}  // namespace stratus::provisioning::service
