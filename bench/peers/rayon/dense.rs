// The matrices and the knapsack of bench/workload/work on rayon::join.

use crate::common::*;
use crate::work::{row, sum_over};
use rayon::{join, ThreadPool};
use std::ops::{AddAssign, Mul};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A square part of a matrix; parts that are written side by side do not overlap.
struct Square<T> {
    first: *mut T,
    stride: usize,
}

impl<T> Clone for Square<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Square<T> {}
unsafe impl<T> Send for Square<T> {}
unsafe impl<T> Sync for Square<T> {}

impl<T: Copy + 'static> Square<T> {
    fn of(all: &mut [T], stride: usize) -> Self {
        Square { first: all.as_mut_ptr(), stride }
    }
    fn row(&self, i: usize, n: usize) -> &'static mut [T] {
        unsafe { std::slice::from_raw_parts_mut(self.first.add(i * self.stride), n) }
    }
    fn quarter(&self, half: usize, row: usize, column: usize) -> Self {
        Square { first: unsafe { self.first.add((row * self.stride + column) * half) }, stride: self.stride }
    }
}

fn add_product<T: Copy + Mul<Output = T> + AddAssign + 'static>(c: Square<T>, a: Square<T>, b: Square<T>, n: usize) {
    for i in 0..n {
        let (into, factors) = (c.row(i, n), a.row(i, n));
        for k in 0..n {
            let factor = factors[k];
            for (sum, &other) in into.iter_mut().zip(b.row(k, n).iter()) {
                *sum += factor * other
            }
        }
    }
}

fn matmul(c: Square<f32>, a: Square<f32>, b: Square<f32>, n: usize) {
    if n <= 32 {
        return add_product(c, a, b, n);
    }
    let half = n / 2;
    for inner in 0..2 {
        let quarter = |row, column| {
            matmul(c.quarter(half, row, column), a.quarter(half, row, inner), b.quarter(half, inner, column), half)
        };
        join(|| join(|| quarter(0, 0), || quarter(0, 1)), || join(|| quarter(1, 0), || quarter(1, 1)));
    }
}

fn combine(a: Square<f64>, b: Square<f64>, sign: f64, n: usize) -> Vec<f64> {
    let mut sum = Vec::with_capacity(n * n);
    for i in 0..n {
        sum.extend(a.row(i, n).iter().zip(b.row(i, n).iter()).map(|(&x, &y)| x + sign * y))
    }
    sum
}

fn strassen(c: Square<f64>, a: Square<f64>, b: Square<f64>, n: usize) {
    if n <= 64 {
        return add_product(c, a, b, n);
    }
    let half = n / 2;
    let part = |all: Square<f64>| {
        (all.quarter(half, 0, 0), all.quarter(half, 0, 1), all.quarter(half, 1, 0), all.quarter(half, 1, 1))
    };
    let ((a11, a12, a21, a22), (b11, b12, b21, b22), (c11, c12, c21, c22)) = (part(a), part(b), part(c));
    let mut m: [Vec<f64>; 7] = Default::default();
    let places = Square { first: m.as_mut_ptr(), stride: 1 };
    sum_over(0, 7, &|i| {
        let sum = |x, y| combine(x, y, 1.0, half);
        let difference = |x, y| combine(x, y, -1.0, half);
        let none = Vec::new;
        let (mut s, mut t) = match i {
            0 => (sum(a11, a22), sum(b11, b22)),
            1 => (sum(a21, a22), none()),
            2 => (none(), difference(b12, b22)),
            3 => (none(), difference(b21, b11)),
            4 => (sum(a11, a12), none()),
            5 => (difference(a21, a11), sum(b11, b12)),
            _ => (difference(a12, a22), sum(b21, b22)),
        };
        let left = if s.is_empty() { [a11, a22][i as usize - 2] } else { Square::of(&mut s, half) };
        let right = match i {
            1 => b11,
            4 => b22,
            _ => Square::of(&mut t, half),
        };
        let mut made = vec![0.0; half * half];
        strassen(Square::of(&mut made, half), left, right, half);
        unsafe { *places.at(i as usize) = made };
        0
    });
    for i in 0..half {
        let (r11, r12, r21, r22) = (c11.row(i, half), c12.row(i, half), c21.row(i, half), c22.row(i, half));
        let [m1, m2, m3, m4, m5, m6, m7] = [0, 1, 2, 3, 4, 5, 6].map(|k: usize| &m[k][i * half..(i + 1) * half]);
        for j in 0..half {
            r11[j] += m1[j] + m4[j] - m5[j] + m7[j];
            r12[j] += m3[j] + m5[j];
            r21[j] += m2[j] + m4[j];
            r22[j] += m1[j] - m2[j] + m3[j] + m6[j]
        }
    }
}

