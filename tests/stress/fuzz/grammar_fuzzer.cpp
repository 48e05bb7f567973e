// The grammar of the random programs, driven by libFuzzer: `treadle_grammar_fuzzer -max_total_time=60 -max_len=400`.
#include "../grammar/pool_run.hpp"
#include "../grammar/program.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size);

/// The first byte is the width, the others the program.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace treadle::test::grammar;
  if (size == 0) return 0;
  const program meant = parse({bytes + 1, size - 1});
  pool_run tested(meant, 1u + bytes[0] % 8);
  const std::string faults = tested.run();
  if (faults.empty()) return 0;
  std::fprintf(stderr, "%sTREADLE_TEST_PROGRAM=%s, %u workers\n", faults.c_str(), to_hex({bytes + 1, size - 1}).c_str(),
               1u + bytes[0] % 8);
  std::abort();
}
