#include "lib/core/random.h"

#include <sys/random.h>

#include <cstdint>
#include <cstdlib>
#include <random>

namespace stratus::core {

std::string RandomHex(size_t bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes * 2);
  while (hex.size() < bytes * 2) {
    unsigned char block[32];
    if (getrandom(block, sizeof(block), 0) != static_cast<ssize_t>(sizeof(block))) std::abort();
    for (size_t i = 0; i < sizeof(block) && hex.size() < bytes * 2; ++i) {
      hex.push_back(kHex[block[i] >> 4]);
      hex.push_back(kHex[block[i] & 15]);
    }
  }
  return hex;
}

double RandomFraction() {
  thread_local std::minstd_rand engine(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

}  // namespace stratus::core
