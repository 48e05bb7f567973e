#include "report_cli.hpp"

#include "hash_cli.hpp"
#include "text.hpp"

#include <fmt/format.h>

namespace tool {

namespace {

constexpr const char* footer =
    R"(The page holds all that it shows and asks no network: what each worker did when, how much of it was use, what was
stolen and woken by whom, the longest tasks, and what stands out, with the mend. TRACE is what `treadle trace` or the
recorder of treadle/obs wrote; `-` is standard input.

Exit status: 0 all well; 1 TRACE could not be read or is no trace, or FILE not written; 2 bad options.

Examples:
  treadle report slow.json                      writes slow.html
  treadle report slow.json --out /tmp/page.html
  xz -dc old.json.xz | treadle report - --out old.html
)";

}  // namespace

report_cli::report_cli(CLI::App& app) : command_(app.add_subcommand("report", "Make a web page of a trace")) {
  command_->footer(footer);
  out_ = command_->add_option("--out")->type_name("FILE")->description(
      "write the page to FILE [TRACE with .html at its end]; - is standard output");
  // For --help only: see split_words.
  command_->add_option("TRACE")->type_name("")->description("a trace in Chrome's JSON format");
}

report_options report_cli::options(const std::vector<std::string>& paths) const {
  if (paths.empty()) throw bad_option("no TRACE is given; name the trace that a page shall be made of");
  if (paths.size() > 1) {
    throw bad_option(fmt::format("report takes one trace, and '{}' is a second", readable(paths[1])));
  }
  report_options asked;
  asked.trace = paths.front();
  if (!out_->empty()) asked.out = out_->results().back();
  return asked;
}

}  // namespace tool
