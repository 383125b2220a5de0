// What the conformance tests share: a fresh, empty database of the kind under test, stores on it, and rows to put in.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "services/provisioning/store/store.h"
#include "services/provisioning/store/testing/postgres_server.h"

namespace stratus::provisioning::store::testing {

// The server of this test binary, started when first asked for.
PostgresServer& SharedPostgres();

class StoreTest : public ::testing::TestWithParam<std::string_view> {
 protected:
  StoreTest();
  ~StoreTest() override;
  void SetUp() override;

  bool postgres() const { return GetParam() == "PostgreSQL"; }
  const std::string& url() const { return url_; }

  // Another store on the same database, as another replica would open it.
  std::unique_ptr<Store> OpenReplica(const std::string& replica, absl::Duration busy_timeout = absl::Seconds(10));

  // Rows that are valid and otherwise unremarkable; each has another uid.
  StackRow MakeStack(std::string_view tenant, std::string_view id);
  RunRow MakeRun(const StackRow& stack, v1::RunStatus status = v1::RUN_STATUS_PENDING);
  static v1::RunEvent MakeEvent(std::string_view message);

  // In a transaction each; they must succeed.
  StackRow AddStack(std::string_view tenant, std::string_view id, std::function<void(StackRow*)> change = nullptr);
  RunRow AddRun(const StackRow& stack, v1::RunStatus status = v1::RUN_STATUS_PENDING);
  // What a worker does at the end: the run's status, the lease given back.
  void EndRun(std::string_view run_uid, v1::RunStatus status = v1::RUN_STATUS_APPLIED);
  absl::Status ChangeStack(std::string_view uid, std::function<void(StackRow*)> change);
  absl::Status ChangeRun(std::string_view uid, std::function<void(RunRow*)> change);

  std::unique_ptr<Store> store_;

 private:
  std::string folder_;
  std::string url_;
  int made_ = 0;
};

// For INSTANTIATE_TEST_SUITE_P.
inline auto EveryBackend() { return ::testing::Values(std::string_view("SQLite"), std::string_view("PostgreSQL")); }
std::string BackendName(const ::testing::TestParamInfo<std::string_view>& info);

}  // namespace stratus::provisioning::store::testing
