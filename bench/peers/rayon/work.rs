// The rows of bench/workload/work on rayon::join: the same algorithms, the same grains.

use crate::common::*;
use rayon::{join, ThreadPool};

/// The sum of `body` over a range, which is forked in halves.
pub fn sum_over(first: u64, last: u64, body: &(impl Fn(u64) -> u64 + Sync)) -> u64 {
    if last - first == 1 {
        return body(first);
    }
    let middle = first + (last - first) / 2;
    let (left, right) = join(|| sum_over(first, middle, body), || sum_over(middle, last, body));
    left + right
}

/// Times `run` on the pool, which returns whether its result is right.
pub fn row(
    request: &Request,
    pool: &ThreadPool,
    units: u64,
    mut before: impl FnMut(),
    mut run: impl FnMut() -> bool + Send,
) {
    let mut right = true;
    measure(request, units, || before(), || right &= pool.install(&mut run));
    assert!(right, "the result is wrong");
    println!("switches {}", context_switches())
}

fn skynet(first: u64, size: u64) -> u64 {
    if size == 1 {
        return first;
    }
    let part = size / 10;
    sum_over(0, 10, &|i| skynet(first + i * part, part))
}

fn count_tree(depth: u64) -> u64 {
    if depth == 0 {
        return 1;
    }
    let (left, right) = join(|| count_tree(depth - 1), || count_tree(depth - 1));
    left + right + 1
}

const NONE: u32 = u32::MAX;

/// Nodes in one array, as in C++; children are places in it.
struct Node {
    value: u64,
    left: u64,
    right: u64,
}

fn build_tree(nodes: &mut [Node], at: usize, size: usize) -> u64 {
    if size == 0 {
        return NONE as u64;
    }
    let half = size / 2;
    let left = build_tree(nodes, at + 1, half);
    let right = build_tree(nodes, at + 1 + half, half);
    nodes[at] = Node { value: size as u64, left, right };
    at as u64
}

fn tree_sum(nodes: &[Node], at: u64) -> u64 {
    let node = &nodes[at as usize];
    if node.left == NONE as u64 {
        return node.value;
    }
    let (left, right) = join(|| tree_sum(nodes, node.left), || tree_sum(nodes, node.right));
    left + right + node.value
}

fn fits(board: &[i8; 16], row: usize, column: usize) -> bool {
    (0..row).all(|above| {
        let across = board[above] as i32 - column as i32;
        let down = (row - above) as i32;
        across != 0 && across != down && across != -down
    })
}

fn place(n: usize, row: usize, board: &[i8; 16]) -> u64 {
    if row == n {
        return 1;
    }
    let mut columns = [0i8; 16];
    let mut count = 0;
    for column in 0..n {
        if fits(board, row, column) {
            columns[count] = column as i8;
            count += 1
        }
    }
    if count == 0 {
        return 0;
    }
    sum_over(0, count as u64, &|i| {
        let mut next = *board;
        next[row] = columns[i as usize];
        place(n, row + 1, &next)
    })
}

fn sha1(message: &[u32]) -> [u32; 5] {
    let mut w = [0u32; 80];
    w[..message.len()].copy_from_slice(message);
    w[message.len()] = 0x80000000;
    w[15] = message.len() as u32 * 32;
    for i in 16..80 {
        w[i] = (w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16]).rotate_left(1)
    }
    let start = [0x67452301u32, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0];
    let [mut a, mut b, mut c, mut d, mut e] = start;
    let mut step = |mix: fn(u32, u32, u32) -> u32, constant: u32, i: usize| {
        let next =
            a.rotate_left(5).wrapping_add(mix(b, c, d)).wrapping_add(e).wrapping_add(constant).wrapping_add(w[i]);
        e = d;
        d = c;
        c = b.rotate_left(30);
        b = a;
        a = next;
    };
    for i in 0..20 {
        step(|b, c, d| (b & c) | (!b & d), 0x5a827999, i)
    }
    for i in 20..40 {
        step(|b, c, d| b ^ c ^ d, 0x6ed9eba1, i)
    }
    for i in 40..60 {
        step(|b, c, d| (b & c) | (b & d) | (c & d), 0x8f1bbcdc, i)
    }
    for i in 60..80 {
        step(|b, c, d| b ^ c ^ d, 0xca62c1d6, i)
    }
    let end = [a, b, c, d, e];
    let mut sum = [0; 5];
    for i in 0..5 {
        sum[i] = start[i].wrapping_add(end[i])
    }
    sum
}

struct Uts {
    geometric: bool,
}

impl Uts {
    fn children(&self, state: &[u32; 5], depth: u32) -> u64 {
        let drawn = (state[4] & 0x7fffffff) as f64 / 2147483648.0;
        match (self.geometric, depth) {
            (false, 0) => 2000,
            (false, _) => (drawn < 0.124875) as u64 * 8,
            (true, 10..) => 0,
            _ => (((1.0 - drawn).ln() / (1.0 - 1.0 / 5.0f64).ln()) as u64).min(100),
        }
    }

