#include "doctor_cli.hpp"
#include "hash.hpp"
#include "hash_cli.hpp"
#include "manual.hpp"
#include "report_cli.hpp"
#include "text.hpp"
#include "trace_cli.hpp"
#ifdef TREADLE_TOOL_NETWORK
#include "fetch/fetch_cli.hpp"
#include "install/install_cli.hpp"
#endif

#include <treadle/version.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <iostream>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace {

/// Prints the help or the version that was asked for. Returns the exit status.
int answer(const CLI::App& app, const CLI::Success& asked) {
  const int status = app.exit(asked);
  std::cout.flush();
  if (std::cout) return status;
  fmt::print(stderr, "treadle: standard output: {}\n", std::generic_category().message(errno));
  return 1;
}

int print(const std::string& text) {
  if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return 0;
  fmt::print(stderr, "treadle: standard output: {}\n", std::generic_category().message(errno));
  return 1;
}

/// Prints what is wrong with the command line, and how to mend it, in one line. Returns the exit status.
int refuse(const std::string& message) {
  fmt::print(stderr, "treadle: {}\n", tool::printable(message));
  return 2;
}

/// Parses `words` and does what they ask by `run`. Options that nobody knows, and a missing command, are for `explain`
/// to put into words. Returns the exit status.
template <class Run, class Explain>
int obey(CLI::App& app, const std::vector<std::string>& words, Run&& run, Explain&& explain) {
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
    return run();
  } catch (const CLI::Success& asked) {  // --help, --version
    return answer(app, asked);
  } catch (const CLI::ExtrasError& error) {
    return refuse(explain(error));
  } catch (const CLI::RequiredError& error) {
    return refuse(explain(error));
  } catch (const CLI::ParseError& error) {
    return refuse(fmt::format("{}; `treadle {} --help` lists the options", error.what(), tool::command_of(app)));
  } catch (const tool::bad_option& error) {
    return refuse(error.what());
  }
}

/// Answers for a command that goes to the network. Returns the exit status.
int run_network_command(const std::string& name, const std::vector<std::string>& words) {
#ifdef TREADLE_TOOL_NETWORK
  CLI::App app("Programs on the treadle thread pool.", "treadle");
  tool::install::command_line install(app);
  tool::fetch::command_line fetch(app);
  return obey(
      app, words,
      [&] { return name == "install" ? tool::install::run(install.read()) : tool::fetch::run(fetch.read()); },
      [&](const CLI::ParseError&) {
        const std::vector<std::string> extras = app.remaining(true);
        return fmt::format("{} takes no '{}'; `treadle {} --help` lists the options", name,
                           extras.empty() ? "" : tool::readable(extras.front()), name);
      });
#else
  static_cast<void>(words);
  return refuse("this treadle was built without " + name +
                ", which needs libarchive and libcurl (Debian: libarchive-dev libcurl4-openssl-dev)");
#endif
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view command = argc > 1 ? argv[1] : "";
  if (command == "install" || command == "fetch") {
    return run_network_command(std::string(command), {argv + 1, argv + argc});
  }
  CLI::App app("Programs on the treadle thread pool.", "treadle");
  app.set_version_flag("--version", "treadle " TREADLE_VERSION_STRING);
  app.require_subcommand(1);
  app.footer("`treadle COMMAND --help` tells more.");
  tool::hash_cli hash(app);
#ifdef TREADLE_TOOL_NETWORK
  const tool::install::command_line install(app);
  const tool::fetch::command_line fetch(app);
#endif
  tool::report_cli report(app);
  tool::trace_cli trace(app);
  tool::doctor_cli doctor(app);
  // For the installation; no group keeps them out of --help.
  const CLI::App* const manual = app.add_subcommand("man", "Print the manual page")->group("");
  const CLI::App* const completion = app.add_subcommand("completion", "Print bash's completion")->group("");
  tool::split_words words = tool::split_words::of({argv + 1, argv + argc});
  const auto run = [&]() -> int {
    if (manual->parsed()) return print(tool::make_manual(app));
    if (completion->parsed()) {
      const bool is_bash = words.paths.empty() || words.paths == std::vector<std::string>{"bash"};
      return is_bash ? print(tool::make_completion(app))
                     : refuse("only bash can be completed: `treadle completion bash`");
    }
    if (doctor.is_asked()) return tool::run_doctor(doctor.options(words.paths));
    if (trace.is_asked()) return tool::run_trace(trace.options(std::move(words.paths)));
    if (report.is_asked()) return tool::run_report(report.options(words.paths));
    return tool::run_hash(hash.options(std::move(words.paths)));
  };
  return obey(app, words.options, run, [&](const CLI::ParseError&) -> std::string {
    if (words.options.empty()) return "no command is given; `treadle hash PATH...` is one";
    if (!app.get_subcommands().empty()) return tool::explain_extras(app);
    return "'" + tool::readable(words.options.front()) + "' is no command; `treadle hash PATH...` is one";
  });
}
