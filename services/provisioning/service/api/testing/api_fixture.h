// The API on a real server over a real store in a temporary folder, and callers of several tenants. Runs are driven to
// their ends by the test, in the runtime's place.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "google/longrunning/operations.grpc.pb.h"
#include "lib/rpc/server.h"
#include "lib/rpc/status.h"
#include "services/provisioning/service/api/api.h"
#include "services/provisioning/service/audit_log.h"
#include "stratus/provisioning/v1/credentials.grpc.pb.h"
#include "stratus/provisioning/v1/provisioning.grpc.pb.h"

namespace stratus::provisioning::service::testing {

// Of one tenant, with one token. Each call is a function of its stub.
class Client {
 public:
  // `token`: `TENANT`, `TENANT/USER`, or either with `:SCOPE,SCOPE` (all scopes otherwise). Without a user it is of the
  // client that is called as its tenant; a user's is of a client of another name, as tenants that people share are.
  Client(const std::shared_ptr<grpc::Channel>& channel, std::string token)
      : provisioning_(v1::ProvisioningService::NewStub(channel)),
        modules_(v1::ModuleService::NewStub(channel)),
        credentials_(v1::CredentialService::NewStub(channel)),
        operations_(google::longrunning::Operations::NewStub(channel)),
        token_(std::move(token)) {}

  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                                const Request& request, grpc::ClientContext* context = nullptr) {
    grpc::ClientContext own;
    if (context == nullptr) context = &own;
    Prepare(context);
    Response response;
    const grpc::Status status = (stub.*method)(context, request, &response);
    if (!status.ok()) return rpc::FromGrpc(status);
    return response;
  }
  void Prepare(grpc::ClientContext* context) const;

  v1::ProvisioningService::Stub& stub() { return *provisioning_; }
  v1::ModuleService::Stub& modules() { return *modules_; }
  v1::CredentialService::Stub& credentials() { return *credentials_; }
  google::longrunning::Operations::Stub& operations() { return *operations_; }

  // A stack of the module `note` with these variables; `text` is what it must have.
  absl::StatusOr<google::longrunning::Operation> CreateNote(const std::string& id, const std::string& text = "hello",
                                                            const std::string& request_id = "");
  absl::StatusOr<v1::Stack> GetStack(const std::string& id);
  absl::StatusOr<v1::Run> GetRun(const std::string& name);
  absl::StatusOr<google::longrunning::Operation> GetOperation(const std::string& name);

 private:
  std::unique_ptr<v1::ProvisioningService::Stub> provisioning_;
  std::unique_ptr<v1::ModuleService::Stub> modules_;
  std::unique_ptr<v1::CredentialService::Stub> credentials_;
  std::unique_ptr<google::longrunning::Operations::Stub> operations_;
  const std::string token_;
};

class ApiFixture : public ::testing::Test {
 protected:
  // `database_url`: empty for a SQLite file of its own.
  explicit ApiFixture(const std::string& database_url = "");
  ~ApiFixture() override;

  // Starts the API with `settings_` as they are by then.
  void Start();
  const std::string& service_address() const { return server_->addresses().front(); }
  const std::string& folder() const { return folder_; }
  Client ClientOf(const std::string& token) { return Client(channel_, token); }

  // In the runtime's place. Each fails the test when it cannot.
  // How many; 0 where there is no such stack.
  int OpenRuns(const std::string& tenant, const std::string& stack);
  store::RunRow OnlyOpenRun(const std::string& tenant, const std::string& stack);
  // PLANNED, as if made from the stack's present state.
  void Plan(const std::string& run_uid, const std::string& plan_hash);
  // Claims the run that is next: it has its stack's lease from here on.
  store::RunRow Claim();
  // Ends the run: with outputs (`{name: {value, type, sensitive}}`) where it was applied; removes the stack where it
  // deletes it.
  void End(const std::string& run_uid, v1::RunStatus status, const std::string& outputs_json = "{}",
           const std::string& error = "");
  // Writes the stack's next state version.
  void WriteState(const std::string& tenant, const std::string& stack, const std::string& state);
  void AppendLog(const std::string& run_uid, const std::string& message);

  ApiSettings settings_;
  Credentials::Variables credentials_ = {{"DIGITALOCEAN_TOKEN", "token-of-the-server"}};
  ServerCredentialUse server_use_;
  Modules modules_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<store::Sealer> sealer_;
  std::unique_ptr<Api> api_;

 private:
  std::string folder_;
  std::unique_ptr<store::KeyWrapper> keys_;
  std::unique_ptr<Credentials> loaded_;
  std::unique_ptr<AuditLog> audit_;
  std::unique_ptr<rpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// The modules `droplet` (needs DigitalOcean), and `note` (needs nothing), as the catalog would read them.
Modules TestModules();

// `operations/UID` -> UID
std::string UidOf(const google::longrunning::Operation& operation);
v1::OperationMetadata MetadataOf(const google::longrunning::Operation& operation);

}  // namespace stratus::provisioning::service::testing
