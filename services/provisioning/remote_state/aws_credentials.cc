#include "services/provisioning/remote_state/aws_credentials.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "lib/core/log.h"
#include "lib/core/status.h"
#include "services/provisioning/remote_state/aws_client.h"
#include "services/provisioning/remote_state/xml_text.h"

namespace stratus::provisioning::remote_state {
namespace {

constexpr absl::Duration kCallMax = absl::Seconds(5);
constexpr absl::Duration kRenewBefore = absl::Minutes(5);
constexpr absl::Duration kRetryAfter = absl::Seconds(30);  // while the former ones still serve
constexpr size_t kTokenBytesMax = 16 << 10;
constexpr char kContainerHost[] = "http://169.254.170.2";
constexpr char kMachineHost[] = "http://169.254.169.254";

struct Lent {
  AwsCredentials credentials;
  absl::Time expires;
};

absl::Status Unusable(std::string_view from) {
  return absl::UnavailableError(absl::StrCat("no usable AWS credentials from ", core::ToAbsl(from)));
}

absl::StatusOr<Lent> Checked(AwsCredentials credentials, const std::string& expires, std::string_view from) {
  Lent lent{std::move(credentials), absl::InfinitePast()};
  std::string ignored;
  if (lent.credentials.key_id.empty() || lent.credentials.secret.empty() ||
      !absl::ParseTime(absl::RFC3339_full, expires, &lent.expires, &ignored)) {
    return Unusable(from);
  }
  return lent;
}

// As the container's endpoint and the machine's answer.
absl::StatusOr<Lent> FromJson(const std::string& text, std::string_view from) {
  const nlohmann::json answer = nlohmann::json::parse(text, nullptr, false);
  const auto member = [&](const char* name) {
    const auto found = answer.is_object() ? answer.find(name) : answer.end();
    return found != answer.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  return Checked({member("AccessKeyId"), member("SecretAccessKey"), member("Token")}, member("Expiration"), from);
}

absl::StatusOr<std::string> ReadToken(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kTokenBytesMax, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  absl::StripAsciiWhitespace(&text);
  if (text.empty()) return absl::UnavailableError(absl::StrCat("cannot read the token in ", path));
  return text;
}

class Asker {
 public:
  Asker(http_client::Client* http, const Lookup& environment, std::string region)
      : http_(*http), environment_(environment), region_(std::move(region)) {}

  absl::StatusOr<Lent> Ask() {
    if (!Variable("AWS_WEB_IDENTITY_TOKEN_FILE").empty() && !Variable("AWS_ROLE_ARN").empty()) return AskSts();
    const std::string path = Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const std::string url = !path.empty() ? kContainerHost + path : Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!url.empty()) return AskContainer(url);
    if (Variable("AWS_EC2_METADATA_DISABLED") != "true") return AskMachine();
    return absl::UnavailableError("no role is to be looked for");
  }

 private:
  std::string Variable(std::string_view name) const { return environment_(name).value_or(""); }

  absl::StatusOr<std::string> Fetch(http_client::Request request, std::string_view from) {
    request.deadline = absl::Now() + kCallMax;
    auto response = http_.Fetch(std::move(request));
    if (!response.ok()) return Unusable(absl::StrCat(core::ToAbsl(from), ": ", response.status().message()));
    if (response->status == 200) return std::move(response->body);
    return AwsError(absl::StrCat(core::ToAbsl(from), " gives no credentials"), response->status,
                    XmlText(response->body, "Code"), XmlText(response->body, "Message"));
  }

  absl::StatusOr<Lent> AskSts() {
    const absl::StatusOr<std::string> token = ReadToken(Variable("AWS_WEB_IDENTITY_TOKEN_FILE"));
    if (!token.ok()) return token.status();
    std::string endpoint = Variable("AWS_ENDPOINT_URL_STS");
    if (endpoint.empty()) {
      const char* domain = absl::StartsWith(region_, "cn-") ? "amazonaws.com.cn" : "amazonaws.com";
      endpoint = absl::StrCat("https://sts.", region_, ".", domain);
    }
    std::string session = Variable("AWS_ROLE_SESSION_NAME");
    if (session.empty()) session = "stratus-provisioning";
    const auto part = [](std::string_view text) { return UriQuery(text); };
    auto answer = Fetch({.method = "POST",
                         .url = endpoint + "/",
                         .headers = {{"content-type", "application/x-www-form-urlencoded"}},
                         .body = absl::StrCat("Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=",
                                              part(Variable("AWS_ROLE_ARN")), "&RoleSessionName=", part(session),
                                              "&WebIdentityToken=", part(*token))},
                        "STS");
    if (!answer.ok()) return answer.status();
    return Checked({std::string(XmlText(*answer, "AccessKeyId")), std::string(XmlText(*answer, "SecretAccessKey")),
                    std::string(XmlText(*answer, "SessionToken"))},
                   std::string(XmlText(*answer, "Expiration")), "STS");
  }

  absl::StatusOr<Lent> AskContainer(const std::string& url) {
    std::string token = Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (const std::string path = Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); !path.empty()) {
      absl::StatusOr<std::string> read = ReadToken(path);
      if (!read.ok()) return read.status();
      token = *std::move(read);
    }
    http_client::Request request;
    request.url = url;
    if (!token.empty()) request.headers = {{"authorization", token}};
    auto answer = Fetch(std::move(request), "the container's endpoint");
    return answer.ok() ? FromJson(*answer, "the container's endpoint") : answer.status();
  }

