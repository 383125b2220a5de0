#include "gateway/proxy/request_stream.h"

#include "absl/strings/str_cat.h"
#include "gateway/proxy/grpc_frame.h"
#include "gateway/proxy/http_body.h"
#include "gateway/proxy/media_type.h"
#include "lib/core/status.h"

namespace stratus::gateway::proxy {
namespace {

// The same status, its message saying which message of the stream is at fault; details stay.
absl::Status InMessage(uint64_t number, const absl::Status& status) {
  absl::Status named(status.code(), absl::StrCat("message ", number, ": ", status.message()));
  status.ForEachPayload([&named](absl::string_view type, const absl::Cord& detail) { named.SetPayload(type, detail); });
  return named;
}

}  // namespace

void RequestStream::Begin(const Route& route, std::string_view content_type, std::string_view parameters,
                          const CallSettings& settings) {
  route_ = &route;
  settings_ = &settings;
  content_type_ = content_type;
  parameters_.Clear();
  parameters_.Append(parameters);
  messages_ = 0;
  too_large_ = false;
  reader_.Reset(IsNdjson(content_type) ? JsonStreamReader::Form::kLines : JsonStreamReader::Form::kValues,
                settings.request_body_bytes_max);
}

absl::Status RequestStream::Add(std::string_view piece, Buffer* frames) {
  if (route_->http_body_in) {
    AddBytes(piece, frames);
    return absl::OkStatus();
  }
  for (;;) {
    std::string_view value;
    switch (reader_.Next(&piece, &value)) {
      case JsonStreamReader::Result::kValue:
        if (absl::Status status = AddJson(value, frames); !status.ok()) return status;
        break;
      case JsonStreamReader::Result::kNeedMore: return absl::OkStatus();
      case JsonStreamReader::Result::kTooLong: return TooLarge();
      case JsonStreamReader::Result::kMalformed: return Malformed();
    }
  }
}

absl::Status RequestStream::End(Buffer* frames) {
  if (!route_->http_body_in) {
    std::string_view value;
    const JsonStreamReader::Result result = reader_.End(&value);
    if (result == JsonStreamReader::Result::kMalformed) return Malformed();
    if (result == JsonStreamReader::Result::kValue) {
      if (absl::Status status = AddJson(value, frames); !status.ok()) return status;
    }
  }
  if (messages_ == 0 && (route_->http_body_in || !parameters_.empty())) AddBytes({}, frames);
  return absl::OkStatus();
}

absl::Status RequestStream::AddJson(std::string_view json, Buffer* frames) {
  const size_t start = frames->size();
  frames->Resize(start + kPrefixBytes);
  const transcode::MessageTable& input = *route_->method->input;
  absl::Status status = route_->body == BodyKind::kWhole
                            ? transcode::JsonToWire(input, json, settings_->input, frames)
                            : transcode::JsonToField(input, *route_->body_field, json, settings_->input, frames);
  if (!status.ok()) return InMessage(messages_ + 1, status);
  CloseFrame(start, frames);
  return absl::OkStatus();
}

// The content type stands in the first message alone, as the parameters do.
void RequestStream::AddBytes(std::string_view bytes, Buffer* frames) {
  const size_t start = frames->size();
  frames->Resize(start + kPrefixBytes);
  if (route_->http_body_in) {
    const std::string_view type = messages_ == 0 ? content_type_ : std::string_view();
    AppendHttpBody({type, bytes}, route_->body_field_number, frames);
  }
  CloseFrame(start, frames);
}

void RequestStream::CloseFrame(size_t start, Buffer* frames) {
  if (messages_++ == 0) frames->Append(parameters_.view());
  WritePrefix(frames->size() - start - kPrefixBytes, frames->data() + start);
}

absl::Status RequestStream::Malformed() const {
  return InMessage(messages_ + 1, absl::InvalidArgumentError(core::ToAbsl(reader_.reason())));
}

absl::Status RequestStream::TooLarge() {
  too_large_ = true;
  return InMessage(messages_ + 1, absl::InvalidArgumentError(
                                      absl::StrCat("it is larger than ", settings_->request_body_bytes_max, " bytes")));
}

}  // namespace stratus::gateway::proxy
