// The size of a message on the wire, of a Protobuf or of raw bytes.
#pragma once

#include <cstddef>

namespace stratus::rpc {

template <typename Message>
size_t MessageBytes(const Message& message) {
  if constexpr (requires { message.ByteSizeLong(); }) {
    return message.ByteSizeLong();
  } else {
    // A raw buffer of a call that was cancelled before its message came is not valid, and has no length.
    return message.Valid() ? message.Length() : 0;
  }
}

}  // namespace stratus::rpc
