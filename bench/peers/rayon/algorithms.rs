// The rows of bench/workload/algorithms.hpp on rayon's parallel iterators; it has no scan.

use crate::common::*;
use crate::work::row;
use rayon::prelude::*;
use rayon::ThreadPool;

fn random(mut write: impl FnMut(usize, u64), n: usize) {
    let mut x = 0x9e3779b97f4a7c15u64;
    for i in 0..n {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        write(i, x)
    }
}

/// The numbers that a row wants; `make` cuts them to their width.
fn fill<T>(values: &mut [T], order: &str, make: fn(u64) -> T) {
    let n = values.len();
    let pick = |i: usize, x: u64| match order {
        "sorted" => i as u64,
        "few" => x % 16,
        _ => x >> 8,
    };
    random(|i, x| values[i] = make(pick(i, x)), n)
}

fn sort<T: Copy + Default + Ord + Send + 'static>(request: &Request, pool: &ThreadPool, make: fn(u64) -> T) {
    let values: &'static mut [T] =
        Box::leak(vec![T::default(); request.number("n", 10_000_000) as usize].into_boxed_slice());
    let (start, length) = (values.as_mut_ptr() as usize, values.len());
    // Each run ends before the next borrows the array again.
    let whole = move || unsafe { std::slice::from_raw_parts_mut(start as *mut T, length) };
    let order = request.text("order", "random");
    row(request, pool, 1, || fill(whole(), &order, make), || {
        whole().par_sort_unstable();
        true
    });
    assert!(whole().windows(2).all(|pair| pair[0] <= pair[1]), "not sorted")
}

fn reduce<T: Copy + Default + Eq + Send + Sync>(
    request: &Request,
    pool: &ThreadPool,
    make: fn(u64) -> T,
    add: impl Fn(T, T) -> T + Copy + Send + Sync,
) {
    let mut values = vec![T::default(); request.number("n", 32_000_000) as usize];
    fill(&mut values, "random", make);
    let expected = values.iter().fold(T::default(), |sum, &value| add(sum, value));
    row(request, pool, 1, || {}, || values.par_iter().copied().reduce(T::default, add) == expected)
}

/// A body that is nothing, but that no compiler can leave out or join with the next.
fn opaque_body(index: u64) {
    unsafe { std::arch::asm!("/* {0} */", in(reg) index, options(nostack, preserves_flags)) }
}

pub fn run(request: &Request, pool: &ThreadPool) -> bool {
    let wide = request.number("bits", 32) == 64;
    match request.row.as_str() {
        "short_loops" => {
            let (loops, n) = (request.number("loops", 1000), request.number("n", 1000));
            row(request, pool, loops, || {}, || {
                (0..loops).for_each(|_| (0..n).into_par_iter().for_each(opaque_body));
                true
            })
        }
        "long_bodies" => {
            let (loops, ns) = (request.number("loops", 10), request.number("body_us", 100) * 1000);
            row(request, pool, loops, || {}, || {
                (0..loops).for_each(|_| (0..64u64).into_par_iter().for_each(|_| spin_ns(ns)));
                true
            })
        }
        "reduce" if wide => reduce(request, pool, |x| x, u64::wrapping_add),
        "reduce" => reduce(request, pool, |x| x as u32, u32::wrapping_add),
        "sort" if wide => sort(request, pool, |x| x),
        "sort" => sort(request, pool, |x| x as u32),
        _ => return false,
    }
    true
}