impl<T> Square<T> {
    unsafe fn at(&self, i: usize) -> *mut T {
        self.first.add(i)
    }
}

/// Small whole numbers, in the order of the generator; `make` turns one into an element.
fn filled<T: Copy>(n: usize, make: fn(u32) -> T) -> (Vec<T>, Vec<T>) {
    let mut x = 12345u32;
    let mut next = || {
        x = x.wrapping_mul(1664525).wrapping_add(1013904223);
        make(x >> 30)
    };
    let a = (0..n * n).map(|_| next()).collect();
    let b = (0..n * n).map(|_| next()).collect();
    (a, b)
}

fn times<T: Copy + Into<f64>>(matrix: &[T], vector: &[f64]) -> Vec<f64> {
    let dot = |row: &[T]| row.iter().zip(vector).map(|(&x, y)| x.into() * y).sum();
    matrix.chunks(vector.len()).map(dot).collect()
}

fn product<T: Copy + Default + Into<f64> + Send + Sync + 'static>(
    request: &Request,
    pool: &ThreadPool,
    make: fn(u32) -> T,
    multiply: fn(Square<T>, Square<T>, Square<T>, usize),
) {
    let n = request.number("n", 1024) as usize;
    let (mut a, mut b) = filled(n, make);
    let mut c = vec![T::default(); n * n];
    let whole = [Square::of(&mut c, n), Square::of(&mut a, n), Square::of(&mut b, n)];
    let clear = || (0..n).for_each(|i| whole[0].row(i, n).fill(T::default()));
    row(request, pool, 1, clear, || {
        multiply(whole[0], whole[1], whole[2], n);
        true
    });
    let x: Vec<f64> = (0..n).map(|i| (i * 7919 % 11) as f64).collect();
    assert!(times(&c, &x) == times(&a, &times(&b, &x)), "the result is wrong")
}

struct Item {
    value: i32,
    weight: i32,
}

struct Case {
    items: Vec<Item>,
    room: i32,
    target: i32,
    possible: bool,
}

impl Case {
    fn new(count: u64, seed: u64, possible: bool) -> Case {
        let mut x = seed.wrapping_mul(0x9e3779b97f4a7c15).wrapping_add(1);
        let mut below = |bound: u64| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            (x % bound) as i32
        };
        let mut items = Vec::new();
        for _ in 0..count {
            let weight = 100 + below(900);
            items.push(Item { value: weight + 100, weight })
        }
        let room = items.iter().map(|item| item.weight).sum::<i32>() / 2;
        items.sort_by(|a, b| (b.value * a.weight).cmp(&(a.value * b.weight)).then(a.weight.cmp(&b.weight)));
        let mut best = vec![0; room as usize + 1];
        for item in &items {
            for i in (item.weight as usize..best.len()).rev() {
                best[i] = best[i].max(best[i - item.weight as usize] + item.value)
            }
        }
        let target = best[room as usize] + !possible as i32;
        Case { items, room, target, possible }
    }

    fn can_reach(&self, next: usize, mut room: i32, mut value: i32) -> bool {
        for item in &self.items[next..] {
            if item.weight > room {
                return value + room * item.value / item.weight >= self.target;
            }
            room -= item.weight;
            value += item.value
        }
        value >= self.target
    }

    fn search(&self, found: &AtomicBool, next: usize, room: i32, value: i32) -> u64 {
        if found.load(Ordering::Relaxed) {
            return 0;
        }
        if value >= self.target {
            found.store(true, Ordering::Relaxed)
        }
        if next == self.items.len() || !self.can_reach(next, room, value) {
            return 1;
        }
        let item = &self.items[next];
        if item.weight > room {
            return self.search(found, next + 1, room, value) + 1;
        }
        let (with, without) = join(
            || self.search(found, next + 1, room - item.weight, value + item.value),
            || self.search(found, next + 1, room, value),
        );
        with + without + 1
    }
}

pub fn run(request: &Request, pool: &ThreadPool) -> bool {
    match request.row.as_str() {
        "matmul" => product(request, pool, |x| x as f32, matmul),
        "strassen" => product(request, pool, |x| x as f64, strassen),
        "knapsack" => {
            let items = request.number("items", 46);
            let cases: Vec<Case> =
                (1..=request.number("n", 64)).map(|seed| Case::new(items, seed, seed % 2 == 0)).collect();
            let nodes = AtomicU64::new(0);
            row(request, pool, 1, || {}, || {
                nodes.store(0, Ordering::Relaxed);
                cases.iter().all(|case| {
                    let found = AtomicBool::new(false);
                    nodes.fetch_add(case.search(&found, 0, case.room, 0), Ordering::Relaxed);
                    found.into_inner() == case.possible
                })
            });
            println!("nodes {}", nodes.into_inner())
        }
        _ => return crate::algorithms::run(request, pool),
    }
    true
}
