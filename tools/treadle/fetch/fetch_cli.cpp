#include "fetch_cli.hpp"

#include "../numbers.hpp"

namespace tool::fetch {

namespace {

constexpr const char* footer =
    R"(Each file is written beside its place, as .NAME.treadle-part, and renamed when it is whole and its checksum is
right: under its final name there is never half a file, whoever stops it when. What breaks off is gone on with where it
broke off, if the server can do that. A file that is there with the right checksum is not fetched again.

A manifest has a line for each file: URL, name, checksum; name and checksum may be missing. Checksums are sha256:HEX or
as sha512-BASE64, of sha1, sha256, sha384 or sha512.

Exit status: 0 all well; 1 something failed, and is listed; 2 bad options.

Examples:
  treadle fetch https://example.org/a.tar.gz https://example.org/b.tar.gz
  treadle fetch --out iso -j 4 --per-host 2 -i urls
  treadle fetch --resume --manifest wanted          go on later with what was stopped
  treadle fetch --checksum sha256:9f86d0... https://example.org/a.tar.gz
  treadle fetch --json -i urls | jq '.files[] | select(.ok | not)'
)";

}  // namespace

command_line::command_line(CLI::App& app) : command_(app.add_subcommand("fetch", "Download many files at once")) {
  command_->footer(footer);
  command_->add_option("-j,--jobs", most_at_a_time_)->type_name("N")->description("requests at a time [16]");
  command_->add_option("--per-host", most_per_host_)->type_name("N")->description("the same for each host [no limit]");
  command_->add_option("--out", asked_.folder)->type_name("DIR")->description("where the files go [.]");
  command_->add_option("-i", asked_.list_path)->type_name("FILE")->description("a URL a line; - is standard input");
  command_->add_option("--manifest", asked_.manifest_path)
      ->type_name("FILE")
      ->description("URL, name and checksum, a line each; - is standard input");
  command_->add_option("--checksum", asked_.checksums)
      ->type_name("SUM")
      ->allow_extra_args(false)
      ->description("what a file has to hash to; one for each URL, in their order");
  command_->add_option("--retry", retries_)->type_name("N")->description("how often what failed is tried again [3]");
  command_->add_flag("--resume", asked_.resumes, "keep what was stopped, and go on with it");
  command_->add_flag("--json", asked_.wants_json, "print what was done as one JSON object");
  command_->add_option("URL", asked_.urls)->type_name("")->description("http and https");
}

options command_line::read() const {
  options asked = asked_;
  if (!most_at_a_time_.empty()) asked.most_at_a_time = parse_number<unsigned>("-j", most_at_a_time_, 1, 10'000);
  if (!most_per_host_.empty()) asked.most_per_host = parse_number<unsigned>("--per-host", most_per_host_, 1, 10'000);
  if (!retries_.empty()) asked.retries = parse_number<unsigned>("--retry", retries_, 0, 1'000);
  return asked;
}

}  // namespace tool::fetch
