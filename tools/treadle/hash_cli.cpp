#include "hash_cli.hpp"

#include "text.hpp"

#include <treadle/thread_pool.hpp>

#include <fmt/format.h>

#include <charconv>

namespace tool {

namespace {

constexpr const char* footer =
    R"(What is hashed: every regular file below a directory. Symbolic links, sockets, pipes and devices below it are
passed over, as `find -type f` does; a PATH that is itself a link is followed, and one that is a pipe or device is
read to its end. `-` is standard input. Output is in byte order of the whole path.

Exit status: 0 all well; 1 something could not be read, written, or is not as listed; 2 bad options.

Examples:
  treadle hash ~/photos > sums            hash a tree; each line comes as soon as all before it are known
  treadle hash --check sums               verify it later; `sha256sum -c sums` does the same
  treadle hash --stats /usr/include       with figures about speed and pool on standard error
  treadle hash --unsorted / > sums        the least memory; sort with `LC_ALL=C sort -k2`
  treadle hash --json src | jq .summary   for programs
  tar c src | treadle hash -              hash standard input
)";

std::uint32_t parse_threads(const std::string& text) {
  std::uint32_t threads = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, threads);
  // Spares take part of the pool's table.
  constexpr std::uint32_t most = treadle::thread_pool::max_workers / 2;
  if (error != std::errc() || stop != end || threads == 0 || threads > most) {
    throw bad_option(fmt::format("--threads is '{}'; give a whole number from 1 to {}", readable(text), most));
  }
  return threads;
}

progress_mode parse_progress(const std::string& text) {
  if (text == "auto") return progress_mode::automatic;
  if (text == "always") return progress_mode::always;
  if (text == "never") return progress_mode::never;
  throw bad_option(fmt::format("--progress is '{}'; give auto, always or never", readable(text)));
}

bool takes_value(const std::string& word) {
  for (const char* const each : {"--threads", "--check", "--progress", "--out"}) {
    if (word == each) return true;
  }
  return false;
}

}  // namespace

split_words split_words::of(const std::vector<std::string>& words) {
  split_words split;
  bool all_are_paths = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (i == 0) {
      split.options.push_back(word);
    } else if (all_are_paths || word.size() < 2 || word.front() != '-') {
      split.paths.push_back(word);
    } else if (word == "--") {
      all_are_paths = true;
    } else if (takes_value(word) && i + 1 < words.size()) {
      split.options.push_back(word + '=' + words[++i]);
    } else {
      split.options.push_back(word);
    }
  }
  return split;
}

hash_cli::hash_cli(CLI::App& app)
    : command_(app.add_subcommand("hash", "SHA-256 of files and whole trees, in parallel")) {
  command_->footer(footer);
  threads_ = command_->add_option("--threads")
                 ->type_name("N")
                 ->description("hash on N threads [as many as can run at a time]");
  check_ = command_->add_option("--check")->type_name("FILE")->description(
      "verify the files that FILE lists, in its order; - is standard input");
  command_->add_flag("--json", wants_json_,
                     "print one JSON object: files, errors, summary. A path that is no UTF-8 "
                     "has its exact bytes in path_base64");
  command_->add_flag("--stats", wants_stats_, "print time, speed and pool figures to standard error");
  command_->add_flag("--unsorted", is_unsorted_, "print lines as files are done, in constant memory");
  progress_ = command_->add_option("--progress")
                  ->type_name("WHEN")
                  ->description("show a progress bar on standard error: auto (on a terminal), always, never");
  // For --help only: see split_words.
  command_->add_option("PATH")
      ->type_name("")
      ->expected(0, CLI::detail::expected_max_vector_size)
      ->description("files and directories");
}

hash_options hash_cli::options(std::vector<std::string> paths) const {
  hash_options asked;
  if (!threads_->empty()) asked.threads = parse_threads(threads_->results().back());
  if (!progress_->empty()) asked.progress = parse_progress(progress_->results().back());
  asked.is_check = !check_->empty();
  if (asked.is_check) asked.check_list = check_->results().back();
  asked.wants_json = wants_json_;
  asked.wants_stats = wants_stats_;
  asked.is_unsorted = is_unsorted_;
  asked.paths = std::move(paths);
  if (asked.is_check && !asked.paths.empty()) {
    throw bad_option(fmt::format("--check {} and the path '{}' cannot go together; the list names the files",
                                 readable(asked.check_list), readable(asked.paths.front())));
  }
  if (!asked.is_check && asked.paths.empty()) {
    throw bad_option("no PATH is given; name files or directories, or - for standard input");
  }
  return asked;
}

std::string command_of(const CLI::App& app) {
  const std::vector<CLI::App*> asked = app.get_subcommands();
  return asked.empty() ? "COMMAND" : asked.front()->get_name();
}

std::string explain_extras(const CLI::App& app) {
  const std::vector<std::string> extras = app.remaining(true);
  return fmt::format(
      "'{}' is no option of `treadle {}`; `treadle {} --help` lists them, and a PATH that begins with "
      "- goes behind --",
      extras.empty() ? "" : readable(extras.front()), command_of(app), command_of(app));
}

}  // namespace tool
