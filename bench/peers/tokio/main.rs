#[allow(dead_code)]
mod common;

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
        _ => return false,
    }
    true
}

fn main() {
    let request = Request::read();
    if request.row == "wake" {
        request.pin_as_worker()
    }
    let pool = tokio::runtime::Builder::new_multi_thread().worker_threads(request.workers()).build().unwrap();
    finish(run(&request, &pool))
}