  // IMDSv2: a token first, so that nobody is tricked into asking for us.
  absl::StatusOr<Lent> AskMachine() {
    constexpr char kFrom[] = "the machine's metadata";
    std::string host = Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    if (host.empty()) host = kMachineHost;
    while (absl::EndsWith(host, "/")) host.pop_back();
    auto token = Fetch({.method = "PUT",
                        .url = host + "/latest/api/token",
                        .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "300"}}},
                       kFrom);
    if (!token.ok()) return token.status();
    const std::string roles = host + "/latest/meta-data/iam/security-credentials/";
    auto role = Fetch({.url = roles, .headers = {{"x-aws-ec2-metadata-token", *token}}}, kFrom);
    if (!role.ok()) return role.status();
    const std::string name = role->substr(0, role->find('\n'));
    auto answer = Fetch({.url = roles + UriPath(name), .headers = {{"x-aws-ec2-metadata-token", *token}}}, kFrom);
    return answer.ok() ? FromJson(*answer, kFrom) : answer.status();
  }

  http_client::Client& http_;
  const Lookup environment_;
  const std::string region_;
};

class Role final : public CredentialSource {
 public:
  Role(http_client::Client* http, const Lookup& environment, std::string region, const core::Clock* clock)
      : asker_(http, environment, std::move(region)), clock_(*clock) {}

  absl::StatusOr<AwsCredentials> Get() override {
    // Whoever comes meanwhile waits for the one answer.
    core::MutexLock lock(mutex_);
    const absl::Time now = clock_.Now();
    if (lent_ && now < renew_) return lent_->credentials;
    absl::StatusOr<Lent> asked = asker_.Ask();
    if (asked.ok()) {
      lent_ = *std::move(asked);
      renew_ = lent_->expires - kRenewBefore;
      return lent_->credentials;
    }
    if (!lent_) {
      return absl::PermissionDeniedError(absl::StrCat(
          "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role: ",
          asked.status().message()));
    }
    if (now >= lent_->expires) return asked.status();
    core::Log(core::Severity::kWarning, "AWS credentials cannot be renewed; the former ones serve on",
              {{"reason", core::ToStd(asked.status().message())}});
    renew_ = now + kRetryAfter;
    return lent_->credentials;
  }

 private:
  Asker asker_;
  const core::Clock& clock_;
  core::Mutex mutex_;
  std::optional<Lent> lent_ ABSL_GUARDED_BY(mutex_);
  absl::Time renew_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

class Fixed final : public CredentialSource {
 public:
  explicit Fixed(AwsCredentials credentials) : credentials_(std::move(credentials)) {}
  absl::StatusOr<AwsCredentials> Get() override { return credentials_; }

 private:
  const AwsCredentials credentials_;
};

}  // namespace

std::unique_ptr<CredentialSource> FixedCredentials(AwsCredentials credentials) {
  return std::make_unique<Fixed>(std::move(credentials));
}

std::unique_ptr<CredentialSource> RoleCredentials(http_client::Client* http, const Lookup& environment,
                                                  std::string region, const core::Clock* clock) {
  return std::make_unique<Role>(http, environment, std::move(region), clock);
}

}  // namespace stratus::provisioning::remote_state
