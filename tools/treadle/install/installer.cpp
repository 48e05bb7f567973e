#include "installer.hpp"

#include "../text.hpp"
#include "fault.hpp"

#include <treadle/coro/async_scope.hpp>
#include <treadle/coro/sync_wait.hpp>

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <exception>
#include <map>
#include <new>
#include <span>

namespace tool::install {

namespace {

lock_file read_plan(const options& asked) {
  lock_file lock = lock_file::read(asked.lock_path);
  choose_packages(lock, platform::current(), asked.without);
  return lock;
}

settings read_settings(const options& asked, const std::string& folder) {
  settings made = settings::read(folder);
  if (!asked.registry.empty()) made.set("registry", asked.registry);
  return made;
}

std::string store_path(const options& asked) {
  if (!asked.store_path.empty()) return asked.store_path;
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  if (cache != nullptr && cache[0] == '/') return std::string(cache) + "/treadle";
  const char* const home = std::getenv("HOME");
  if (home == nullptr || home[0] != '/') throw fault("there is no HOME to keep packages in; give --cache DIR");
  return std::string(home) + "/.cache/treadle";
}

/// Says what this cannot fetch, before anything is begun.
void check_sources(const lock_file& lock) {
  for (const package& each : lock.packages) {
    if (!each.is_wanted() || !each.is_installed_place || each.is_link || each.is_bundled) continue;
    const std::string& from = each.resolved;
    if (from.empty() ? !each.version.empty()
                     : from.starts_with("https:") || from.starts_with("http:") || from.starts_with("file:")) {
      continue;
    }
    throw fault(
        fmt::format("{} comes from '{}': only registries, http, https and file: tarballs are installed; "
                    "`npm ci` can do this one",
                    each.called(), readable(from)));
  }
}

/// Reads a tarball that lies in a file.
download read_tarball(const std::string& path, const std::string& algorithm, std::uint64_t most_bytes, tarball into) {
  const handle file = open_regular(path);
  download got{std::move(into), {}};
  running_digest hash(algorithm);
  std::vector<std::byte> step(64 * 1024);
  for (std::uint64_t end = 0;;) {
    const ssize_t read = ::read(file.number(), step.data(), step.size());
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) throw_errno(path);
    if (read == 0) break;
    end += static_cast<std::uint64_t>(read);
    if (end > most_bytes) throw fault(fmt::format("{} has more than {} bytes", path, most_bytes));
    const std::span<const std::byte> bytes = std::span<const std::byte>(step).first(static_cast<std::size_t>(read));
    hash.add(bytes);
    got.content.add(bytes);
  }
  got.digest = hash.finish();
  return got;
}

/// Together, for tarballs on their way to the store. Most have some ten thousand bytes; what does not fit goes by file.
constexpr std::size_t most_tarball_bytes_in_memory = std::size_t{16} << 20;

}  // namespace

installer::installer(treadle::thread_pool& pool, const options& asked, complaints& faults)
    : pool_(pool),
      asked_(asked),
      faults_(faults),
      lock_(read_plan(asked)),
      settings_(read_settings(asked, lock_.root)),
      store_(store_path(asked)),
      layout_(lock_),
      placer_(asked.way),
      tarball_memory_(most_tarball_bytes_in_memory),
      downloads_(pool, settings_, asked.most_at_a_time) {
  check_sources(lock_);
  for (const package& each : lock_.packages) {
    if (each.is_bundled) bundled_.push_back(&each);
  }
  shows_bar_ = ::isatty(STDERR_FILENO) == 1;
}

/// Gathers packages by what they are made of. Those that are bundled come with another's tarball; who promised one and
/// lacks it has it installed as if it had not.
std::vector<installer::batch> installer::sort_out(pass which) {
  std::map<std::string, batch> by_tarball;
  for (package& each : lock_.packages) {
    if (!each.is_wanted() || !each.is_installed_place || each.is_link) continue;
    if (which == pass::normal ? each.is_bundled : !each.is_bundled || layout_.has(each)) continue;
    const std::string key = each.integrity.empty() ? each.resolved + '\n' + each.called() : each.integrity;
    by_tarball[key].push_back(&each);
  }
  std::vector<batch> all;
  all.reserve(by_tarball.size());
  for (auto& [key, made] : by_tarball) all.push_back(std::move(made));
  return all;
}

/// Returns the files in a package that are commands, those of what it bundles among them. The store's tree knows none,
/// for it may have been asked for by another lock file.
std::vector<std::string> installer::commands_of(const package& of) const {
  std::vector<std::string> files;
  for (const auto& [command, file] : of.bins) files.push_back(file);
  if (of.is_bundled) return files;
  for (const package* const bundled : bundled_) {
    if (!bundled->path.starts_with(of.path + '/')) continue;
    const std::string below = bundled->path.substr(of.path.size() + 1);
    for (const auto& [command, file] : bundled->bins) files.push_back(below + '/' + file);
  }
  return files;
}

void installer::install_all(pass which) {
  std::vector<batch> all = sort_out(which);
  if (all.empty()) return;
  const auto body = [&]() -> treadle::coro::task<> {
    treadle::coro::async_scope each_one(pool_);
    for (batch& each : all) each_one.spawn(install_batch(each));
    co_await each_one.join();
  };
  treadle::coro::sync_wait(pool_, body());
}

