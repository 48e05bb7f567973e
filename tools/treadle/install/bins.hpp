#pragma once

#include "lock_file.hpp"

#include <string>

namespace tool::install {

/// Makes the commands of all packages that are installed: links in the `.bin` beside them. Of several of one name the
/// one that npm takes counts: the shallowest, then the first by name. `staged(path)` says where the lock file's `path`
/// lies for now. Throws outage.
class bin_linker {
 public:
  /// `lock`: must outlive it. `staging`: the folder that stands for `node_modules`, in the same folder as that.
  bin_linker(const lock_file& lock, std::string staging) : lock_(lock), staging_(std::move(staging)) {}
  void link_all() const;

 private:
  const lock_file& lock_;
  std::string staging_;
};

/// Returns where the lock file's `path` lies while it is laid out: its first `node_modules` is `staging` there.
[[nodiscard]] std::string staged_path(const lock_file& lock, const std::string& path, const std::string& staging);

}  // namespace tool::install
