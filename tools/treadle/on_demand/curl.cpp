#include "library.hpp"

#include <curl/curl.h>

#include <cstdarg>

// The functions of libcurl that treadle::http calls, each of which calls that of the library, loaded by then. The
// program is linked with these instead: what downloads nothing is not kept waiting for libcurl and what that needs.

#undef curl_easy_setopt
#undef curl_easy_getinfo
#undef curl_multi_setopt
#undef curl_share_setopt

namespace {

constinit tool::on_demand::library curl(TREADLE_TOOL_CURL);

/// Calls `set` with the argument of an option, whose type shows from the option's number.
template <class Set>
auto pass_on(int option, std::va_list arguments, Set&& set) {
  if (option < CURLOPTTYPE_OBJECTPOINT) return set(va_arg(arguments, long));
  if (option >= CURLOPTTYPE_OFF_T && option < CURLOPTTYPE_BLOB) return set(va_arg(arguments, curl_off_t));
  return set(va_arg(arguments, void*));
}

}  // namespace

#define TREADLE_CALL(function)                                           \
  ([] {                                                                  \
    static auto* const found = curl.find<decltype(function)>(#function); \
    return found;                                                        \
  }())

extern "C" {

CURLcode curl_global_init(long flags) { return TREADLE_CALL(curl_global_init)(flags); }
void curl_free(void* from) { TREADLE_CALL(curl_free)(from); }
time_t curl_getdate(const char* text, const time_t* unused) { return TREADLE_CALL(curl_getdate)(text, unused); }
curl_slist* curl_slist_append(curl_slist* to, const char* text) { return TREADLE_CALL(curl_slist_append)(to, text); }
void curl_slist_free_all(curl_slist* list) { TREADLE_CALL(curl_slist_free_all)(list); }

CURL* curl_easy_init() { return TREADLE_CALL(curl_easy_init)(); }
void curl_easy_cleanup(CURL* easy) { TREADLE_CALL(curl_easy_cleanup)(easy); }
void curl_easy_reset(CURL* easy) { TREADLE_CALL(curl_easy_reset)(easy); }
CURLcode curl_easy_pause(CURL* easy, int what) { return TREADLE_CALL(curl_easy_pause)(easy, what); }
const char* curl_easy_strerror(CURLcode code) { return TREADLE_CALL(curl_easy_strerror)(code); }

CURLM* curl_multi_init() { return TREADLE_CALL(curl_multi_init)(); }
CURLMcode curl_multi_cleanup(CURLM* multi) { return TREADLE_CALL(curl_multi_cleanup)(multi); }
CURLMcode curl_multi_add_handle(CURLM* to, CURL* easy) { return TREADLE_CALL(curl_multi_add_handle)(to, easy); }
CURLMcode curl_multi_remove_handle(CURLM* from, CURL* easy) {
  return TREADLE_CALL(curl_multi_remove_handle)(from, easy);
}
CURLMsg* curl_multi_info_read(CURLM* of, int* left) { return TREADLE_CALL(curl_multi_info_read)(of, left); }
CURLMcode curl_multi_socket_action(CURLM* of, curl_socket_t socket, int events, int* running) {
  return TREADLE_CALL(curl_multi_socket_action)(of, socket, events, running);
}

CURLSH* curl_share_init() { return TREADLE_CALL(curl_share_init)(); }
CURLSHcode curl_share_cleanup(CURLSH* share) { return TREADLE_CALL(curl_share_cleanup)(share); }

CURLU* curl_url() { return TREADLE_CALL(curl_url)(); }
void curl_url_cleanup(CURLU* url) { TREADLE_CALL(curl_url_cleanup)(url); }
CURLUcode curl_url_set(CURLU* url, CURLUPart what, const char* part, unsigned flags) {
  return TREADLE_CALL(curl_url_set)(url, what, part, flags);
}
const char* curl_url_strerror(CURLUcode code) { return TREADLE_CALL(curl_url_strerror)(code); }

}  // extern "C"

// Those with variable arguments have another type here than in curl.h, which the assembler does not see: C++ forbids to
// find the arguments behind one of an enumeration's type. The last one is const in later versions only.

// NOLINTBEGIN(cert-dcl50-cpp)
CURLcode set_easy(CURL* easy, int option, ...) __asm__("curl_easy_setopt");
CURLcode ask_easy(CURL* easy, int what, ...) __asm__("curl_easy_getinfo");
CURLMcode set_multi(CURLM* multi, int option, ...) __asm__("curl_multi_setopt");
CURLSHcode set_share(CURLSH* share, int option, ...) __asm__("curl_share_setopt");
CURLUcode ask_url(const CURLU* url, CURLUPart what, char** part, unsigned flags) __asm__("curl_url_get");

CURLcode set_easy(CURL* easy, int option, ...) {
  std::va_list arguments;
  va_start(arguments, option);
  const CURLcode code = pass_on(option, arguments, [&](auto value) {
    return TREADLE_CALL(curl_easy_setopt)(easy, static_cast<CURLoption>(option), value);
  });
  va_end(arguments);
  return code;
}

CURLcode ask_easy(CURL* easy, int what, ...) {
  std::va_list arguments;
  va_start(arguments, what);
  const CURLcode code = TREADLE_CALL(curl_easy_getinfo)(easy, static_cast<CURLINFO>(what), va_arg(arguments, void*));
  va_end(arguments);
  return code;
}

CURLMcode set_multi(CURLM* multi, int option, ...) {
  std::va_list arguments;
  va_start(arguments, option);
  const CURLMcode code = pass_on(option, arguments, [&](auto value) {
    return TREADLE_CALL(curl_multi_setopt)(multi, static_cast<CURLMoption>(option), value);
  });
  va_end(arguments);
  return code;
}

CURLSHcode set_share(CURLSH* share, int option, ...) {
  std::va_list arguments;
  va_start(arguments, option);
  const auto which = static_cast<CURLSHoption>(option);
  const bool is_number = which == CURLSHOPT_SHARE || which == CURLSHOPT_UNSHARE;
  const CURLSHcode code = is_number ? TREADLE_CALL(curl_share_setopt)(share, which, va_arg(arguments, int))
                                    : TREADLE_CALL(curl_share_setopt)(share, which, va_arg(arguments, void*));
  va_end(arguments);
  return code;
}
// NOLINTEND(cert-dcl50-cpp)

CURLUcode ask_url(const CURLU* url, CURLUPart what, char** part, unsigned flags) {
  return TREADLE_CALL(curl_url_get)(const_cast<CURLU*>(url), what, part, flags);
}
