#include "manual.hpp"

#include <treadle/version.hpp>

#include <fmt/format.h>

#include <sstream>
#include <string_view>
#include <vector>

namespace tool {

namespace {

/// Text that troff shows as it is: no line begins with a control character, and hyphens can be copied.
std::string roff(std::string_view text) {
  std::string shown;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c == '.' || c == '\'') && (i == 0 || text[i - 1] == '\n')) shown += "\\&";
    if (c == '-' || c == '\\') shown += '\\';
    shown += c == '\\' ? "e" : std::string(1, c);
  }
  return shown;
}

std::vector<const CLI::App*> shown_commands(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App* each) { return !each->get_group().empty(); });
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::vector<std::string> names_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& each : option.get_snames()) names.push_back('-' + each);
  for (const std::string& each : option.get_lnames()) names.push_back("--" + each);
  return names;
}

std::string option_entry(const CLI::Option& option) {
  std::vector<std::string> names = names_of(option);
  if (names.empty()) {
    return fmt::format(".TP\n.I {}\n{}\n", roff(option.get_name(true)), roff(option.get_description()));
  }
  for (std::string& each : names) each = "\\fB" + roff(each) + "\\fR";
  std::string head = fmt::format("{}", fmt::join(names, ", "));
  if (takes_value(option)) head += " \\fI" + roff(option.get_type_name()) + "\\fR";
  return fmt::format(".TP\n{}\n{}\n", head, roff(option.get_description()));
}

std::string synopsis(const CLI::App& app, const CLI::App& command) {
  std::string line = fmt::format(".B {} {}\n[\\fIOPTION\\fR]...", app.get_name(), command.get_name());
  for (const CLI::Option* const each : command.get_options()) {
    if (names_of(*each).empty()) line += " \\fI" + roff(each->get_name(true)) + "\\fR";
  }
  return line + "\n";
}

/// A footer's paragraphs; what is set in, examples above all, stays as it is.
std::string paragraphs(const std::string& footer) {
  std::string page;
  bool is_literal = false;
  std::istringstream lines(footer);
  for (std::string line; std::getline(lines, line);) {
    const bool is_set_in = line.starts_with("  ");
    if (is_set_in != is_literal) page += is_set_in ? ".nf\n" : ".fi\n";
    is_literal = is_set_in;
    page += line.empty() ? ".PP\n" : roff(line) + '\n';
  }
  return is_literal ? page + ".fi\n" : page;
}

std::string quoted_words(const std::vector<std::string>& words) { return fmt::format("'{}'", fmt::join(words, " ")); }

}  // namespace

std::string make_manual(const CLI::App& app) {
  std::string page =
      fmt::format(".TH {0} 1 \"\" \"treadle {1}\" \"User Commands\"\n.SH NAME\n{2} \\- {3}\n.SH SYNOPSIS\n", "TREADLE",
                  TREADLE_VERSION_STRING, app.get_name(), roff(app.get_description()));
  for (const CLI::App* const each : shown_commands(app)) page += synopsis(app, *each) + ".br\n";
  page += fmt::format(".B {}\n\\fB\\-\\-version\\fR | \\fB\\-\\-help\\fR\n", app.get_name());
  for (const CLI::App* const each : shown_commands(app)) {
    page += fmt::format(".SH {} {}\n{}.\n", app.get_name(), each->get_name(), roff(each->get_description()));
    for (const CLI::Option* const option : each->get_options()) page += option_entry(*option);
    page += ".PP\n" + paragraphs(each->get_footer());
  }
  return page;
}

std::string make_completion(const CLI::App& app) {
  std::vector<std::string> commands;
  std::string cases;
  for (const CLI::App* const each : shown_commands(app)) {
    commands.push_back(each->get_name());
    std::vector<std::string> options;
    std::vector<std::string> with_file;
    for (const CLI::Option* const option : each->get_options()) {
      for (const std::string& name : names_of(*option)) {
        options.push_back(name);
        if (takes_value(*option)) with_file.push_back(name);
      }
    }
    cases += fmt::format("    {}) options={} valued={} ;;\n", each->get_name(), quoted_words(options),
                         quoted_words(with_file));
  }
  std::vector<std::string> first = commands;
  for (const CLI::Option* const option : app.get_options()) {
    for (const std::string& name : names_of(*option)) first.push_back(name);
  }
  return fmt::format(R"(# Completes command lines of treadle in bash. Made by `treadle completion`.
_treadle() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} options= valued= i
  COMPREPLY=()
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W {} -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}    *) return ;;
  esac
  for ((i = 2; i < COMP_CWORD; ++i)); do
    if [ "${{COMP_WORDS[i]}}" = -- ]; then options=; fi
  done
  if [[ $word == -* && " $valued " != *" ${{COMP_WORDS[COMP_CWORD - 1]}} "* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}}
complete -o filenames -F _treadle treadle
)",
                     quoted_words(first), cases);
}

}  // namespace tool
