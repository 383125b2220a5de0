// Which endpoint a call goes to.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/random/random.h"
#include "gateway/upstream/endpoint.h"

namespace stratus::gateway::upstream {

class Balancer {
 public:
  Balancer(const ClusterOptions& options, ClusterStats* stats) : options_(options), stats_(stats) {}

  // After endpoints came, went, or changed in eligible().
  void Update(const std::vector<std::unique_ptr<Endpoint>>& endpoints);

  struct Choice {
    Endpoint* endpoint = nullptr;
    Connection* connection = nullptr;  // null: none is ready now; connections were begun where that is possible
  };
  // Another endpoint than `avoid` (may be null), if there is one.
  Choice Choose(Kind kind, const Endpoint* avoid);

 private:
  Choice ByRotation(const std::vector<Endpoint*>& from, Kind kind, const Endpoint* avoid);
  Choice ByLoad(Kind kind, const Endpoint* avoid);
  Endpoint* Random();
  void NotePanic(bool panic);

  const ClusterOptions& options_;
  ClusterStats* stats_;
  std::vector<Endpoint*> preferred_;  // those eligible; all of them in panic
  std::vector<Endpoint*> others_;
  size_t next_ = 0;
  bool panic_ = false;
  absl::InsecureBitGen random_;
};

}  // namespace stratus::gateway::upstream
