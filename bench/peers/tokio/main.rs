#[allow(dead_code)]
mod common;
mod coroutines;
mod serve;
mod timers;

use common::*;
use tokio::runtime::Runtime;

/// A future cannot call itself without a box, so the recursion goes through this function.
fn spawn_part(values: &'static mut [i32]) {
    tokio::spawn(async move { sort_part(values) });
}

fn sort_part(values: &'static mut [i32]) {
    if values.len() <= INSERTION_LIMIT {
        insertion_sort(values);
        return tick(values.len() as u64);
    }
    let pivot = partition(values);
    let (left, right) = values.split_at_mut(pivot);
    spawn_part(left);
    spawn_part(&mut right[1..]);
    tick(1)
}

fn spawn_all(n: u64) {
    for _ in 0..n {
        tokio::spawn(async { tick(1) });
    }
}

fn run(request: &Request, pool: &Runtime) -> bool {
    let n = request.number("n", 1_000_000);
    let post = |body: fn()| {
        pool.spawn(async move { body() });
    };
    let from_outside = |submit: &dyn Fn()| {
        let goal = ticks() + n;
        submit();
        wait_for_ticks(goal)
    };
    let post_boxed = |body: Box<dyn FnOnce() + Send>| {
        pool.spawn(async move { body() });
    };
    match request.row.as_str() {
        "empty_outside" => measure(request, n, || {}, || {
            from_outside(&|| {
                for _ in 0..n {
                    pool.spawn(async { tick(1) });
                }
            })
        }),
        "empty_spawned" => measure(request, n, || {}, || {
            from_outside(&|| {
                pool.spawn(async move { spawn_all(n) });
            })
        }),
        "wake" => {
            start_all_workers(request.workers(), post_boxed);
            measure_latency(request, || post(arrive))
        }
        "trickle" => {
            start_all_workers(request.workers(), post_boxed);
            measure_trickle(request, || post(trickle_task))
        }
        "quicksort" => measure_sort(request, |values| {
            let goal = ticks() + values.len() as u64;
            pool.spawn(async move { sort_part(values) });
            wait_for_ticks(goal)
        }),
        "idle" => {
            for _ in 0..100_000 {
                pool.spawn(async { tick(1) });
            }
            wait_for_ticks(100_000);
            measure_idle(request)
        }
        "echo_server" => serve::echo_server(request, pool),
        "bound_server" => serve::bound_server(request, pool),
        "coroutine_spawn_join" => coroutines::spawn_join(request, pool),
        "coroutine_yield" => coroutines::give_way(request, pool),
        "coroutine_channel" => coroutines::channel(request, pool),
        "coroutine_when_all" => coroutines::when_all(request, pool),
        "timers_arm_cancel" => timers::arm_cancel(request, pool),
        "timers_rearm" => timers::rearm(request, pool),
        "timers_expire" => timers::expire(request, pool),
        _ => return false,
    }
    true
}

fn main() {
    let request = Request::read();
    if request.row == "wake" {
        request.pin_as_worker()
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(request.workers());
    // The other rows are those of a pool: without sockets and timers, as they were always measured.
    if request.row.ends_with("_server") || request.row.starts_with("timers_") {
        builder.enable_all();
    }
    let pool = builder.build().unwrap();
    finish(run(&request, &pool))
}
