#include "services/provisioning/service/runtime/state_backend.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "services/provisioning/service/runtime/lease.h"

namespace stratus::provisioning::service {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

constexpr char kStackUid[] = "stackstackstackstack";
constexpr char kRunUid[] = "runrunrunrunrunrunru";
constexpr char kOtherUid[] = "otherotherotherother";

std::string State(int64_t serial, const std::string& lineage = "l-1", int resources = 0) {
  std::string list;
  for (int i = 0; i < resources; ++i) {
    absl::StrAppend(&list, i == 0 ? "" : ",", R"({"mode":"managed","type":"k","name":"n)", i,
                    R"(","instances":[{"attributes":{"id":"1"}}]})");
  }
  return absl::StrCat(R"({"version":4,"serial":)", serial, R"(,"lineage":")", lineage, R"(","resources":[)", list,
                      "]}");
}

std::string LockInfo(const std::string& id) { return absl::StrCat(R"({"ID":")", id, R"(","Who":"a@b"})"); }

// A store with one stack whose run holds the lease, and a listening backend.
class StateBackendTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "/state-backend-XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    ASSERT_TRUE(store::CreateKeyFile(folder_ + "/keys").ok());
    keys_ = store::KeysFromFile(folder_ + "/keys").value();
    sealer_ = std::make_unique<store::Sealer>(keys_.get());
    store_ = store::Store::Open({.database_url = "sqlite:" + folder_ + "/db", .replica = "a"}).value();
    keeper_ = std::make_unique<StateKeeper>(store_.get(), sealer_.get());
    AddStackAndRun();
    Start();
  }
  void TearDown() override {
    backend_.reset();
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Start(const std::string& replica = "a") {
    auto credentials = StateCredentials::Load(folder_);
    ASSERT_TRUE(credentials.ok()) << credentials.status();
    auto backend = StateBackend::Start({.data_dir = folder_, .replica = replica, .budget = budget_}, keeper_.get(),
                                       *std::move(credentials));
    ASSERT_TRUE(backend.ok()) << backend.status();
    backend_ = *std::move(backend);
  }

  void AddStackAndRun() {
    store::StackRow stack;
    stack.uid = kStackUid;
    stack.tenant = "t";
    stack.id = "s";
    stack.record.set_name("stacks/s");
    store::RunRow run;
    run.uid = kRunUid;
    run.stack_uid = kStackUid;
    run.stack_id = "s";
    run.tenant = "t";
    run.record.set_status(v1::RUN_STATUS_PENDING);
    ASSERT_TRUE(store_
                    ->Transact([&](store::Transaction& transaction) -> absl::Status {
                      if (absl::Status status = transaction.InsertStack(stack); !status.ok()) return status;
                      return transaction.InsertRun(run);
                    })
                    .ok());
    auto claimed = store_->ClaimRun({}, absl::Minutes(1));
    ASSERT_TRUE(claimed.ok() && claimed->has_value()) << claimed.status();
    run_ = **claimed;
  }

  void ChangeStack(const std::function<void(store::StackRow&)>& change) {
    ASSERT_TRUE(store_
                    ->Transact([&](store::Transaction& transaction) -> absl::Status {
                      auto stack = transaction.GetStackByUid(kStackUid);
                      if (!stack.ok()) return stack.status();
                      change(*stack);
                      return transaction.PutStack(&*stack);
                    })
                    .ok());
  }

  http_server::Response Call(const std::string& method, const std::string& body = "", const std::string& id = "",
                             const std::string& run = kRunUid) {
    const engine::StateBackend mine = backend_->For(run);
    http_server::Request request;
    request.method = method;
    request.path = "/state/" + run;
    if (!id.empty()) request.query = "ID=" + id;
    request.headers = {{"authorization", "Basic " + absl::Base64Escape(absl::StrCat(mine.user, ":", mine.password))}};
    request.body = body;
    return backend_->Answer(request);
  }
  int Status(const std::string& method, const std::string& body = "", const std::string& id = "") {
    return Call(method, body, id).status;
  }

  std::string folder_;
  std::unique_ptr<store::KeyWrapper> keys_;
  std::unique_ptr<store::Sealer> sealer_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<StateKeeper> keeper_;
  std::unique_ptr<StateBackend> backend_;
  store::RunRow run_;
  StateBudget::Limits budget_;
};

