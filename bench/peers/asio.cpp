#include "../workload/posting.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

namespace {

struct adapter {
  explicit adapter(unsigned workers) : pool(workers) {}

  template <class F>
  void post(F f) {
    boost::asio::post(pool, std::move(f));
  }
  template <class F>
  void spawn(F f) {
    boost::asio::post(pool, std::move(f));
  }

  boost::asio::thread_pool pool;
};

}  // namespace

int main(int argc, char** argv) { bench::serve(argc, argv, bench::posting::rows<adapter>); }
