// What every Rust contender needs: its request, the clocks, a counter of finished tasks, and the sort's parts. The same
// rows and the same figures as bench/workload has for C++.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

extern "C" {
    fn clock_gettime(clock: i32, time: *mut Timespec) -> i32;
    fn clock_nanosleep(clock: i32, flags: i32, time: *const Timespec, left: *mut Timespec) -> i32;
    fn sched_setaffinity(process: i32, bytes: usize, set: *const u64) -> i32;
    fn prctl(option: i32, value: u64) -> i32;
    fn gettid() -> i32;
    fn getrusage(who: i32, used: *mut [i64; 18]) -> i32;
}

fn read_clock(clock: i32) -> u64 {
    let mut now = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(clock, &mut now) };
    now.seconds as u64 * 1_000_000_000 + now.nanoseconds as u64
}

pub fn wall_ns() -> u64 {
    read_clock(1)
}

pub fn cpu_ns() -> u64 {
    read_clock(2)
}

fn sleep(flags: i32, ns: u64) {
    let time = Timespec { seconds: (ns / 1_000_000_000) as i64, nanoseconds: (ns % 1_000_000_000) as i64 };
    unsafe { clock_nanosleep(1, flags, &time, std::ptr::null_mut()) };
}

pub fn sleep_ns(ns: u64) {
    sleep(0, ns)
}

pub fn sleep_until_ns(at: u64) {
    sleep(1, at)
}

pub fn spin_ns(ns: u64) {
    let start = wall_ns();
    while wall_ns() - start < ns {}
}

pub struct Request {
    pub row: String,
    values: HashMap<String, String>,
}

impl Request {
    pub fn read() -> Request {
        let mut arguments = std::env::args().skip(1);
        let row = arguments.next().unwrap_or_default();
        let pair = |word: String| word.split_once('=').map(|(key, value)| (key.to_string(), value.to_string()));
        Request { row, values: arguments.filter_map(pair).collect() }
    }

    pub fn number(&self, key: &str, otherwise: u64) -> u64 {
        self.values.get(key).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
    }

    pub fn workers(&self) -> usize {
        self.number("workers", 2) as usize
    }

    pub fn text(&self, key: &str, otherwise: &str) -> String {
        self.values.get(key).map_or(otherwise, |value| value).to_string()
    }

    fn pin(&self) -> &str {
        self.values.get("pin").map_or("none", |value| value)
    }

    pub fn pin_as_worker(&self) {
        match self.pin() {
            "same" => pin_to(0),
            "across" => pin_to(1),
            _ => {}
        }
    }

    fn pin_as_submitter(&self) {
        if self.pin() != "none" {
            pin_to(0)
        }
        unsafe { prctl(29, 1) };
    }
}

fn pin_to(processor: u32) {
    let set = 1u64 << processor;
    unsafe { sched_setaffinity(0, 8, &set) };
}

#[repr(align(128))]
struct Slot(AtomicU64);

#[allow(clippy::declare_interior_mutable_const)]
const EMPTY: Slot = Slot(AtomicU64::new(0));
static SLOTS: [Slot; 256] = [EMPTY; 256];
static SLOTS_USED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static MINE: Cell<Option<&'static Slot>> = const { Cell::new(None) };
}

/// Counts finished work without a shared cache line.
pub fn tick(amount: u64) {
    MINE.with(|mine| {
        let slot = mine.get().unwrap_or_else(|| {
            let slot = &SLOTS[SLOTS_USED.fetch_add(1, Ordering::Relaxed)];
            mine.set(Some(slot));
            slot
        });
        slot.0.store(slot.0.load(Ordering::Relaxed) + amount, Ordering::Release);
    })
}

pub fn ticks() -> u64 {
    SLOTS.iter().map(|slot| slot.0.load(Ordering::Acquire)).sum()
}

pub fn wait_for_ticks(goal: u64) {
    while ticks() < goal {
        sleep_ns(10_000)
    }
}

/// Makes the compiler compute `value`, as `std::hint::black_box` does where the compiler has it (1.66).
pub fn keep<T: Copy>(value: T) {
    unsafe { std::ptr::read_volatile(&value) };
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() / 2]
}

/// Runs `once` as warm-up, then `reps` times; prints the median wall and CPU time of an operation.
pub fn measure(request: &Request, operations: u64, mut before: impl FnMut(), mut once: impl FnMut()) {
    let reps = request.number("reps", 3);
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    for i in 0..=reps {
        before();
        let (cpu, wall) = (cpu_ns(), wall_ns());
        once();
        let (wall_spent, cpu_spent) = (wall_ns() - wall, cpu_ns() - cpu);
        if i > 0 || reps == 0 {
            walls.push(wall_spent as f64 / operations as f64);
            cpus.push(cpu_spent as f64 / operations as f64);
        }
    }
    println!("wall_ns {:.3}", median(&mut walls));
    println!("cpu_ns {:.3}", median(&mut cpus));
}

static STARTED: AtomicU64 = AtomicU64::new(0);

/// The body of the task that is handed over.
pub fn arrive() {
    STARTED.store(wall_ns(), Ordering::Release)
}

/// Waits until `workers` tasks run at the same time, so that every worker exists.
pub fn start_all_workers(workers: usize, post: impl Fn(Box<dyn FnOnce() + Send>)) {
    static INSIDE: AtomicUsize = AtomicUsize::new(0);
    static LEFT: AtomicUsize = AtomicUsize::new(0);
    for _ in 0..workers {
        post(Box::new(move || {
            INSIDE.fetch_add(1, Ordering::SeqCst);
            while INSIDE.load(Ordering::SeqCst) < workers {
                sleep_ns(20_000)
            }
            LEFT.fetch_add(1, Ordering::SeqCst);
        }));
        sleep_ns(200_000);
    }
    while LEFT.load(Ordering::SeqCst) < workers {
        sleep_ns(50_000)
    }
    sleep_ns(2_000_000);
}

