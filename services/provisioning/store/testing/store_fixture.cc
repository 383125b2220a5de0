#include "services/provisioning/store/testing/store_fixture.h"

#include <filesystem>

#include "absl/strings/str_format.h"
#include "lib/core/status.h"

namespace stratus::provisioning::store::testing {
namespace {

// gtest ends it while the process still runs as it should, not after main.
class ServerEnvironment final : public ::testing::Environment {
 public:
  void TearDown() override { server.reset(); }
  std::unique_ptr<PostgresServer> server;
};

ServerEnvironment* const environment =
    static_cast<ServerEnvironment*>(::testing::AddGlobalTestEnvironment(new ServerEnvironment));  // gtest owns it

constexpr int64_t kCreated = 1'700'000'000;

}  // namespace

PostgresServer& SharedPostgres() {
  if (environment->server == nullptr) environment->server = std::make_unique<PostgresServer>();
  return *environment->server;
}

StoreTest::StoreTest() : folder_(::testing::TempDir() + "store-XXXXXX") {
  if (mkdtemp(folder_.data()) == nullptr) std::abort();
}

StoreTest::~StoreTest() {
  store_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void StoreTest::SetUp() {
  if (postgres() && !PostgresServer::Installed()) GTEST_SKIP() << "no PostgreSQL is installed";
  url_ = postgres() ? SharedPostgres().NewDatabase() : "sqlite:" + folder_ + "/stratus.db";
  store_ = OpenReplica("replica-1");
}

std::unique_ptr<Store> StoreTest::OpenReplica(const std::string& replica, absl::Duration busy_timeout) {
  auto store = Store::Open({.database_url = url_, .replica = replica, .connections = 8, .busy_timeout = busy_timeout});
  if (!store.ok()) {
    ADD_FAILURE() << store.status();
    std::abort();
  }
  return *std::move(store);
}

StackRow StoreTest::MakeStack(std::string_view tenant, std::string_view id) {
  StackRow stack;
  stack.uid = absl::StrFormat("s%019d", ++made_);
  stack.tenant = tenant;
  stack.id = id;
  stack.record.set_module("modules/droplet");
  stack.record.set_state(v1::Stack::STATE_NEW);
  stack.record.mutable_create_time()->set_seconds(kCreated + made_);
  stack.record.mutable_update_time()->set_seconds(kCreated + made_);
  stack.sealed_variables = std::string("sealed\0\xff", 8);
  return stack;
}

RunRow StoreTest::MakeRun(const StackRow& stack, v1::RunStatus status) {
  RunRow run;
  run.uid = absl::StrFormat("r%019d", ++made_);
  run.stack_uid = stack.uid;
  run.stack_id = stack.id;
  run.tenant = stack.tenant;
  run.record.set_kind(v1::RUN_KIND_APPLY);
  run.record.set_status(status);
  run.record.mutable_create_time()->set_seconds(kCreated + made_);
  run.sealed_variables = "sealed";
  return run;
}

v1::RunEvent StoreTest::MakeEvent(std::string_view message) {
  v1::RunEvent event;
  event.mutable_log()->set_message(std::string(message));
  return event;
}

StackRow StoreTest::AddStack(std::string_view tenant, std::string_view id, std::function<void(StackRow*)> change) {
  StackRow stack = MakeStack(tenant, id);
  if (change) change(&stack);
  const absl::Status status = store_->Transact([&](Transaction& t) { return t.InsertStack(stack); });
  EXPECT_TRUE(status.ok()) << status;
  return stack;
}

RunRow StoreTest::AddRun(const StackRow& stack, v1::RunStatus status) {
  const RunRow run = MakeRun(stack, status);
  const absl::Status inserted = store_->Transact([&](Transaction& t) { return t.InsertRun(run); });
  EXPECT_TRUE(inserted.ok()) << inserted;
  return run;
}

void StoreTest::EndRun(std::string_view run_uid, v1::RunStatus status) {
  const absl::Status ended = store_->Transact([&](Transaction& t) {
    auto run = t.GetRun(run_uid);
    if (!run.ok()) return run.status();
    auto stack = t.GetStackByUid(run->stack_uid);
    if (!stack.ok()) return stack.status();
    run->record.set_status(status);
    run->record.mutable_end_time()->set_seconds(kCreated + 1000);
    absl::Status put = t.PutRun(&*run);
    if (!put.ok()) return put;
    if (stack->lease_run == run_uid) stack->lease_run.clear();
    return t.PutStack(&*stack);
  });
  EXPECT_TRUE(ended.ok()) << ended;
}

absl::Status StoreTest::ChangeStack(std::string_view uid, std::function<void(StackRow*)> change) {
  return store_->Transact([&](Transaction& t) {
    auto stack = t.GetStackByUid(uid);
    if (!stack.ok()) return stack.status();
    change(&*stack);
    return t.PutStack(&*stack);
  });
}

absl::Status StoreTest::ChangeRun(std::string_view uid, std::function<void(RunRow*)> change) {
  return store_->Transact([&](Transaction& t) {
    auto run = t.GetRun(uid);
    if (!run.ok()) return run.status();
    change(&*run);
    return t.PutRun(&*run);
  });
}

std::string BackendName(const ::testing::TestParamInfo<std::string_view>& info) { return std::string(info.param); }

}  // namespace stratus::provisioning::store::testing
