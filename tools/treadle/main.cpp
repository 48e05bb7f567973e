#include "hash.hpp"
#include "hash_cli.hpp"
#include "text.hpp"

#include <treadle/version.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <iostream>
#include <string>
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

/// Prints what is wrong with the command line, and how to mend it, in one line. Returns the exit status.
int refuse(const std::string& message) {
  fmt::print(stderr, "treadle: {}\n", message);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Programs on the treadle thread pool.", "treadle");
  app.set_version_flag("--version", "treadle " TREADLE_VERSION_STRING);
  app.require_subcommand(1);
  app.footer("`treadle hash --help` tells more.");
  tool::hash_cli hash(app);
  tool::split_words words = tool::split_words::of({argv + 1, argv + argc});
  try {
    app.parse(std::vector<std::string>(words.options.rbegin(), words.options.rend()));
    return tool::run_hash(hash.options(std::move(words.paths)));
  } catch (const CLI::Success& asked) {  // --help, --version
    return answer(app, asked);
  } catch (const CLI::ExtrasError&) {
    if (!app.get_subcommands().empty()) return refuse(tool::explain_extras(app));
    return refuse("'" + tool::readable(words.options.front()) + "' is no command; `treadle hash PATH...` is one");
  } catch (const CLI::RequiredError&) {
    if (words.options.empty()) return refuse("no command is given; `treadle hash PATH...` is one");
    return refuse("'" + tool::readable(words.options.front()) + "' is no command; `treadle hash PATH...` is one");
  } catch (const CLI::ParseError& error) {
    return refuse(std::string(error.what()) + "; `treadle hash --help` lists the options");
  } catch (const tool::bad_option& error) {
    return refuse(error.what());
  }
}
