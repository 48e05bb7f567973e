// The timer rows: a timer is a `Sleep`, armed when it is polled for the first time, cancelled when it is dropped.

use super::common::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::{sleep, sleep_until, Instant, Sleep};

struct Nobody;

impl Wake for Nobody {
    fn wake(self: Arc<Self>) {}
}

struct Deadlines(u64);

impl Deadlines {
    fn new() -> Deadlines {
        Deadlines(0x9e3779b97f4a7c15)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn far(&mut self) -> Duration {
        Duration::from_nanos(10_000_000_000 + self.next() % 50_000_000_000)
    }
}

type Alarm = Pin<Box<Sleep>>;

fn arm(timer: &mut Alarm, context: &mut Context) {
    assert!(timer.as_mut().poll(context).is_pending())
}

/// Runs `body` on a worker, without the bound that makes a task of tokio give way.
fn on_worker(pool: &Runtime, body: impl FnOnce(&mut Context) + Send + 'static) {
    let whole = async move {
        let nobody = Waker::from(Arc::new(Nobody));
        body(&mut Context::from_waker(&nobody))
    };
    pool.block_on(pool.spawn(tokio::task::unconstrained(whole))).unwrap()
}

pub fn arm_cancel(request: &Request, pool: &Runtime) {
    let whole = request.number("n", 1_000_000) as usize;
    on_worker(pool, move |context| {
        for n in [whole / 10, whole] {
            let mut random = Deadlines::new();
            let mut all: Vec<Option<Alarm>> = Vec::with_capacity(n);
            let (cpu, begin) = (cpu_ns(), wall_ns());
            for _ in 0..n {
                let mut timer = Box::pin(sleep(random.far()));
                arm(&mut timer, context);
                all.push(Some(timer))
            }
            let armed = wall_ns();
            for i in (0..n).filter(|i| i % 100 != 0) {
                all[i] = None
            }
            let (end, spent) = (wall_ns(), cpu_ns() - cpu);
            if n == whole {
                println!("arm_ns {:.3}", (armed - begin) as f64 / n as f64);
                println!("cancel_ns {:.3}", (end - armed) as f64 / (n as f64 * 0.99));
                println!("cpu_ns {:.3}", spent as f64 / n as f64)
            }
        }
    })
}

pub fn rearm(request: &Request, pool: &Runtime) {
    let n = request.number("n", 1_000_000) as usize;
    on_worker(pool, move |context| {
        let mut random = Deadlines::new();
        let mut all: Vec<Alarm> = Vec::with_capacity(n);
        for _ in 0..n {
            let mut timer = Box::pin(sleep(random.far()));
            arm(&mut timer, context);
            all.push(timer)
        }
        let (cpu, begin) = (cpu_ns(), wall_ns());
        let times = n / 4;
        for _ in 0..times {
            let chosen = &mut all[random.next() as usize % n];
            chosen.as_mut().reset(Instant::now() + random.far());
            arm(chosen, context)
        }
        println!("wall_ns {:.3}", (wall_ns() - begin) as f64 / times as f64);
        println!("cpu_ns {:.3}", (cpu_ns() - cpu) as f64 / times as f64);
        std::mem::forget(all)
    })
}

pub fn expire(request: &Request, pool: &Runtime) {
    let n = request.number("n", 1_000_000) as usize;
    let expiring = n / 10;
    let (window, lead) = (500_000_000, 400_000_000);
    on_worker(pool, move |context| {
        let mut random = Deadlines::new();
        for _ in expiring..n {
            let mut timer = Box::pin(sleep(random.far()));
            arm(&mut timer, context);
            std::mem::forget(timer)
        }
    });
    let mut random = Deadlines::new();
    let (first, now) = (wall_ns() + lead, Instant::now());
    let mut late = Vec::new();
    for _ in 0..expiring {
        let after = lead + random.next() % window;
        let due = first - lead + after;
        late.push(pool.spawn(async move {
            sleep_until(now + Duration::from_nanos(after)).await;
            wall_ns().saturating_sub(due)
        }))
    }
    assert!(wall_ns() < first, "too slow to arm");
    let cpu = cpu_ns();
    sleep_until_ns(first + window + 3_000_000);
    let mut late: Vec<u64> = late.into_iter().map(|each| pool.block_on(each).unwrap()).collect();
    println!("cpu_ns {:.3}", (cpu_ns() - cpu) as f64 / expiring as f64);
    late.sort_unstable();
    println!("p50_ns {}\np99_ns {}\nmax_ns {}", late[expiring / 2], late[expiring * 99 / 100], late[expiring - 1])
}
