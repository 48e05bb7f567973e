#include "proxy.hpp"

#include "text.hpp"

#include <cstdlib>
#include <string_view>

namespace treadle::http::detail {

namespace {

std::string variable(const char* lower_case, const char* upper_case) {
  const char* text = secure_getenv(lower_case);
  if (text == nullptr && upper_case != nullptr) text = secure_getenv(upper_case);
  return text != nullptr ? text : "";
}

/// Says whether `host` is `pattern`, or lies in that domain.
bool lies_in(std::string_view host, std::string_view pattern) noexcept {
  if (!pattern.empty() && pattern.front() == '.') pattern.remove_prefix(1);
  if (!pattern.empty() && pattern.back() == '.') pattern.remove_suffix(1);
  if (pattern.empty() || pattern.size() > host.size()) return false;
  const std::size_t rest = host.size() - pattern.size();
  return same_name(host.substr(rest), pattern) && (rest == 0 || host[rest - 1] == '.');
}

}  // namespace

proxy_rules::proxy_rules(const client_options& options) {
  if (!options.proxy.empty()) {
    for_http_ = for_https_ = options.proxy;
    return;
  }
  if (!options.environment_proxy) return;
  const std::string all = variable("all_proxy", "ALL_PROXY");
  for_http_ = variable("http_proxy", nullptr);  // the other one is a header of CGI
  for_https_ = variable("https_proxy", "HTTPS_PROXY");
  if (for_http_.empty()) for_http_ = all;
  if (for_https_.empty()) for_https_ = all;
  exempt_ = variable("no_proxy", "NO_PROXY");
}

const std::string& proxy_rules::choose(const target& to) const noexcept {
  static const std::string none;
  const std::string& chosen = to.scheme == "https" ? for_https_ : for_http_;
  return chosen.empty() || is_exempt(to) ? none : chosen;
}

bool proxy_rules::is_exempt(const target& to) const noexcept {
  if (exempt_ == "*") return true;
  std::string_view rest = exempt_;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of(", "), rest.size());
    std::string_view each = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (each.size() > 2 && each.front() == '[') each = each.substr(1, each.size() - 2);
    if (to.is_address ? each == to.host : lies_in(to.host, each)) return true;
  }
  return false;
}

}  // namespace treadle::http::detail
