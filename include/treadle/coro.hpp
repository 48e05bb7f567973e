#pragma once

/// Coroutines on a pool, in one include.

#include <treadle/coro/async_scope.hpp>
#include <treadle/coro/channel.hpp>
#include <treadle/coro/event.hpp>
#include <treadle/coro/every.hpp>
#include <treadle/coro/generator.hpp>
#include <treadle/coro/latch.hpp>
#include <treadle/coro/locals.hpp>
#include <treadle/coro/mutex.hpp>
#include <treadle/coro/resume_on.hpp>
#include <treadle/coro/select.hpp>
#include <treadle/coro/semaphore.hpp>
#include <treadle/coro/sleep.hpp>
#include <treadle/coro/spawn.hpp>
#include <treadle/coro/sync_wait.hpp>
#include <treadle/coro/task.hpp>
#include <treadle/coro/when_all.hpp>
#include <treadle/coro/when_any.hpp>
#include <treadle/coro/with_timeout.hpp>
#include <treadle/coro/yield.hpp>
