mod algorithms;
#[allow(dead_code)]
mod common;
mod dense;
mod work;

use common::*;
use rayon::ThreadPool;

fn sort_part(values: &mut [i32]) {
    if values.len() <= INSERTION_LIMIT {
        return insertion_sort(values);
    }
    let pivot = partition(values);
    let (left, right) = values.split_at_mut(pivot);
    rayon::join(|| sort_part(left), || sort_part(&mut right[1..]));
}

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (first, second) = rayon::join(|| fib(n - 1), || fib(n - 2));
    first + second
}

fn forks_of_fib(n: u64) -> u64 {
    let (mut before, mut last) = (0, 0);
    for _ in 2..=n {
        let next = before + last + 1;
        before = last;
        last = next;
    }
    last
}

fn spawn_all(n: u64) {
    for _ in 0..n {
        rayon::spawn(|| tick(1))
    }
}

fn run(request: &Request, pool: &ThreadPool) -> bool {
    let n = request.number("n", 1_000_000);
    let from_outside = |submit: &dyn Fn()| {
        let goal = ticks() + n;
        submit();
        wait_for_ticks(goal)
    };
    match request.row.as_str() {
        "empty_outside" => measure(request, n, || {}, || {
            from_outside(&|| {
                for _ in 0..n {
                    pool.spawn(|| tick(1))
                }
            })
        }),
        "empty_spawned" => measure(request, n, || {}, || from_outside(&|| pool.spawn(move || spawn_all(n)))),
        "wake" => {
            start_all_workers(request.workers(), |body| pool.spawn(body));
            measure_latency(request, || pool.spawn(arrive))
        }
        "trickle" => {
            start_all_workers(request.workers(), |body| pool.spawn(body));
            measure_trickle(request, || pool.spawn(trickle_task))
        }
        "quicksort" => measure_sort(request, |values| pool.install(|| sort_part(values))),
        "quicksort_serial" => measure_sort(request, |values| sort_serially(values)),
        "fib" => {
            let n = request.number("n", 32);
            measure(request, forks_of_fib(n), || {}, || {
                keep(pool.install(|| fib(n)));
            })
        }
        "idle" => {
            for _ in 0..100_000 {
                pool.spawn(|| tick(1))
            }
            wait_for_ticks(100_000);
            measure_idle(request)
        }
        _ => return work::run(request, pool),
    }
    true
}

fn main() {
    let request = Request::read();
    if request.row == "wake" {
        request.pin_as_worker()
    }
    // A stack as big as the threads of the other contenders have: one of the trees is 1,572 deep.
    let pool =
        rayon::ThreadPoolBuilder::new().num_threads(request.workers()).stack_size(8 << 20).build().unwrap();
    finish(run(&request, &pool))
}