TEST_F(StateBackendTest, KeepsWhatTheRunWritesUnderItsLock) {
  EXPECT_EQ(Status("GET"), 204);
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200);
  EXPECT_EQ(Status("POST", State(1, "l-1", 2), "L"), 200);
  EXPECT_EQ(Call("GET").body, State(1, "l-1", 2));
  EXPECT_EQ(Status("UNLOCK", LockInfo("L")), 200);
  const auto stack = store_->GetStackByUid(kStackUid);
  EXPECT_EQ(stack->state_serial, 1);
  EXPECT_EQ(stack->record.resource_count(), 2);
  EXPECT_EQ(stack->lock_id, "");
  const auto version = store_->GetStateVersion(kStackUid, 1);
  ASSERT_TRUE(version.ok());
  EXPECT_EQ(version->sealed.find("lineage"), std::string::npos) << "states are sealed";
}

TEST_F(StateBackendTest, AsksForTheRunsOwnCredentials) {
  http_server::Request request{.method = "GET", .path = std::string("/state/") + kRunUid};
  EXPECT_EQ(backend_->Answer(request).status, 401);
  const engine::StateBackend others = backend_->For(kOtherUid);
  request.headers = {{"authorization", "Basic " + absl::Base64Escape(kRunUid + (":" + others.password))}};
  EXPECT_EQ(backend_->Answer(request).status, 401);
  request.path = "/state/../keys";
  EXPECT_EQ(backend_->Answer(request).status, 401);
}

TEST_F(StateBackendTest, TellsWhoHoldsTheLock) {
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200);
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200) << "the same lock again: its first answer was lost";
  const auto refused = Call("LOCK", LockInfo("M"));
  EXPECT_EQ(refused.status, 423);
  EXPECT_EQ(refused.body, LockInfo("L"));
  EXPECT_EQ(Status("POST", State(1), "M"), 423);
  EXPECT_EQ(Status("UNLOCK", LockInfo("M")), 423);
}

TEST_F(StateBackendTest, RefusesAWriteWithoutALock) {
  EXPECT_EQ(Status("POST", State(1), "L"), 409);
  EXPECT_EQ(Status("POST", State(1)), 409);
  EXPECT_EQ(Status("POST", "{", "L"), 409) << "it is not even read";
}

