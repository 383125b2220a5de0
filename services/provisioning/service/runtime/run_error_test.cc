#include "services/provisioning/service/runtime/run_error.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"

namespace stratus::provisioning::service {
namespace {

v1::Module ModuleWith(std::initializer_list<const char*> variables) {
  v1::Module module;
  for (const char* name : variables) module.add_variables()->set_name(name);
  return module;
}

v1::Diagnostic Error(const std::string& summary, const std::string& detail, const std::string& address = "") {
  v1::Diagnostic diagnostic;
  diagnostic.set_severity(v1::Diagnostic::SEVERITY_ERROR);
  diagnostic.set_summary(summary);
  diagnostic.set_detail(detail);
  diagnostic.set_address(address);
  return diagnostic;
}

TEST(LimitSentence, NamesTheLimitAndItsFlag) {
  engine::Limits limits;
  limits.memory_bytes = int64_t{640} << 20;
  limits.processes = 150;
  EXPECT_EQ(LimitSentence("memory", limits),
            "the run was ended: its processes took more than 640 MiB of memory (--run-memory-mb)");
  EXPECT_EQ(LimitSentence("processes", limits),
            "the run was ended: it had 150 processes, threads counted, and may have no more (--run-processes)");
  for (const auto& [limit, flag] : std::vector<std::pair<std::string, std::string>>{
           {"disk", "--run-disk-mb"}, {"files", "--run-files"}, {"output", "--run-output-mb"}}) {
    EXPECT_NE(LimitSentence(limit, limits).find(flag), std::string::npos) << limit;
  }
}

TEST(VariableOf, ReadsTheNameFromTheEnginesWords) {
  const v1::Module module = ModuleWith({"size", "size_max"});
  EXPECT_EQ(VariableOf(Error("Invalid value for variable", "The given value is not suitable for var.size declared at"),
                       module),
            "size");
  EXPECT_EQ(VariableOf(Error("Invalid value for variable", "var.size_max must be positive"), module), "size_max");
  EXPECT_EQ(
      VariableOf(Error("No value for required variable", "The root module input variable \"size\" is not set"), module),
      "size");
}

TEST(VariableOf, TakesTheAddressAtItsWord) {
  EXPECT_EQ(VariableOf(Error("Invalid value for variable", "The title is too long.", "var.title"), ModuleWith({})),
            "title");
}

TEST(VariableOf, IsSilentAboutResources) {
  const v1::Module module = ModuleWith({"size"});
  EXPECT_EQ(VariableOf(Error("Error creating droplet", "422 size is wrong"), module), "");
  EXPECT_EQ(VariableOf(Error("Invalid variable", "var.size", "digitalocean_droplet.this"), module), "");
}

TEST(EngineError, NamesVariablesAsFieldViolations) {
  const auto status =
      EngineError({Error("Invalid value for variable", "var.size is too small")}, ModuleWith({"size"}), "");
  EXPECT_EQ(status.code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  google::rpc::BadRequest violations;
  ASSERT_TRUE(status.details(0).UnpackTo(&violations));
  EXPECT_EQ(violations.field_violations(0).field(), "size");
}

TEST(EngineError, CarriesTheDiagnosticsBounded) {
  std::vector<v1::Diagnostic> errors(30, Error("Error creating droplet", std::string(10'000, 'x'), "d.this"));
  const auto status = EngineError(errors, ModuleWith({}), "");
  EXPECT_EQ(status.code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(status.details_size(), 11);
  EXPECT_LT(status.ByteSizeLong(), 30'000u);
  v1::Diagnostic first;
  ASSERT_TRUE(status.details(1).UnpackTo(&first));
  EXPECT_EQ(first.address(), "d.this");
}

TEST(EngineError, FallsBackOnStderr) {
  EXPECT_NE(EngineError({}, ModuleWith({}), "panic: nil").message().find("panic: nil"), std::string::npos);
}

}  // namespace
}  // namespace stratus::provisioning::service
