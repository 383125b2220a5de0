#include "services/sandbox/digitalocean/catalog.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "lib/core/status.h"
#include "services/sandbox/json.h"

namespace stratus::sandbox::digitalocean {
namespace {

template <typename Item>
const Item* FindBySlug(const std::vector<Item>& items, std::string_view slug) {
  for (const Item& item : items) {
    if (absl::EqualsIgnoreCase(core::ToAbsl(item.slug), core::ToAbsl(slug))) return &item;
  }
  return nullptr;
}

template <typename Item>
Json Slugs(const std::vector<Item>& items) {
  Json slugs = Json::array();
  for (const Item& item : items) slugs.push_back(item.slug);
  return slugs;
}

}  // namespace

const std::vector<Region>& Regions() {
  static const auto& regions = *new std::vector<Region>{
      {"nyc1", "New York 1"},      {"nyc2", "New York 2"},      {"nyc3", "New York 3"},  {"ams3", "Amsterdam 3"},
      {"sfo2", "San Francisco 2"}, {"sfo3", "San Francisco 3"}, {"sgp1", "Singapore 1"}, {"lon1", "London 1"},
      {"fra1", "Frankfurt 1"},     {"tor1", "Toronto 1"},       {"blr1", "Bangalore 1"}, {"syd1", "Sydney 1"}};
  return regions;
}

const std::vector<Size>& Sizes() {
  static const auto& sizes =
      *new std::vector<Size>{{"s-1vcpu-512mb-10gb", 512, 1, 10, 0.5, 4.0, 0.00595, "Basic"},
                             {"s-1vcpu-1gb", 1024, 1, 25, 1.0, 6.0, 0.00893, "Basic"},
                             {"s-1vcpu-2gb", 2048, 1, 50, 2.0, 12.0, 0.01786, "Basic"},
                             {"s-2vcpu-2gb", 2048, 2, 60, 3.0, 18.0, 0.02679, "Basic"},
                             {"s-2vcpu-4gb", 4096, 2, 80, 4.0, 24.0, 0.03571, "Basic"},
                             {"s-4vcpu-8gb", 8192, 4, 160, 5.0, 48.0, 0.07143, "Basic"},
                             {"s-8vcpu-16gb", 16384, 8, 320, 6.0, 96.0, 0.14286, "Basic"},
                             {"c-2", 4096, 2, 25, 4.0, 42.0, 0.0625, "CPU-Optimized"},
                             {"c-4", 8192, 4, 50, 5.0, 84.0, 0.125, "CPU-Optimized"},
                             {"g-2vcpu-8gb", 8192, 2, 25, 4.0, 63.0, 0.09375, "General Purpose"},
                             {"m-2vcpu-16gb", 16384, 2, 50, 4.0, 84.0, 0.125, "Memory-Optimized"}};
  return sizes;
}

const std::vector<Image>& Images() {
  static const auto& images =
      *new std::vector<Image>{{155133621, "ubuntu-22-04-x64", "22.04 (LTS) x64", "Ubuntu", 7, 2.41},
                              {164544139, "ubuntu-24-04-x64", "24.04 (LTS) x64", "Ubuntu", 7, 2.29},
                              {191457498, "ubuntu-25-04-x64", "25.04 x64", "Ubuntu", 7, 2.36},
                              {159651797, "debian-12-x64", "12 x64", "Debian", 7, 2.32},
                              {193423466, "debian-13-x64", "13 x64", "Debian", 7, 2.18},
                              {185000305, "fedora-42-x64", "42 x64", "Fedora", 7, 1.52},
                              {155251293, "rockylinux-9-x64", "9 x64", "Rocky Linux", 10, 1.87},
                              {155251270, "almalinux-9-x64", "9 x64", "AlmaLinux", 10, 1.92}};
  return images;
}

const Region* FindRegion(std::string_view slug) { return FindBySlug(Regions(), slug); }
const Size* FindSize(std::string_view slug) { return FindBySlug(Sizes(), slug); }

const Image* FindImage(std::string_view slug_or_id) {
  int id = 0;
  if (!absl::SimpleAtoi(core::ToAbsl(slug_or_id), &id)) return FindBySlug(Images(), slug_or_id);
  for (const Image& image : Images()) {
    if (image.id == id) return &image;
  }
  return nullptr;
}

Json ToJson(const Region& region) {
  return {{"name", region.name},
          {"slug", region.slug},
          {"features", {"backups", "ipv6", "metadata", "install_agent", "storage", "image_transfer"}},
          {"available", true},
          {"sizes", Slugs(Sizes())}};
}

Json ToJson(const Size& size) {
  return {{"slug", size.slug},
          {"memory", size.memory_mb},
          {"vcpus", size.vcpus},
          {"disk", size.disk_gb},
          {"transfer", size.transfer_tb},
          {"price_monthly", size.price_monthly},
          {"price_hourly", size.price_hourly},
          {"regions", Slugs(Regions())},
          {"available", true},
          {"description", size.description}};
}

Json ToJson(const Image& image) {
  return {{"id", image.id},
          {"name", image.name},
          {"distribution", image.distribution},
          {"slug", image.slug},
          {"public", true},
          {"regions", Slugs(Regions())},
          {"created_at", "2025-01-15T00:00:00Z"},
          {"min_disk_size", image.min_disk_gb},
          {"type", "base"},
          {"size_gigabytes", image.size_gb},
          {"description", ""},
          {"tags", Json::array()},
          {"status", "available"},
          {"error_message", ""}};
}

}  // namespace stratus::sandbox::digitalocean