pub fn measure_latency(request: &Request, submit: impl Fn()) {
    let idle = request.number("idle_us", 500) * 1000;
    let samples = request.number("samples", 500);
    request.pin_as_submitter();
    let mut latencies = Vec::with_capacity(samples as usize);
    let mut cpu = 0;
    for i in 0..samples + samples / 10 {
        if i == samples / 10 {
            cpu = cpu_ns()
        }
        STARTED.store(0, Ordering::Relaxed);
        let submitted = wall_ns();
        submit();
        let started = loop {
            sleep_ns(20_000);
            match STARTED.load(Ordering::Acquire) {
                0 => continue,
                started => break started,
            }
        };
        if i >= samples / 10 {
            latencies.push(started - submitted)
        }
        sleep_ns(idle);
    }
    println!("cpu_ns {:.3}", (cpu_ns() - cpu) as f64 / samples as f64);
    latencies.sort_unstable();
    let at = |quantile: f64| latencies[(quantile * (latencies.len() - 1) as f64 + 0.5) as usize];
    println!("p50_ns {}\np99_ns {}", at(0.50), at(0.99));
}

/// The body of a task of the trickle.
pub fn trickle_task() {
    spin_ns(5000);
    tick(1)
}

pub fn measure_trickle(request: &Request, submit: impl Fn()) {
    let tasks = request.number("n", 20_000);
    let period = request.number("period_us", 100) * 1000;
    unsafe { prctl(29, 1) };
    let (cpu, start) = (cpu_ns(), wall_ns());
    for i in 0..tasks {
        sleep_until_ns(start + i * period);
        submit()
    }
    wait_for_ticks(tasks);
    println!("cpu_ns {:.3}", (cpu_ns() - cpu) as f64 / tasks as f64);
    println!("wall_ns {:.3}", (wall_ns() - start) as f64 / tasks as f64);
}

fn costs_of_others() -> (u64, u64) {
    let own = unsafe { gettid() }.to_string();
    let (mut cpu, mut switches) = (0, 0);
    for thread in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        if thread.file_name().to_string_lossy() == own {
            continue;
        }
        let read = |name| std::fs::read_to_string(thread.path().join(name)).unwrap_or_default();
        cpu += read("schedstat").split(' ').next().and_then(|ran| ran.parse::<u64>().ok()).unwrap_or(0);
        for line in read("status").lines().filter(|line| line.contains("ctxt_switches:")) {
            switches += line.split(':').nth(1).and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0);
        }
    }
    (cpu, switches)
}

pub fn measure_idle(request: &Request) {
    sleep_ns(request.number("settle_ms", 100) * 1_000_000);
    let before = costs_of_others();
    sleep_ns(request.number("ms", 10_000) * 1_000_000);
    let after = costs_of_others();
    println!("idle_cpu_ms {:.3}\nswitches {}", (after.0 - before.0) as f64 / 1e6, after.1 - before.1);
}

pub const INSERTION_LIMIT: usize = 32;

pub fn fill_shuffled(values: &mut [i32]) {
    for (i, value) in values.iter_mut().enumerate() {
        *value = i as i32
    }
    let mut x = 0x9e3779b97f4a7c15u64;
    for i in (2..=values.len()).rev() {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        values.swap(i - 1, (x % i as u64) as usize)
    }
}

pub fn insertion_sort(values: &mut [i32]) {
    for i in 1..values.len() {
        let moved = values[i];
        let mut j = i;
        while j > 0 && values[j - 1] > moved {
            values[j] = values[j - 1];
            j -= 1
        }
        values[j] = moved
    }
}

/// Lomuto's partition around the last element; returns the place of the pivot.
pub fn partition(values: &mut [i32]) -> usize {
    let last = values.len() - 1;
    let pivot = values[last];
    let mut smaller = 0;
    for i in 0..last {
        if values[i] <= pivot {
            values.swap(i, smaller);
            smaller += 1
        }
    }
    values.swap(last, smaller);
    smaller
}

pub fn sort_serially(values: &mut [i32]) {
    if values.len() <= INSERTION_LIMIT {
        return insertion_sort(values);
    }
    let pivot = partition(values);
    let (left, right) = values.split_at_mut(pivot);
    sort_serially(left);
    sort_serially(&mut right[1..])
}

/// Shuffles outside the clock, sorts inside, and checks the result.
pub fn measure_sort(request: &Request, sort: impl Fn(&'static mut [i32])) {
    let values: &'static mut [i32] = Box::leak(vec![0; request.number("n", 10_000_000) as usize].into_boxed_slice());
    let (start, length) = (values.as_mut_ptr() as usize, values.len());
    // The sort hands parts of the array to tasks of unknown lifetime; each run ends before the next borrows it again.
    let whole = move || unsafe { std::slice::from_raw_parts_mut(start as *mut i32, length) };
    measure(request, 1, || fill_shuffled(whole()), || sort(whole()));
    assert!(whole().iter().enumerate().all(|(i, &value)| value == i as i32), "not sorted");
}

/// How often the threads of this process have left a processor so far.
pub fn context_switches() -> i64 {
    let mut used = [0; 18];
    unsafe { getrusage(0, &mut used) };
    used[16] + used[17]
}

/// Ends the contender the way bench/workload/contender.hpp does.
pub fn finish(offered: bool) -> ! {
    use std::io::Write;
    if !offered {
        std::process::exit(3)
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|line| line.starts_with("VmHWM:")) {
        println!("peak_kib {}", line.split_whitespace().nth(1).unwrap_or("0"))
    }
    std::io::stdout().flush().unwrap();
    std::process::exit(0)
}
