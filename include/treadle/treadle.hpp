#pragma once

/// Everything of treadle's core in one include.

#include <treadle/algorithm.hpp>
#include <treadle/available_parallelism.hpp>
#include <treadle/batch.hpp>
#include <treadle/blocking.hpp>
#include <treadle/checkpoint.hpp>
#include <treadle/default_pool.hpp>
#include <treadle/errc.hpp>
#include <treadle/fork_join.hpp>
#include <treadle/future.hpp>
#include <treadle/graph.hpp>
#include <treadle/obs/histogram.hpp>
#include <treadle/obs/latencies.hpp>
#include <treadle/obs/prometheus.hpp>
#include <treadle/obs/trace_on_signal.hpp>
#include <treadle/obs/watchdog.hpp>
#include <treadle/obs/watchdog_options.hpp>
#include <treadle/obs/write_trace.hpp>
#include <treadle/pipeline.hpp>
#include <treadle/pool_config.hpp>
#include <treadle/pool_stats.hpp>
#include <treadle/profiler_hooks.hpp>
#include <treadle/scope.hpp>
#include <treadle/scope_task.hpp>
#include <treadle/shutdown_report.hpp>
#include <treadle/source_site.hpp>
#include <treadle/stop_token.hpp>
#include <treadle/strand.hpp>
#include <treadle/task.hpp>
#include <treadle/this_worker.hpp>
#include <treadle/thread_pool.hpp>
#include <treadle/timer.hpp>
#include <treadle/version.hpp>
#include <treadle/worker.hpp>
#include <treadle/worker_stats.hpp>
