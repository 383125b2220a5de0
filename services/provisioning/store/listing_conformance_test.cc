// Lists on each database: pages, order, filters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "google/rpc/error_details.pb.h"
#include "lib/core/status.h"
#include "services/provisioning/store/store.h"
#include "services/provisioning/store/testing/store_fixture.h"

namespace stratus::provisioning::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ListingTest : public testing::StoreTest {
 protected:
  StackQuery Query(std::string filter = "", std::string order_by = "") {
    return {.tenant = "acme", .filter = std::move(filter), .order_by = std::move(order_by), .page = {}};
  }

  // The ids of every page, joined; "INVALID_ARGUMENT: ..." when it is refused.
  std::string Ids(StackQuery query) {
    std::vector<std::string> ids;
    do {
      auto listed = store_->ListStacks(query);
      if (!listed.ok()) return listed.status().ToString();
      EXPECT_LE(listed->rows.size(), static_cast<size_t>(query.page.size));
      for (const StackRow& stack : listed->rows) ids.push_back(stack.id);
      query.page.token = listed->next_page_token;
    } while (!query.page.token.empty());
    return absl::StrJoin(ids, " ");
  }
  std::string Filtered(std::string filter) { return Ids(Query(std::move(filter))); }

  void AddThree() {
    AddStack("acme", "a", [](StackRow* row) {
      row->record.set_state(v1::Stack::STATE_READY);
      (*row->record.mutable_labels())["env"] = "prod";
      (*row->record.mutable_labels())["app.kubernetes.io/name"] = "shop";
      row->record.mutable_create_time()->set_seconds(1'767'323'045);  // 2026-01-02T03:04:05Z
    });
    AddStack("acme", "b", [](StackRow* row) {
      row->record.set_module("modules/network");
      row->record.set_protected_(true);
      (*row->record.mutable_labels())["env"] = "it's \"test\"";
    });
    AddStack("acme", "c", [](StackRow* row) { row->record.set_state(v1::Stack::STATE_FAILED); });
    AddStack("globex", "d", [](StackRow* row) { (*row->record.mutable_labels())["env"] = "prod"; });
  }
};

TEST_P(ListingTest, PagesHoldEachStackOfTheTenantOnceInOrder) {
  std::vector<std::string> ids;
  for (int i = 0; i < 25; ++i) ids.push_back(AddStack("acme", absl::StrCat("s", (i * 7) % 25)).id);
  AddStack("globex", "other");
  std::sort(ids.begin(), ids.end());
  for (const int size : {1, 4, 5, 24, 25, 26, 1000}) {
    StackQuery query = Query();
    query.page.size = size;
    EXPECT_EQ(Ids(query), absl::StrJoin(ids, " ")) << size;
  }
  StackQuery query = Query();
  query.page.size = 25;
  EXPECT_EQ(store_->ListStacks(query)->next_page_token, "") << "a full last page is the last";
}

TEST_P(ListingTest, OrdersByNameAndByTimes) {
  // Created in the order c, a, b; b and c updated at the same time.
  for (const char* id : {"c", "a", "b"}) AddStack("acme", id);
  for (const char* id : {"c", "b"}) {
    ASSERT_TRUE(ChangeStack(store_->GetStack("acme", id)->uid, [](StackRow* row) {
                  row->record.mutable_update_time()->set_seconds(1'900'000'000);
                }).ok());
  }
  const std::map<std::string, std::string> expected = {{"", "a b c"},
                                                       {"name", "a b c"},
                                                       {"name desc", "c b a"},
                                                       {" create_time  asc", "c a b"},
                                                       {"create_time", "c a b"},
                                                       {"create_time desc", "b a c"},
                                                       {"update_time", "a c b"},
                                                       {"update_time desc", "b c a"}};
  for (const auto& [order_by, ids] : expected) {
    for (const int size : {1, 2, 50}) {
      StackQuery query = Query("", order_by);
      query.page.size = size;
      EXPECT_EQ(Ids(query), ids) << order_by << " " << size;
    }
  }
  for (const char* bad : {"uid", "name up", "name desc create_time", "name,create_time"}) {
    EXPECT_THAT(Ids(Query("", bad)), HasSubstr("order_by")) << bad;
  }
}

TEST_P(ListingTest, NamesAreOrderedByteByByte) {
  for (const char* id : {"b-1", "a", "b0", "a-b", "ab"}) AddStack("acme", id);
  EXPECT_EQ(Filtered(""), "a a-b ab b-1 b0");
}

TEST_P(ListingTest, APageGoesOnWhereItWasThoughStacksComeAndGo) {
  for (const char* id : {"a", "c", "e", "g"}) AddStack("acme", id);
  StackQuery query = Query();
  query.page.size = 2;
  auto first = store_->ListStacks(query);
  ASSERT_THAT(first->rows, SizeIs(2));
  AddStack("acme", "b");
  AddStack("acme", "d");
  ASSERT_TRUE(store_->Transact([&](Transaction& t) { return t.DeleteStack(first->rows[1].uid); }).ok());
  query.page.token = first->next_page_token;
  EXPECT_EQ(Ids(query), "d e g");
}

TEST_P(ListingTest, APageTokenOfAnotherQueryOrAnotherMakeIsRefused) {
  for (const char* id : {"a", "b", "c"}) AddStack("acme", id);
  AddRun(AddStack("acme", "d"));
  AddRun(*store_->GetStack("acme", "d"));
  StackQuery query = Query("protected = false");
  query.page.size = 1;
  const std::string token = store_->ListStacks(query)->next_page_token;
  ASSERT_NE(token, "");
  const auto refused = [&](StackQuery other, std::string with) {
    other.page.token = std::move(with);
    const absl::Status status = store_->ListStacks(other).status();
    return absl::IsInvalidArgument(status) && status.message().find("page_token") != absl::string_view::npos;
  };
  EXPECT_TRUE(refused(Query(), token));
  EXPECT_TRUE(refused(Query("protected = false", "name"), token));
  EXPECT_TRUE(refused({.tenant = "globex", .filter = "protected = false", .order_by = "", .page = {}}, token));
  for (size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_TRUE(refused(query, changed)) << i;
    EXPECT_TRUE(i == 0 || refused(query, token.substr(0, i))) << i;
  }
  EXPECT_TRUE(refused(query, "no token"));
  EXPECT_TRUE(refused(query, std::string(5000, 'A')));
  RunQuery runs{.tenant = "acme", .stack_uid = "", .filter = "", .page = {.size = 1, .token = token}};
  EXPECT_TRUE(absl::IsInvalidArgument(store_->ListRuns(runs).status()));
  query.page.size = 3;  // the size may change between pages
  query.page.token = token;
  EXPECT_EQ(Ids(query), "b c d");
}

TEST_P(ListingTest, APageSizeOutOfRangeIsRefused) {
  for (const int size : {-1, 0, 1001}) {
    StackQuery query = Query();
    query.page.size = size;
    EXPECT_THAT(Ids(query), HasSubstr("page_size")) << size;
  }
}

TEST_P(ListingTest, FiltersStacks) {
  AddThree();
  const std::map<std::string, std::string> expected = {
      {"", "a b c"},
      {"   ", "a b c"},
      {"module = \"modules/network\"", "b"},
      {"module = network", "b"},
      {"module != modules/network", "a c"},
      {"state = READY", "a"},
      {"state = STATE_READY", "a"},
      {"state != READY", "b c"},
      {"NOT state = READY", "b c"},
      {"-state = READY", "b c"},
      {"protected = true", "b"},
      {"protected != true", "a c"},
      {"labels.env = \"prod\"", "a"},
      {"labels.env:prod", "a"},
      {"labels.env != prod", "b c"},
      {"labels.env:*", "a b"},
      {"labels:env", "a b"},
      {"NOT labels:env", "c"},
      {"labels.env:\"*\"", ""},
      {"labels.\"app.kubernetes.io/name\" = shop", "a"},
      {"labels.env = 'it\\'s \"test\"'", "b"},
      {"create_time >= \"2026-01-02T03:04:05Z\"", "a"},
      {"create_time > 2026-01-02T03:04:05Z", ""},
      {"create_time = \"2026-01-02T04:04:05+01:00\"", "a"},
      {"update_time < \"2030-01-01T00:00:00Z\"", "a b c"},
      {"state = READY OR state = FAILED", "a c"},
      {"state = READY AND protected = true", ""},
      {"state = READY protected = false", "a"},
      // OR binds tighter: (state = READY) AND (protected = true OR module = droplet)
      {"state = READY AND protected = true OR module = droplet", "a"},
      {"(state = READY AND protected = true) OR module = droplet", "a c"},
      {"NOT (state = READY OR protected = true)", "c"},
      {"labels.env = \"' OR 1=1 --\"", ""},
  };
  for (const auto& [filter, ids] : expected) EXPECT_EQ(Filtered(filter), ids) << filter;
}

TEST_P(ListingTest, ARefusedFilterSaysWhatIsWrongAndWhere) {
  const std::map<std::string, std::string> expected = {
      {"colour = red", "column 1: unknown field; there are module, state, labels.KEY"},
      {"state = READY AND state = SLEEPING", "column 27: one of NEW, BUSY, READY"},
      {"state = UNSPECIFIED", "column 9: one of NEW"},
      {"state < READY", "column 1: `state` has no order"},
      {"protected = yes", "column 13: true or false"},
      {"create_time > yesterday", "column 15: a time is expected"},
      {"labels = x", "column 1: `labels.KEY` is expected"},
      {"labels.env < x", "column 1: labels have no order"},
      {"state.x = READY", "column 1: `state` has no fields"},
      {"module:droplet", "column 1: `:` is for labels"},
  };
  for (const auto& [filter, message] : expected) {
    const absl::Status status = store_->ListStacks(Query(filter)).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << filter;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message)) << filter;
    google::rpc::BadRequest details;
    ASSERT_TRUE(core::GetDetail(status, &details));
    EXPECT_EQ(details.field_violations(0).field(), "filter");
  }
}

