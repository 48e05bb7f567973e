// What a person reads: names of places and the steps of a failing execution.
#include "engine.hpp"

#include <cxxabi.h>

#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace mc {

namespace {

std::string demangled(const char* type) {
  int status = 0;
  char* const text = abi::__cxa_demangle(type, nullptr, nullptr, &status);
  std::string name = status == 0 ? text : type;
  std::free(text);
  const std::size_t colon = name.rfind("::", name.find('<'));
  return colon == std::string::npos ? name : name.substr(colon + 2);
}

constexpr unsigned shown_first = 200;
constexpr unsigned shown_last = 200;

}  // namespace

const char* name_of_order(std::memory_order order) noexcept {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_consume:
      return "consume";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    case std::memory_order_seq_cst:
      return "seq_cst";
  }
  return "?";
}

void engine::set_name(const void* address, const char* name) {
  const std::uint32_t id = find_location(address);
  if (id != none) locations_[id].name = name;
}

void engine::note(const char* what, const void* address, std::uint64_t value, std::memory_order order, site where,
                  const char* remark) {
  if (tracing_) steps_noted_.push_back({current_, what, address, value, order, where, remark});
}

std::string engine::place(site where) {
  if (where.file == nullptr || *where.file == '\0') return "(start)";
  std::string text = file_name(where.file);
  if (where.line != 0) text += ":" + std::to_string(where.line);
  return text;
}

/// The name that the model gave, else the object that it is in and the offset there.
std::string engine::name_of(const void* address) const {
  const char* const at = static_cast<const char*>(address);
  for (std::uint32_t id = 0; id < location_count_; ++id) {
    if (locations_[id].address == address && locations_[id].name != nullptr) return locations_[id].name;
  }
  for (const block& made : blocks_) {
    if (at < made.begin || at >= made.begin + made.bytes) continue;
    std::string text = demangled(made.type) + "#" + std::to_string(&made - blocks_.data());
    if (at != made.begin) text += "+" + std::to_string(at - made.begin);
    if (made.freed) text += " (freed at " + place(made.freed_by) + ")";
    return text;
  }
  char text[32];
  std::snprintf(text, sizeof text, "%p", address);
  return text;
}

std::string engine::format_trace() const {
  std::string text;
  unsigned number = 0;
  unsigned before = none;
  for (const step& one : steps_noted_) {
    if (++number > shown_first && steps_noted_.size() - number >= shown_last) {
      if (number == shown_first + 1) text += "  ...\n";
      continue;
    }
    char line[256];
    const char* const mark = one.thread == before ? " " : ">";
    before = one.thread;
    char value[32] = "";
    if (one.value > 0xffff) {
      std::snprintf(value, sizeof value, "0x%" PRIx64, one.value);
    } else {
      std::snprintf(value, sizeof value, "%" PRIu64, one.value);
    }
    const bool is_memory = one.address != nullptr;
    std::snprintf(line, sizeof line, "%4u %s T%u %-16s %-28s %-10s %-8s %-24s %-10s %s", number, mark, one.thread,
                  one.what, is_memory ? name_of(one.address).c_str() : "", is_memory ? value : "",
                  is_memory || std::strcmp(one.what, "fence") == 0 ? name_of_order(one.order) : "",
                  place(one.where).c_str(), edge_at(one.where.file, one.where.line).c_str(), one.note);
    text += line;
    text += '\n';
  }
  return text;
}

}  // namespace mc
