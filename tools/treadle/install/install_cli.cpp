#include "install_cli.hpp"

#include "../numbers.hpp"

namespace tool::install {

namespace {

constexpr const char* footer =
    R"(What is installed: node_modules of the lock file's folder, and of the workspaces in it, as they are after
`npm ci --ignore-scripts`. Scripts are not run. What was in node_modules before is removed, and only when all else is
ready: who stops it at any time leaves the old node_modules or the new, whole.

Registry, tokens, proxy and certificates are those of npm: .npmrc and npm_config_* count.

Exit status: 0 all well; 1 something could not be installed, and then nothing was changed; 2 bad options.

Examples:
  treadle install                              the package-lock.json in this folder
  treadle install --omit dev -j 16             without development packages, 16 requests at a time
  treadle install --offline                    from what earlier runs have kept alone
  treadle install --link copy                  files of their own, which may be edited
  treadle install --json | jq .scripts_not_run for programs
)";

}  // namespace

command_line::command_line(CLI::App& app)
    : command_(app.add_subcommand("install", "Install what an npm lock file says into node_modules")) {
  command_->footer(footer);
  command_->add_option("--lockfile", asked_.lock_path)->type_name("FILE")->description("[package-lock.json]");
  command_->add_option("--registry", asked_.registry)->type_name("URL")->description("[npm's configuration]");
  command_->add_option("--cache", asked_.store_path)
      ->type_name("DIR")
      ->description("where unpacked packages are kept [treadle in XDG_CACHE_HOME, or ~/.cache]");
  command_->add_flag("--offline", asked_.is_offline, "fetch nothing");
  command_->add_option("-j,--jobs", most_at_a_time_)->type_name("N")->description("requests at a time [64]");
  command_->add_option("--omit", omitted_)
      ->type_name("KIND")
      ->allow_extra_args(false)
      ->description("leave out dev, optional or peer; may be given again");
  command_->add_option("--link", way_)
      ->type_name("WAY")
      ->description("how files come from the store: reflink, hardlink or copy; the next if it cannot be [reflink]");
  command_->add_option("--most-package-bytes", most_package_bytes_)
      ->type_name("N")
      ->description("refuse packages that are larger, unpacked [4294967296]");
  command_->add_flag("--json", asked_.wants_json, "print what was done as one JSON object");
}

options command_line::read() const {
  options asked = asked_;
  if (!most_at_a_time_.empty()) asked.most_at_a_time = parse_number<unsigned>("-j", most_at_a_time_, 1, 10'000);
  if (!most_package_bytes_.empty()) {
    asked.most_package_bytes =
        parse_number<std::uint64_t>("--most-package-bytes", most_package_bytes_, 1, std::uint64_t{1} << 50);
  }
  for (const std::string& kind : omitted_) {
    bool* const named = kind == "dev"        ? &asked.without.dev
                        : kind == "optional" ? &asked.without.optional
                        : kind == "peer"     ? &asked.without.peer
                                             : nullptr;
    if (named == nullptr) throw bad_option("--omit is '" + readable(kind) + "'; give dev, optional or peer");
    *named = true;
  }
  if (way_ == "reflink") {
    asked.way = link_way::reflink;
  } else if (way_ == "hardlink") {
    asked.way = link_way::hardlink;
  } else if (way_ == "copy") {
    asked.way = link_way::copy;
  } else {
    throw bad_option("--link is '" + readable(way_) + "'; give reflink, hardlink or copy");
  }
  return asked;
}

}  // namespace tool::install
