#include "web_clients.hpp"

#include <fstream>

namespace load {

namespace {

using words = std::vector<std::string>;

std::string base_of(const fetch_job& job) { return job.origin + "/files/"; }

words with_certificate(words command, const char* option, const fetch_job& job) {
  if (!job.certificate.empty()) command.push_back(option + job.certificate);
  return command;
}

words curl(const fetch_job& job, const std::filesystem::path& folder, bool is_parallel) {
  std::ofstream list(folder / "curl");
  if (!job.certificate.empty()) list << "cacert = " << job.certificate << '\n';
  for (std::uint64_t i = 0; i < job.count; ++i) list << "url = " << base_of(job) << i << "\noutput = /dev/null\n";
  words command{"curl", "-q", "-sS", "--no-progress-meter", "-K", folder / "curl"};
  if (is_parallel) {
    const words more{"--parallel", "--parallel-immediate", "--parallel-max", std::to_string(job.cap)};
    command.insert(command.end(), more.begin(), more.end());
  }
  return command;
}

/// It has to have a file for each; the way to nowhere is a link.
words aria2c(const fetch_job& job, const std::filesystem::path& folder) {
  std::filesystem::create_directory(folder / "out");
  std::ofstream list(folder / "aria2c");
  for (std::uint64_t i = 0; i < job.count; ++i) {
    list << base_of(job) << i << "\n out=" << i << '\n';
    std::filesystem::create_symlink("/dev/null", folder / "out" / std::to_string(i));
  }
  return with_certificate(
      {"aria2c", "--no-conf", "-q", "-j", std::to_string(job.cap), "-x1", "-s1", "--file-allocation=none",
       "--allow-overwrite=true", "--auto-file-renaming=false", "-d", folder / "out", "-i", folder / "aria2c"},
      "--ca-certificate=", job);
}

words wget2(const fetch_job& job, const std::filesystem::path& folder) {
  std::ofstream list(folder / "wget2");
  for (std::uint64_t i = 0; i < job.count; ++i) list << base_of(job) << i << '\n';
  return with_certificate({"wget2", "--no-config", "-q", "-O", "/dev/null", "--max-threads=" + std::to_string(job.cap),
                           "--no-http2", "--tries=1", "--no-robots", "--no-hsts", "-i", folder / "wget2"},
                          "--ca-certificate=", job);
}

/// It knows no number of requests, only a time.
words wrk(const fetch_job& job) {
  return {"wrk", "-t1", "-c" + std::to_string(job.cap), "-d" + std::to_string(job.seconds) + "s", base_of(job) + "0"};
}

words own(words command, const fetch_job& job) {
  const words more{"http_fetch",
                   "workers=1",
                   "n=" + std::to_string(job.count),
                   "cap=" + std::to_string(job.cap),
                   "bytes=" + std::to_string(job.bytes),
                   "url=" + base_of(job),
                   "ca=" + job.certificate};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

}  // namespace

words client_command(const std::string& client, const words& command, const fetch_job& job,
                     const std::filesystem::path& folder) {
  if (!command.empty()) return own(command, job);
  if (client == "curl" || client == "curl_single") return curl(job, folder, client == "curl");
  if (client == "aria2c") return aria2c(job, folder);
  if (client == "wget2") return wget2(job, folder);
  if (client == "wrk") return wrk(job);
  return {};
}

}  // namespace load