treadle::coro::task<> installer::install_batch(batch& of) {
  std::string why;
  bool is_outage = false;
  try {
    const stored_tree tree = co_await obtain(*of.front());
    for (const package* const each : of) {
      placer_.place(tree, layout_.make_place(*each).number(), commands_of(*each));
    }
    done_.fetch_add(of.size(), std::memory_order_relaxed);
    show_progress();
    const std::lock_guard exclusive(lock_of_notes_);
    for (const member& each : tree.members) {
      if (each.what != member::kind::left_out) continue;
      result_.skipped_links.emplace_back(of.front()->called(), readable(each.path));
    }
    co_return;
  } catch (const outage& error) {
    why = error.what();
    is_outage = true;
  } catch (const fault& error) {
    why = error.what();
  } catch (const std::system_error& error) {
    why = error.what();
    is_outage = true;
  } catch (const std::bad_alloc&) {
    why = "there is no memory left for it";
    is_outage = true;
  }
  note_failure(of, why, is_outage);
}

/// What is damaged or hostile fails all, optional or not: somebody has to look at it.
void installer::note_failure(const batch& of, const std::string& why, bool is_outage) {
  const std::lock_guard exclusive(lock_of_notes_);
  const bool is_fatal =
      !is_outage || std::any_of(of.begin(), of.end(), [](const package* p) { return !p->is_optional; });
  for (package* const each : of) {
    if (is_fatal) {
      result_.failed.emplace_back(each->called(), why);
      break;
    }
    missed_.emplace_back(each, why);
  }
}

treadle::coro::task<stored_tree> installer::obtain(const package& of) {
  std::string algorithm = "sha512";
  if (!of.integrity.empty()) {
    const integrity wanted = integrity::parse(of.integrity);
    if (std::optional<stored_tree> found = store_.find(wanted)) co_return std::move(*found);
    algorithm = wanted.algorithm();
  }
  download got = co_await fetch(of, algorithm);
  const integrity is = integrity::of(algorithm, got.digest);
  if (!of.integrity.empty() && !integrity::parse(of.integrity).holds_for(got.digest)) {
    throw fault(fmt::format("the tarball is not what the lock file says: its integrity is {}, not {}", is.text(),
                            readable(of.integrity)));
  }
  unpack_limits limits;
  limits.most_bytes = asked_.most_package_bytes;
  co_return store_.add(is, got.content.bytes(), limits);
}

treadle::coro::task<download> installer::fetch(const package& of, std::string algorithm) {
  if (of.resolved.starts_with("file:")) {
    const std::string path = of.resolved.substr(5);
    co_return read_tarball(path.starts_with('/') ? path : lock_.root + '/' + path, algorithm, asked_.most_package_bytes,
                           tarball(tarball_memory_, store_.scratch()));
  }
  if (asked_.is_offline) {
    throw fault("it is not in the store " + store_.path() + ", and --offline keeps from fetching it");
  }
  std::string url = settings_.tarball_url(of.name, of.version, of.resolved);
  download got = co_await downloads_.get(std::move(url), std::move(algorithm), asked_.most_package_bytes,
                                         tarball(tarball_memory_, store_.scratch()));
  downloaded_.fetch_add(1, std::memory_order_relaxed);
  co_return got;
}

void installer::show_progress() {
  if (!shows_bar_) return;
  const std::unique_lock exclusive(lock_of_notes_, std::try_to_lock);
  const auto now = std::chrono::steady_clock::now();
  if (!exclusive || now - bar_drawn_ < std::chrono::milliseconds(100)) return;
  bar_drawn_ = now;
  faults_.show_bar(fmt::format("{} of {} packages, {} fetched", done_.load(std::memory_order_relaxed), wanted_,
                               human_bytes(static_cast<double>(downloads_.received_bytes()))));
}

outcome installer::run() {
  wanted_ =
      static_cast<std::size_t>(std::count_if(lock_.packages.begin(), lock_.packages.end(), [](const package& each) {
        return each.is_wanted() && each.is_installed_place && !each.is_link && !each.is_bundled;
      }));
  install_all(pass::normal);
  install_all(pass::missing_bundled);
  faults_.show_bar("");
  if (!result_.failed.empty()) return sum_up();
  for (const auto& [missed, why] : missed_) {
    if (missed->is_wanted()) leave_out(lock_, *missed, why);
  }
  if (!missed_.empty()) {
    for (const package& each : lock_.packages) {
      if (!each.is_wanted() && each.is_installed_place) layout_.take_out(each);
    }
  }
  for (const package& each : lock_.packages) {
    if (each.is_wanted() && each.is_link) layout_.make_link(each);
  }
  bin_linker(lock_, layout::staging).link_all();
  layout_.write_hidden_lock(settings_.is_on("omit-lockfile-registry-resolved"));
  layout_.commit();
  return sum_up();
}

outcome installer::sum_up() {
  result_.packages = done_.load(std::memory_order_relaxed);
  result_.downloaded = downloaded_.load(std::memory_order_relaxed);
  result_.downloaded_bytes = downloads_.received_bytes();
  result_.way = placer_.way();
  for (const package& each : lock_.packages) {
    if (!each.is_wanted()) result_.left_out.emplace_back(each.path, each.left_out);
    if (each.is_wanted() && each.has_install_script) result_.scripts.push_back(each.called());
  }
  for (auto* const list : {&result_.left_out, &result_.skipped_links, &result_.failed}) {
    std::sort(list->begin(), list->end());
  }
  return std::move(result_);
}

}  // namespace tool::install
