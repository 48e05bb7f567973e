#include "library.hpp"

#include <archive.h>
#include <archive_entry.h>

// The functions of libarchive that `treadle install` calls, as curl.cpp has those of libcurl: who unpacks nothing is
// not kept waiting for the dozen libraries that it needs.

namespace {

constinit tool::on_demand::library libarchive(TREADLE_TOOL_ARCHIVE);

}  // namespace

#define TREADLE_CALL(function)                                                 \
  ([] {                                                                        \
    static auto* const found = libarchive.find<decltype(function)>(#function); \
    return found;                                                              \
  }())

extern "C" {

archive* archive_read_new() { return TREADLE_CALL(archive_read_new)(); }
int archive_read_free(archive* read) { return TREADLE_CALL(archive_read_free)(read); }
int archive_read_support_filter_gzip(archive* read) { return TREADLE_CALL(archive_read_support_filter_gzip)(read); }
int archive_read_support_format_tar(archive* read) { return TREADLE_CALL(archive_read_support_format_tar)(read); }
int archive_read_open_memory(archive* read, const void* from, size_t bytes) {
  return TREADLE_CALL(archive_read_open_memory)(read, from, bytes);
}
int archive_read_next_header(archive* read, archive_entry** entry) {
  return TREADLE_CALL(archive_read_next_header)(read, entry);
}
int archive_read_data_block(archive* read, const void** block, size_t* bytes, la_int64_t* offset) {
  return TREADLE_CALL(archive_read_data_block)(read, block, bytes, offset);
}
const char* archive_error_string(archive* of) { return TREADLE_CALL(archive_error_string)(of); }

const char* archive_entry_pathname(archive_entry* of) { return TREADLE_CALL(archive_entry_pathname)(of); }
const char* archive_entry_pathname_utf8(archive_entry* of) { return TREADLE_CALL(archive_entry_pathname_utf8)(of); }
const char* archive_entry_hardlink(archive_entry* of) { return TREADLE_CALL(archive_entry_hardlink)(of); }
__LA_MODE_T archive_entry_filetype(archive_entry* of) { return TREADLE_CALL(archive_entry_filetype)(of); }
__LA_MODE_T archive_entry_perm(archive_entry* of) { return TREADLE_CALL(archive_entry_perm)(of); }
la_int64_t archive_entry_size(archive_entry* of) { return TREADLE_CALL(archive_entry_size)(of); }

}  // extern "C"
