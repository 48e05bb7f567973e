#include "trace_cli.hpp"

#include "hash_cli.hpp"

#include <utility>

namespace tool {

namespace {

constexpr const char* footer =
    R"(Runs COMMAND, a program that links treadle, as it is. When it exits, or is ended by SIGINT, SIGTERM, SIGABRT or
SIGSEGV, it leaves the last 65,536 events of each worker in FILE; a second pool leaves its own beside it, in
FILE.2. The program hears of it by the environment variable TREADLE_TRACE=FILE, which works without this, too.

Exit status: that of COMMAND, 128 and the signal that ended it; 127 if it cannot be run; 1 if it leaves no trace.

Examples:
  treadle trace --out slow.json -- ./server --port 8080
  treadle report slow.json
)";

}  // namespace

trace_cli::trace_cli(CLI::App& app) : command_(app.add_subcommand("trace", "Run a program and record a trace of it")) {
  command_->footer(footer);
  out_ = command_->add_option("--out")->type_name("FILE")->description("where the trace goes [trace.json]");
  // For --help only: see split_words.
  command_->add_option("COMMAND")->type_name("")->description("the program and its arguments, behind --");
}

trace_options trace_cli::options(std::vector<std::string> words) const {
  if (words.empty()) throw bad_option("no COMMAND is given; name the program behind --: `treadle trace -- ./server`");
  trace_options asked;
  asked.out = out_->empty() ? "trace.json" : out_->results().back();
  asked.command = std::move(words);
  return asked;
}

}  // namespace tool
