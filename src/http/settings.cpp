#include "settings.hpp"

#include <new>
#include <utility>

namespace treadle::http::detail {

settings::settings(client_options given) : options(std::move(given)), proxies(options), shared_(curl_share_init()) {
  if (shared_ == nullptr) throw std::bad_alloc();
  curl_share_setopt(shared_, CURLSHOPT_LOCKFUNC, &lock);
  curl_share_setopt(shared_, CURLSHOPT_UNLOCKFUNC, &unlock);
  curl_share_setopt(shared_, CURLSHOPT_USERDATA, this);
  // Sessions only: libcurl's caches of connections must not be shared between threads, and names are ours.
  curl_share_setopt(shared_, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}

settings::~settings() { curl_share_cleanup(shared_); }

void settings::lock(CURL*, curl_lock_data what, curl_lock_access, void* self) noexcept {
  if (what == CURL_LOCK_DATA_SSL_SESSION) static_cast<settings*>(self)->sessions_.lock();
}

void settings::unlock(CURL*, curl_lock_data what, void* self) noexcept {
  if (what == CURL_LOCK_DATA_SSL_SESSION) static_cast<settings*>(self)->sessions_.unlock();
}

}  // namespace treadle::http::detail