    fn visit(&self, state: &[u32; 5], depth: u32) -> u64 {
        let count = self.children(state, depth);
        if count == 0 {
            return 1;
        }
        1 + sum_over(0, count, &|i| {
            let [a, b, c, d, e] = *state;
            self.visit(&sha1(&[a, b, c, d, e, i as u32]), depth + 1)
        })
    }
}

const GRAIN: usize = 2048;

fn merge_serially(left: &[i32], right: &[i32], out: &mut [i32]) {
    let (mut i, mut j) = (0, 0);
    for place in out {
        if j == right.len() || (i < left.len() && left[i] <= right[j]) {
            *place = left[i];
            i += 1
        } else {
            *place = right[j];
            j += 1
        }
    }
}

fn merge<'a>(mut left: &'a [i32], mut right: &'a [i32], out: &mut [i32]) {
    if left.len() < right.len() {
        std::mem::swap(&mut left, &mut right)
    }
    if out.len() <= GRAIN {
        return merge_serially(left, right, out);
    }
    let middle = left.len() / 2;
    let below = right.partition_point(|&value| value < left[middle]);
    let (first, second) = out.split_at_mut(middle + below);
    join(|| merge(&left[..middle], &right[..below], first), || merge(&left[middle..], &right[below..], second));
}

fn cilksort(all: &mut [i32], spare: &mut [i32]) {
    if all.len() <= GRAIN {
        return sort_serially(all);
    }
    fn sort_half(pair: &mut [i32], room: &mut [i32]) {
        let quarter = pair.len() / 2;
        {
            let (first, second) = pair.split_at_mut(quarter);
            let (first_room, second_room) = room.split_at_mut(quarter);
            join(|| cilksort(first, first_room), || cilksort(second, second_room));
        }
        merge(&pair[..quarter], &pair[quarter..], room)
    }
    let half = all.len() / 2;
    {
        let (first, second) = all.split_at_mut(half);
        let (first_room, second_room) = spare.split_at_mut(half);
        join(|| sort_half(first, first_room), || sort_half(second, second_room));
    }
    merge(&spare[..half], &spare[half..], all)
}

pub fn run(request: &Request, pool: &ThreadPool) -> bool {
    let n = |otherwise| request.number("n", otherwise);
    match request.row.as_str() {
        "small_trees" => {
            let n = n(10_000);
            row(request, pool, n * 511, || {}, || {
                (0..n).for_each(|_| keep(count_tree(9)));
                true
            })
        }
        "entered_trees" => {
            let n = n(1000);
            measure(request, n, || {}, || (0..n).for_each(|_| keep(pool.install(|| count_tree(9)))))
        }
        "skynet" => {
            let n = n(1_000_000);
            row(request, pool, n, || {}, || skynet(0, n) == n * (n - 1) / 2)
        }
        "tree_sum" => {
            let depth = request.number("depth", 24);
            let count = (1u64 << depth) - 1;
            let mut nodes = Vec::with_capacity(count as usize);
            nodes.resize_with(count as usize, || Node { value: 0, left: 0, right: 0 });
            build_tree(&mut nodes, 0, count as usize);
            let expected: u64 = (0..depth).map(|level| ((1u64 << (depth - level)) - 1) << level).sum();
            row(request, pool, count, || {}, || tree_sum(&nodes, 0) == expected)
        }
        "queens" => {
            let n = n(13) as usize;
            const KNOWN: [u64; 16] =
                [1, 1, 0, 0, 2, 10, 4, 40, 92, 352, 724, 2680, 14200, 73712, 365596, 2279184];
            row(request, pool, 1, || {}, || place(n, 0, &[0; 16]) == KNOWN[n])
        }
        "uts" => {
            let tree = Uts { geometric: request.number("tree", 1) == 1 };
            let (seed, size) = if tree.geometric { (19, 4130071) } else { (42, 4112897) };
            row(request, pool, 1, || {}, || tree.visit(&sha1(&[0, 0, 0, 0, seed]), 0) == size)
        }
        "cilksort" => {
            let mut spare = vec![0; n(4_000_000) as usize];
            let values: &'static mut [i32] = Box::leak(vec![0; spare.len()].into_boxed_slice());
            let (start, length) = (values.as_mut_ptr() as usize, values.len());
            // Each run ends before the next borrows the array again.
            let whole = move || unsafe { std::slice::from_raw_parts_mut(start as *mut i32, length) };
            row(request, pool, 1, || fill_shuffled(whole()), || {
                cilksort(whole(), &mut spare);
                true
            });
            assert!(whole().iter().enumerate().all(|(i, &value)| value == i as i32), "not sorted")
        }
        _ => return crate::dense::run(request, pool),
    }
    true
}