TEST_F(StateBackendTest, TakesLargeStatesAtOnceAndOneAfterAnother) {
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200);
  const std::string large = State(1, "l-1", 20'000);
  ASSERT_GT(large.size(), size_t{1} << 20);
  std::vector<std::thread> engines;
  std::atomic<int> stored = 0;
  for (int i = 0; i < 4; ++i) {
    engines.emplace_back([&] { stored += Status("POST", large, "L") == 200 ? 1 : 0; });
  }
  for (std::thread& engine : engines) engine.join();
  EXPECT_GE(stored, 1) << "the same again is the same, or is to be tried again";
  EXPECT_EQ(Status("POST", large, "L"), 200);
  EXPECT_EQ(store_->GetStackByUid(kStackUid)->record.resource_count(), 20'000);
}

TEST_F(StateBackendTest, ALocksDescriptionIsBounded) {
  EXPECT_EQ(Status("LOCK", LockInfo(std::string(70'000, 'x'))), 413);
  EXPECT_EQ(Status("UNLOCK", LockInfo(std::string(70'000, 'x'))), 413);
}

TEST_F(StateBackendTest, RefusesEverythingOnceTheLeaseIsGone) {
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200);
  ChangeStack([](store::StackRow& stack) { ReleaseLease(&stack); });
  EXPECT_EQ(Status("POST", State(1), "L"), 409);
  EXPECT_EQ(Status("GET"), 409);
  EXPECT_EQ(Status("POST", "{", "L"), 409) << "it is not even read";
  EXPECT_EQ(Status("LOCK", LockInfo("N")), 409);
}

TEST_F(StateBackendTest, AsksAnEngineToWaitWhileItsRunIsTakenOver) {
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200);
  ChangeStack([](store::StackRow& stack) { ++stack.epoch; });
  EXPECT_EQ(Status("POST", State(1), "L"), 503);
  ChangeStack([](store::StackRow& stack) { stack.lock_epoch = stack.epoch; });
  EXPECT_EQ(Status("POST", State(1), "L"), 200) << "its lock was carried into the new epoch";
}

TEST_F(StateBackendTest, RefusesTheWriteOfAnEngineWhoseRunWasRecovered) {
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200);
  ChangeStack([](store::StackRow& stack) {
    ++stack.epoch;
    stack.lock_id.clear();
  });
  EXPECT_EQ(Status("POST", State(1), "L"), 409);
  EXPECT_EQ(Status("LOCK", LockInfo("N")), 200) << "recovery's own engine";
}

TEST_F(StateBackendTest, TakesNewerStatesOfTheSameLineageOnly) {
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200);
  EXPECT_EQ(Status("POST", State(3), "L"), 200);
  EXPECT_EQ(Status("POST", State(3), "L"), 200) << "the very same again: its first answer was lost";
  EXPECT_EQ(Status("POST", State(3, "l-1", 1), "L"), 409);
  EXPECT_EQ(Status("POST", State(2), "L"), 409);
  EXPECT_EQ(Status("POST", State(4, "l-2"), "L"), 409);
  EXPECT_EQ(Status("POST", State(4), "L"), 200);
  EXPECT_EQ(keeper_->stats().refusals, 3u);
}

TEST_F(StateBackendTest, RefusesACorruptState) {
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200);
  EXPECT_EQ(Status("POST", "{\"version\":4", "L"), 400);
  EXPECT_EQ(Status("POST", "", "L"), 400);
  EXPECT_EQ(store_->GetStackByUid(kStackUid)->state_serial, 0);
}

TEST_F(StateBackendTest, AStoredStateThatIsDamagedIsNoReasonToTryAgain) {
  ChangeStack([](store::StackRow& stack) { stack.state_serial = 1; });
  ASSERT_TRUE(store_
                  ->Transact([](store::Transaction& transaction) {
                    return transaction.InsertStateVersion(kStackUid, {.serial = 1, .record = {}, .sealed = "damaged"});
                  })
                  .ok());
  EXPECT_EQ(Status("GET"), 422);
  EXPECT_TRUE(absl::IsDataLoss(keeper_->Newest(kStackUid).status()));
}

TEST_F(StateBackendTest, DeletesByAnEmptyStateThatFollows) {
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200);
  EXPECT_EQ(Status("POST", State(1, "l-1", 1), "L"), 200);
  EXPECT_EQ(Status("DELETE", "", "L"), 200);
  EXPECT_EQ(store_->GetStackByUid(kStackUid)->state_serial, 2);
  EXPECT_TRUE(store_->GetStateVersion(kStackUid, 1).ok()) << "versions are never removed";
}

TEST_F(StateBackendTest, HasTheSamePortAndPasswordsAfterARestart) {
  const engine::StateBackend before = backend_->For(kRunUid);
  backend_.reset();
  Start();
  EXPECT_EQ(backend_->For(kRunUid).address, before.address);
  EXPECT_EQ(backend_->For(kRunUid).password, before.password);
}

TEST_F(StateBackendTest, TakesAnotherPortWhenItsOwnIsTaken) {
  const engine::StateBackend before = backend_->For(kRunUid);
  auto first = std::move(backend_);
  Start();
  EXPECT_NE(backend_->For(kRunUid).address, before.address);
}

TEST_F(StateBackendTest, StandsInForAReplicaThatIsGone) {
  const std::string address = backend_->For(kRunUid).address;
  backend_.reset();
  Start("b");
  backend_->StandInForOthers();
  const auto port = address.substr(7, address.find("/state") - 7);
  const auto listen = core::ParseAddress(port);
  ASSERT_TRUE(listen.ok());
  EXPECT_FALSE(
      http_server::Server::Start(*listen, [](const http_server::Request&) { return http_server::Response(); }).ok())
      << "it listens there";
}

class StateDoorTest : public StateBackendTest {
 protected:
  std::unique_ptr<StateDoor> Open(const std::string& run = kRunUid) {
    std::filesystem::create_directories(Folder(run));
    auto door = backend_->OpenDoor(run, Folder(run));
    EXPECT_TRUE(door.ok()) << door.status();
    return *std::move(door);
  }
  // Longer than a Unix socket's address can be.
  std::string Folder(const std::string& run) const {
    return absl::StrCat(folder_, "/", std::string(120, 'x'), "/", run);
  }

  // The status with which the door of `door_of` answers a GET of `run`'s state with `run`'s own credentials; 0: nobody
  // answers.
  int Ask(const std::string& door_of, const std::string& run) const {
    const std::string reply = Send(door_of, run, "GET", "");
    return reply.empty() ? 0 : atoi(reply.c_str() + sizeof("HTTP/1.1"));
  }

  // What it answers; empty: nobody does.
  std::string Send(const std::string& door_of, const std::string& run, const std::string& method,
                   const std::string& body) const {
    const engine::StateBackend mine = backend_->ForDoor(run, 14001);
    EXPECT_EQ(mine.address, "http://127.0.0.1:14001/state/" + run);
    const engine::UniqueFd folder(open(Folder(door_of).c_str(), O_PATH));
    const engine::UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    absl::StrCat("/proc/self/fd/", folder.get(), "/state").copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return "";
    const std::string request = absl::StrCat(
        method, " /state/", run, "?ID=L HTTP/1.1\r\nConnection: close\r\nContent-Length: ", body.size(),
        "\r\nAuthorization: Basic ", absl::Base64Escape(absl::StrCat(mine.user, ":", mine.password)), "\r\n\r\n", body);
    EXPECT_EQ(send(client.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    std::string reply;
    char part[1024];
    for (ssize_t got; (got = recv(client.get(), part, sizeof(part), 0)) > 0;)
      reply.append(part, static_cast<size_t>(got));
    EXPECT_GT(reply.size(), 12u);
    return reply;
  }
};

TEST_F(StateDoorTest, LeadsToTheStateOfItsOwnRunAndToNoOther) {
  const auto door = Open();
  EXPECT_EQ(Ask(kRunUid, kRunUid), 204);
  EXPECT_EQ(Ask(kRunUid, kOtherUid), 404) << "whatever credentials a run has found";
}

// A run that writes version after version would fill the store of all.
TEST_F(StateDoorTest, ARunMayWriteSoOftenAndSoMuch) {
  backend_.reset();
  budget_ = {.writes = 3, .bytes = 1000};
  Start();
  auto door = Open();
  EXPECT_THAT(Send(kRunUid, kRunUid, "LOCK", LockInfo("L")), HasSubstr(" 200 "));
  for (int64_t serial = 1; serial <= 3; ++serial) {
    EXPECT_THAT(Send(kRunUid, kRunUid, "POST", State(serial)), HasSubstr(" 200 "));
  }
  const std::string refused = Send(kRunUid, kRunUid, "POST", State(4));
  EXPECT_THAT(refused, HasSubstr(" 413 "));
  EXPECT_THAT(refused, HasSubstr("may write its state 3 times, and 1000 bytes in all"));
  EXPECT_THAT(Send(kRunUid, kRunUid, "DELETE", ""), HasSubstr(" 413 ")) << "it makes a version too";
  EXPECT_EQ(Ask(kRunUid, kRunUid), 200) << "it may still be read";
  EXPECT_EQ(store_->GetStackByUid(kStackUid)->state_serial, 3);
  door = nullptr;
  door = Open();
  EXPECT_THAT(Send(kRunUid, kRunUid, "POST", State(4, "l-1", 20)), HasSubstr(" 413 ")) << "too many bytes";
  EXPECT_THAT(Send(kRunUid, kRunUid, "POST", State(4)), HasSubstr(" 200 "));
}

TEST_F(StateDoorTest, ANewOneTakesTheOldOnesPlace) {
  auto before = Open();
  const auto after = Open();
  EXPECT_EQ(Ask(kRunUid, kRunUid), 204);
  before.reset();
  EXPECT_EQ(Ask(kRunUid, kRunUid), 204) << "the old one takes away nothing but its own";
}

TEST_F(StateDoorTest, LeavesNothingBehind) {
  Open().reset();
  EXPECT_EQ(Ask(kRunUid, kRunUid), 0);
  EXPECT_TRUE(std::filesystem::is_empty(Folder(kRunUid)));
}

TEST_F(StateDoorTest, AnyUserThatTheFolderIsShownToMayConnect) {
  const auto door = Open();
  struct stat info = {};
  ASSERT_EQ(stat((Folder(kRunUid) + "/state").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666u);
}

TEST_F(StateDoorTest, WithDoorsAloneNothingListensOnTheLoopback) {
  backend_.reset();
  std::filesystem::remove_all(folder_ + "/state-ports");
  auto backend = StateBackend::Start({.data_dir = folder_, .replica = "a", .port = false}, keeper_.get(),
                                     StateCredentials::Load(folder_).value());
  ASSERT_TRUE(backend.ok()) << backend.status();
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/state-ports"));
  backend_ = *std::move(backend);
  const auto door = Open();
  EXPECT_EQ(Ask(kRunUid, kRunUid), 204);
}

TEST_F(StateBackendTest, GivesTheStateFromBeforeTheRun) {
  EXPECT_EQ(Status("LOCK", LockInfo("L")), 200);
  EXPECT_EQ(Status("POST", State(1), "L"), 200);
  const auto before = keeper_->Before(kStackUid, kRunUid);
  ASSERT_TRUE(before.ok());
  EXPECT_FALSE(before->has_value());
  const auto for_another = keeper_->Before(kStackUid, kOtherUid);
  ASSERT_TRUE(for_another.ok());
  EXPECT_THAT(*for_another, Optional(HasSubstr("l-1")));
}

TEST_F(StateBackendTest, TakesInAStateThatWasLeftUnderTheLeaseAlone) {
  EXPECT_TRUE(keeper_->WriteLeft(kRunUid, run_.epoch, State(5)).ok());
  EXPECT_EQ(keeper_->WriteLeft(kRunUid, run_.epoch - 1, State(6)).code(), absl::StatusCode::kAborted);
  EXPECT_EQ(keeper_->WriteLeft(kRunUid, run_.epoch, State(4)).code(), absl::StatusCode::kAborted);
}

TEST_F(StateBackendTest, TheLockThatAKilledEngineLeftIsReleasedWithinItsEpoch) {
  ASSERT_EQ(Status("LOCK", LockInfo("one")), 200);
  ASSERT_EQ(Status("LOCK", LockInfo("two")), 423) << "another step of the same run";
  keeper_->ReleaseLeft(kRunUid, run_.epoch + 1);
  ASSERT_EQ(Status("LOCK", LockInfo("two")), 423) << "whoever holds no lease releases nothing";
  keeper_->ReleaseLeft(kRunUid, run_.epoch);
  EXPECT_EQ(Status("LOCK", LockInfo("two")), 200);
  EXPECT_EQ(Status("POST", State(1), "one"), 423) << "a late engine writes nothing";
}

}  // namespace
}  // namespace stratus::provisioning::service
