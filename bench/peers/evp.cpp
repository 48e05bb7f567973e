#include "../workload/contender.hpp"

#include <openssl/evp.h>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

/// What anybody would write who needs the digests of a tree fast: list the files, then two threads take them in turn.
namespace {

std::vector<std::string> list(std::span<char* const> paths) {
  std::vector<std::string> files;
  for (const std::string path : paths) {
    if (!std::filesystem::is_directory(path))
      files.push_back(path);
    else
      for (const auto& found : std::filesystem::recursive_directory_iterator(path)) {
        if (found.is_regular_file() && !found.is_symlink()) files.push_back(found.path());
      }
  }
  return files;
}

void hash_all(const std::vector<std::string>& files, std::atomic<std::size_t>& next) {
  EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  std::vector<unsigned char> buffer(256 * 1024);
  for (std::size_t i = next++; i < files.size(); i = next++) {
    const int file = open(files[i].c_str(), O_RDONLY | O_CLOEXEC);
    EVP_DigestInit_ex2(context, sha256, nullptr);
    for (ssize_t got = 0; (got = read(file, buffer.data(), buffer.size())) > 0;) {
      EVP_DigestUpdate(context, buffer.data(), static_cast<std::size_t>(got));
    }
    close(file);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_DigestFinal_ex(context, digest, &length);
    char line[65];
    for (unsigned k = 0; k < length; ++k) std::snprintf(line + 2 * k, 3, "%02x", static_cast<unsigned>(digest[k]));
    std::printf("%s  %s\n", line, files[i].c_str());
  }
  EVP_MD_CTX_free(context);
  EVP_MD_free(sha256);
}

void hash_with(unsigned threads, std::span<char* const> paths) {
  const std::vector<std::string> files = list(paths);
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> running;
  for (unsigned i = 1; i < threads; ++i) running.emplace_back([&] { hash_all(files, next); });
  hash_all(files, next);
  for (std::thread& each : running) each.join();
}

/// What no two threads can beat on `big` beside `small`: the longer of the big file alone and half of all the work.
void print_bound(std::span<char* const> big, std::span<char* const> small) {
  std::FILE* const report = fdopen(dup(STDOUT_FILENO), "w");
  if (std::freopen("/dev/null", "w", stdout) == nullptr) std::exit(1);
  const std::uint64_t start = bench::wall_ns();
  hash_with(1, big);
  const std::uint64_t big_done = bench::wall_ns();
  hash_with(1, small);
  const std::uint64_t all_done = bench::wall_ns();
  const double bound = std::max(static_cast<double>(big_done - start), static_cast<double>(all_done - start) / 2);
  std::fprintf(report, "wall_ns %.0f\ncpu_ns %.0f\n", bound, static_cast<double>(bench::cpu_ns()));
  std::fprintf(report, "big_ns %.0f\nsmall_ns %.0f\n", static_cast<double>(big_done - start),
               static_cast<double>(all_done - big_done));
  std::fclose(report);
}

}  // namespace

int main(int argc, char** argv) {
  const std::span<char* const> words(argv + 1, static_cast<std::size_t>(argc - 1));
  if (words.size() == 3 && std::string_view(words[0]) == "--bound") {
    print_bound(words.subspan(1, 1), words.subspan(2, 1));
  } else {
    hash_with(2, words);
  }
}
