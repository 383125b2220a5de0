#include "services/sandbox/digitalocean/offers.h"

#include "services/sandbox/digitalocean/catalog.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::digitalocean {
namespace {

template <typename Item>
http_server::Response PageOf(const Call& call, std::string_view name, const std::vector<Item>& items) {
  return Page(call.request, name, items.size(), [&](size_t i) { return ToJson(items[i]); });
}

}  // namespace

http_server::Response GetAccount(Scene& scene, const Call&) {
  return Reply(200, "account",
               {{"droplet_limit", kDropletsMax},
                {"floating_ip_limit", 3},
                {"volume_limit", 0},
                {"email", scene.account.id + "@sandbox.invalid"},
                {"name", "Sandbox"},
                {"uuid", scene.account.uuid},
                {"email_verified", true},
                {"status", "active"},
                {"status_message", ""}});
}

http_server::Response ListRegions(Scene&, const Call& call) { return PageOf(call, "regions", Regions()); }

http_server::Response ListSizes(Scene&, const Call& call) { return PageOf(call, "sizes", Sizes()); }

http_server::Response ListImages(Scene&, const Call& call) {
  if (call.request.Parameter("private") == "true") return PageOf(call, "images", std::vector<Image>());
  return PageOf(call, "images", Images());
}

http_server::Response GetImage(Scene&, const Call& call) {
  const Image* image = FindImage(call.ids[0]);
  return image == nullptr ? NotFound() : Reply(200, "image", ToJson(*image));
}

}  // namespace stratus::sandbox::digitalocean
