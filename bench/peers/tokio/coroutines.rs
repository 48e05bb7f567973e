// The coroutine rows: tasks of tokio.

use super::common::*;
use std::future::Future;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

const YIELDERS: u64 = 100;
const GROUP: u64 = 1000;

async fn spawn_and_join(n: u64) {
    for _ in 0..n {
        tokio::spawn(async {}).await.unwrap()
    }
}

async fn yield_all(n: u64) {
    let give_way = || async move {
        for _ in 0..n / YIELDERS {
            tokio::task::yield_now().await
        }
    };
    let all: Vec<_> = (0..YIELDERS).map(|_| tokio::spawn(give_way())).collect();
    for each in all {
        each.await.unwrap()
    }
}

async fn play(n: u64) {
    let (there, mut arrives) = mpsc::channel::<u64>(1);
    let (back, mut returns) = mpsc::channel::<u64>(1);
    tokio::spawn(async move {
        while let Some(got) = arrives.recv().await {
            back.send(got).await.unwrap()
        }
    });
    for i in 0..n / 2 {
        there.send(i).await.unwrap();
        assert!(returns.recv().await == Some(i))
    }
}

async fn await_all(n: u64) {
    for _ in 0..n / GROUP {
        let all: Vec<_> = (0..GROUP).map(|_| tokio::spawn(async {})).collect();
        for each in all {
            each.await.unwrap()
        }
    }
}

fn run<F: Future<Output = ()> + Send + 'static>(request: &Request, pool: &Runtime, body: impl Fn(u64) -> F) {
    let n = request.number("n", 100_000);
    measure(request, n, || {}, || pool.block_on(pool.spawn(body(n))).unwrap())
}

pub fn spawn_join(request: &Request, pool: &Runtime) {
    run(request, pool, spawn_and_join)
}

pub fn give_way(request: &Request, pool: &Runtime) {
    run(request, pool, yield_all)
}

pub fn channel(request: &Request, pool: &Runtime) {
    run(request, pool, play)
}

pub fn when_all(request: &Request, pool: &Runtime) {
    run(request, pool, await_all)
}