// Past a thousand stacks with a label, the list is walked instead of being looked up: both ways give the same.
TEST_P(ListingTest, CommonAndRareLabelsGiveTheSamePages) {
  constexpr int kAll = 1200;
  std::vector<StackRow> stacks;
  for (int i = 0; i < kAll; ++i) {
    StackRow stack = MakeStack("acme", absl::StrCat("s", 10'000 + i));
    (*stack.record.mutable_labels())["common"] = "x";
    if (i % 100 == 0) (*stack.record.mutable_labels())["rare"] = "x";
    stacks.push_back(std::move(stack));
  }
  ASSERT_TRUE(store_
                  ->Transact([&](Transaction& t) {
                    for (const StackRow& stack : stacks) {
                      const absl::Status status = t.InsertStack(stack);
                      if (!status.ok()) return status;
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  for (const char* order_by : {"", "name desc", "create_time", "update_time desc"}) {
    std::vector<std::string> all, rare;
    for (int i = 0; i < kAll; ++i) {
      const bool backwards = std::string_view(order_by).ends_with("desc");
      const int at = backwards ? kAll - 1 - i : i;
      all.push_back(stacks[static_cast<size_t>(at)].id);
      if (at % 100 == 0) rare.push_back(all.back());
    }
    EXPECT_EQ(Ids(Query("labels.common = x", order_by)), absl::StrJoin(all, " ")) << order_by;
    StackQuery query = Query("labels.common = x AND labels.rare = x", order_by);
    query.page.size = 5;
    EXPECT_EQ(Ids(query), absl::StrJoin(rare, " ")) << order_by;
    EXPECT_EQ(Ids(Query("labels.rare:* AND protected = false", order_by)), absl::StrJoin(rare, " ")) << order_by;
    EXPECT_EQ(Ids(Query("labels.none = x", order_by)), "");
  }
}

TEST_P(ListingTest, LabelsFollowTheStack) {
  const StackRow stack = AddStack("acme", "a", [](StackRow* row) { (*row->record.mutable_labels())["env"] = "test"; });
  ASSERT_TRUE(ChangeStack(stack.uid, [](StackRow* row) {
                (*row->record.mutable_labels())["env"] = "prod";
                (*row->record.mutable_labels())["team"] = "x";
              }).ok());
  EXPECT_EQ(Filtered("labels.env = test"), "");
  EXPECT_EQ(Filtered("labels.env = prod AND labels.team = x"), "a");
  ASSERT_TRUE(ChangeStack(stack.uid, [](StackRow* row) { row->record.clear_labels(); }).ok());
  EXPECT_EQ(Filtered("labels:team"), "");
}

TEST_P(ListingTest, RunsComeNewestFirstAndFiltered) {
  const StackRow web = AddStack("acme", "web"), db = AddStack("acme", "db");
  std::vector<std::string> of_web;
  for (int i = 0; i < 5; ++i) {
    of_web.insert(of_web.begin(), AddRun(web).uid);
    AddRun(db, v1::RUN_STATUS_ERRORED);
  }
  AddRun(AddStack("globex", "web"));
  const auto list = [&](std::string stack_uid, std::string filter, int size) {
    std::vector<std::string> uids;
    RunQuery query{.tenant = "acme", .stack_uid = std::move(stack_uid), .filter = std::move(filter), .page = {}};
    query.page.size = size;
    do {
      auto listed = store_->ListRuns(query);
      EXPECT_TRUE(listed.ok()) << listed.status();
      if (!listed.ok()) break;
      for (const RunRow& run : listed->rows) uids.push_back(run.uid);
      query.page.token = listed->next_page_token;
    } while (!query.page.token.empty());
    return uids;
  };
  for (const int size : {1, 2, 5, 50}) {
    EXPECT_EQ(list(web.uid, "", size), of_web) << size;
    EXPECT_THAT(list("", "", size), SizeIs(10)) << size;
    EXPECT_EQ(list("", "status = PENDING AND kind = APPLY", size), of_web) << size;
    EXPECT_THAT(list(web.uid, "status = ERRORED", size), IsEmpty()) << size;
  }
  EXPECT_THAT(list("", "create_time > \"2030-01-01T00:00:00Z\"", 50), IsEmpty());
  RunQuery bad{.tenant = "acme", .stack_uid = "", .filter = "state = READY", .page = {}};
  EXPECT_TRUE(absl::IsInvalidArgument(store_->ListRuns(bad).status()));
}

TEST_P(ListingTest, StateVersionsComeNewestFirstWithoutTheirStates) {
  const StackRow stack = AddStack("acme", "web");
  for (int64_t serial = 1; serial <= 5; ++serial) {
    StateVersionRow version{.serial = serial, .record = {}, .sealed = "state"};
    version.record.set_serial(serial);
    ASSERT_TRUE(store_->Transact([&](Transaction& t) { return t.InsertStateVersion(stack.uid, version); }).ok());
  }
  std::vector<int64_t> serials;
  Page page{.size = 2, .token = ""};
  do {
    auto listed = store_->ListStateVersions(stack.uid, page);
    ASSERT_TRUE(listed.ok()) << listed.status();
    for (const StateVersionRow& version : listed->rows) {
      serials.push_back(version.record.serial());
      EXPECT_EQ(version.sealed, "");
    }
    page.token = listed->next_page_token;
  } while (!page.token.empty());
  EXPECT_THAT(serials, ElementsAre(5, 4, 3, 2, 1));
}

INSTANTIATE_TEST_SUITE_P(Backends, ListingTest, testing::EveryBackend(), testing::BackendName);

}  // namespace
}  // namespace stratus::provisioning::store
