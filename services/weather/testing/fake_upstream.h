// A stand-in for both sources on a loopback port, answering with services/weather/testdata. Strict: a request that the
// real source would refuse (a path, a parameter, a key) gets the real source's error.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lib/core/mutex.h"
#include "lib/http_server/http_server.h"

namespace stratus::weather::testing {

inline constexpr char kApiKey[] = "0123456789abcdef-not-a-real-key";

// The text of a file of services/weather/testdata.
std::string Testdata(const std::string& name);

class FakeUpstream {
 public:
  using Answer = std::function<http_server::Response(const http_server::Request&)>;

  FakeUpstream();

  std::string url() const { return "http://" + server_->address(); }

  // Answers every later request to `path` in this way; an empty path means all paths. nullptr undoes it.
  void SetAnswer(const std::string& path, Answer answer);
  void AnswerWith(const std::string& path, int status, std::string body);

  int requests(const std::string& path) const;
  // Query strings of the requests to `path`, oldest first.
  std::vector<std::string> queries(const std::string& path) const;

  // Ends the server, so that connections are refused.
  void Stop() { server_.reset(); }

 private:
  http_server::Response Handle(const http_server::Request& request);

  mutable core::Mutex mutex_;
  std::map<std::string, Answer> answers_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<std::string>> queries_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<http_server::Server> server_;
};

}  // namespace stratus::weather::testing
