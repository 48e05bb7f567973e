#pragma once

#include "url.hpp"

#include <treadle/http/client_options.hpp>

#include <string>

namespace treadle::http::detail {

/// Which proxy a request goes through: curl's rules, decided here because the proxy's name has to be resolved.
class proxy_rules {
 public:
  /// Looks at the environment, unless the options name a proxy or say not to.
  explicit proxy_rules(const client_options& options);

  /// Returns the proxy's URL; empty: none.
  [[nodiscard]] const std::string& choose(const target& to) const noexcept;

 private:
  [[nodiscard]] bool is_exempt(const target& to) const noexcept;

  std::string for_http_, for_https_, exempt_;
};

}  // namespace treadle::http::detail
