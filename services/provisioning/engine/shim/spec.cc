#include "services/provisioning/engine/shim/spec.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace stratus::shim {
namespace {

bool SetText(const char* entry, const char* key, const char** text) {
  const char* value = ValueOf(entry, key);
  if (value != nullptr) *text = value;
  return value != nullptr;
}

void SetField(const char* entry, Spec* spec) {
  if (SetText(entry, "work", &spec->work) || SetText(entry, "spared", &spec->spared) ||
      SetText(entry, "doors_folder", &spec->doors_folder)) {
    return;
  }
  SetNumber(entry, "wall_ms", &spec->wall_ms) || SetNumber(entry, "grace_ms", &spec->grace_ms) ||
      SetNumber(entry, "memory_bytes", &spec->memory_bytes) || SetNumber(entry, "file_bytes", &spec->file_bytes) ||
      SetNumber(entry, "open_files", &spec->open_files) || SetNumber(entry, "processes", &spec->processes) ||
      SetNumber(entry, "disk_bytes", &spec->disk_bytes) || SetNumber(entry, "files_max", &spec->files_max) ||
      SetNumber(entry, "output_bytes", &spec->output_bytes);
}

// False when there are too many.
bool AddTo(const char** list, size_t max, const char* value) {
  for (size_t i = 0; i < max; ++i) {
    if (list[i] != nullptr) continue;
    list[i] = value;
    return true;
  }
  return false;
}

}  // namespace

const char* ValueOf(const char* entry, const char* key) {
  const size_t length = strlen(key);
  return strncmp(entry, key, length) == 0 && entry[length] == '=' ? entry + length + 1 : nullptr;
}

bool SetNumber(const char* entry, const char* key, int64_t* number) {
  const char* value = ValueOf(entry, key);
  if (value == nullptr) return false;
  *number = strtoll(value, nullptr, 10);
  return true;
}

bool ReadFile(int dir, const char* name, Bytes* bytes) {
  const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return false;
  struct stat info;
  bool whole = fstat(fd, &info) == 0 && info.st_size > 0 && static_cast<size_t>(info.st_size) <= kFileBytesMax;
  if (whole) {
    bytes->size = static_cast<size_t>(info.st_size);
    void* memory = mmap(nullptr, bytes->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    whole = memory != MAP_FAILED;
    bytes->data = whole ? static_cast<char*>(memory) : nullptr;
    whole = whole && read(fd, bytes->data, bytes->size) == static_cast<ssize_t>(bytes->size) &&
            bytes->data[bytes->size - 1] == '\0';
  }
  close(fd);
  return whole;
}

bool ParseSpec(const Bytes& bytes, Spec* spec) {
  for (size_t at = 0; at < bytes.size; at += strlen(bytes.data + at) + 1) {
    const char* entry = bytes.data + at;
    if (const char* argument = ValueOf(entry, "arg"); argument != nullptr) {
      if (!AddTo(spec->arguments, kArgumentsMax, argument)) return false;
    } else if (const char* cgroup = ValueOf(entry, "cgroup"); cgroup != nullptr) {
      if (!AddTo(spec->cgroups, kCgroupsMax, cgroup)) return false;
    } else if (const char* door = ValueOf(entry, "door"); door != nullptr) {
      if (!AddTo(spec->doors, kDoorsMax, door)) return false;
    } else if (const char* word = ValueOf(entry, "companion"); word != nullptr) {
      if (!AddTo(spec->companion, kCompanionMax, word)) return false;
    } else {
      SetField(entry, spec);
    }
  }
  return spec->work != nullptr && spec->arguments[0] != nullptr && spec->wall_ms > 0 && spec->grace_ms >= 0;
}

bool ParseEnvironment(const Bytes& bytes, const char** environment) {
  size_t count = 0;
  for (size_t at = 0; at < bytes.size; at += strlen(bytes.data + at) + 1) {
    if (count == kEnvironmentMax) return false;
    environment[count++] = bytes.data + at;
  }
  environment[count] = nullptr;
  return true;
}

}  // namespace stratus::shim
