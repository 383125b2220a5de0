// What DigitalOcean offers: regions, sizes and images, by their real slugs. A part of the real lists.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

namespace stratus::sandbox::digitalocean {

struct Region {
  std::string_view slug;
  std::string_view name;
};

struct Size {
  std::string_view slug;
  int memory_mb;
  int vcpus;
  int disk_gb;
  double transfer_tb;
  double price_monthly;  // in US dollars
  double price_hourly;
  std::string_view description;
};

struct Image {
  int id;
  std::string_view slug;
  std::string_view name;
  std::string_view distribution;
  int min_disk_gb;
  double size_gb;
};

const std::vector<Region>& Regions();
const std::vector<Size>& Sizes();
const std::vector<Image>& Images();

// Null for an unknown one. Slugs of regions and sizes are taken in any case, as the real API does.
const Region* FindRegion(std::string_view slug);
const Size* FindSize(std::string_view slug);
const Image* FindImage(std::string_view slug_or_id);

nlohmann::ordered_json ToJson(const Region& region);
nlohmann::ordered_json ToJson(const Size& size);
nlohmann::ordered_json ToJson(const Image& image);

}  // namespace stratus::sandbox::digitalocean
