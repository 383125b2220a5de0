// Short forms for reading rows.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "services/provisioning/store/database.h"

namespace stratus::provisioning::store {

// Every row, each through `decode(const Row&)`, which gives a StatusOr.
template <typename Decode>
auto Select(Connection& connection, std::string_view sql, Params params, Decode decode)
    -> absl::StatusOr<std::vector<typename decltype(decode(std::declval<const Row&>()))::value_type>> {
  std::vector<typename decltype(decode(std::declval<const Row&>()))::value_type> rows;
  absl::Status status = connection
                            .Execute(sql, params,
                                     [&](const Row& row) {
                                       auto decoded = decode(row);
                                       if (!decoded.ok()) return decoded.status();
                                       rows.push_back(*std::move(decoded));
                                       return absl::OkStatus();
                                     })
                            .status();
  if (!status.ok()) return status;
  return rows;
}

// The first row, or nullopt.
template <typename Decode>
auto SelectFirst(Connection& connection, std::string_view sql, Params params, Decode decode)
    -> absl::StatusOr<std::optional<typename decltype(decode(std::declval<const Row&>()))::value_type>> {
  auto rows = Select(connection, sql, params, decode);
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

inline absl::StatusOr<int64_t> DecodeInt(const Row& row) { return row.Int(0); }
inline absl::StatusOr<std::string> DecodeText(const Row& row) { return std::string(row.Text(0)); }

}  // namespace stratus::provisioning::store
