#include "gateway/http/testing/h2_client.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace stratus::gateway::http::testing {
namespace {

std::string Find(const std::multimap<std::string, std::string>& fields, const std::string& name) {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

nghttp2_nv MakeField(const std::string& name, const std::string& value) {
  return {reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
          reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

int H2Response::status() const { return std::atoi(Find(headers, ":status").c_str()); }
std::string H2Response::Header(const std::string& name) const { return Find(headers, name); }
std::string H2Response::Trailer(const std::string& name) const { return Find(trailers, name); }

nghttp2_session_callbacks* H2Client::MakeCallbacks() {
  nghttp2_session_callbacks* callbacks;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_session_callbacks_set_on_header_callback(
      callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                    const uint8_t* value, size_t value_size, uint8_t, void* self) {
        H2Response& response = static_cast<H2Client*>(self)->responses_[frame->hd.stream_id];
        auto& fields = response.headers.contains(":status") && frame->headers.cat == NGHTTP2_HCAT_HEADERS
                           ? response.trailers
                           : response.headers;
        fields.emplace(std::string(reinterpret_cast<const char*>(name), name_size),
                       std::string(reinterpret_cast<const char*>(value), value_size));
        return 0;
      });
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
      callbacks, [](nghttp2_session*, uint8_t, int32_t stream, const uint8_t* data, size_t size, void* self) {
        static_cast<H2Client*>(self)->responses_[stream].body.append(reinterpret_cast<const char*>(data), size);
        return 0;
      });
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks,
                                                       [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
                                                         static_cast<H2Client*>(self)->OnFrame(frame);
                                                         return 0;
                                                       });
  nghttp2_session_callbacks_set_on_stream_close_callback(
      callbacks, [](nghttp2_session*, int32_t stream, uint32_t error, void* self) {
        H2Response& response = static_cast<H2Client*>(self)->responses_[stream];
        response.closed = true;
        response.error = error;
        return 0;
      });
  return callbacks;
}

void H2Client::OnFrame(const nghttp2_frame* frame) {
  const bool may_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (may_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) responses_[frame->hd.stream_id].ended = true;
  if (frame->hd.type == NGHTTP2_GOAWAY) {
    goaway_ = frame->goaway.error_code;
    goaway_stream_ = frame->goaway.last_stream_id;
  }
  if (frame->hd.type != NGHTTP2_SETTINGS) return;
  for (size_t i = 0; i < frame->settings.niv; ++i) {
    settings_[frame->settings.iv[i].settings_id] = frame->settings.iv[i].value;
  }
}

H2Client::H2Client(const core::Address& address, const H2ClientOptions& options)
    : socket_(address, options.receive_buffer) {
  nghttp2_session_callbacks* callbacks = MakeCallbacks();
  nghttp2_option* option;
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, options.auto_window ? 0 : 1);
  // The tests send what a decent client would not.
  nghttp2_option_set_no_http_messaging(option, 1);
  nghttp2_option_set_peer_max_concurrent_streams(option, 100000);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1);
}

H2Client::~H2Client() { nghttp2_session_del(session_); }

int32_t H2Client::Request(const std::string& method, const std::string& path, const Fields& fields,
                          std::optional<std::string> body, bool keep_open) {
  Fields all = {{":method", method}, {":scheme", "http"}, {":authority", "a.example"}, {":path", path}};
  for (const auto& field : fields) {
    const auto same = std::find_if(all.begin(), all.begin() + 4, [&](const auto& f) { return f.first == field.first; });
    if (same != all.begin() + 4) {
      same->second = field.second;
    } else {
      all.push_back(field);
    }
  }
  std::vector<nghttp2_nv> values;
  for (const auto& [name, value] : all) {
    if (!name.starts_with(':') || !value.empty()) values.push_back(MakeField(name, value));
  }
  if (!body.has_value()) {
    return nghttp2_submit_request(session_, nullptr, values.data(), values.size(), nullptr, nullptr);
  }
  uploads_.push_back(std::make_unique<Upload>(Upload{*std::move(body), 0, keep_open}));
  nghttp2_data_provider provider;
  provider.source.ptr = uploads_.back().get();
  provider.read_callback = [](nghttp2_session*, int32_t, uint8_t* to, size_t room, uint32_t* flags,
                              nghttp2_data_source* source, void*) -> ssize_t {
    auto* upload = static_cast<Upload*>(source->ptr);
    const size_t size = std::min(room, upload->bytes.size() - upload->sent);
    if (size == 0 && upload->keep_open) return NGHTTP2_ERR_DEFERRED;
    std::memcpy(to, upload->bytes.data() + upload->sent, size);
    upload->sent += size;
    if (upload->sent == upload->bytes.size() && !upload->keep_open) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(size);
  };
  return nghttp2_submit_request(session_, nullptr, values.data(), values.size(), &provider, nullptr);
}

H2Response H2Client::Get(const std::string& path) {
  const int32_t stream = Request("GET", path);
  WaitForClose(stream);
  return response(stream);
}

bool H2Client::Flush() {
  std::string out;
  while (true) {
    const uint8_t* bytes;
    const ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size <= 0) break;
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  }
  return out.empty() || socket_.Send(out);
}

bool H2Client::WaitUntil(const std::function<bool()>& done) {
  while (true) {
    Flush();
    const bool is_done = done();
    Flush();  // what `done` queued
    if (is_done) return true;
    const std::string bytes = socket_.ReadSome();
    if (bytes.empty()) return false;
    nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }
}

bool H2Client::WaitForClose(int32_t stream) {
  return WaitUntil([&] { return responses_[stream].closed; });
}

void H2Client::WaitForEnd() {
  WaitUntil([] { return false; });
}

void H2Client::Reset(int32_t stream, uint32_t error) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, error);
}

}  // namespace stratus::gateway::http::testing
