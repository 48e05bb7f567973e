//! The row with many small HTTP requests, for hyper on tokio; without TLS. The server is started by bench/load.
#[allow(dead_code)]
mod common;

use common::*;
use hyper::body::HttpBody;
use hyper::{Client, Uri};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;

type HttpClient = Client<hyper::client::HttpConnector>;

/// Takes the next number until there is none.
async fn fetch_some(client: HttpClient, url: String, next: Arc<AtomicU64>, n: u64) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= n {
            return;
        }
        let at: Uri = format!("{}{}", url, number).parse().unwrap();
        let mut body = client.get(at).await.unwrap().into_body();
        while let Some(piece) = body.data().await {
            piece.unwrap();
        }
    }
}

async fn fetch_all(request: Request) {
    let cap = request.number("cap", 64);
    let client = Client::builder().pool_max_idle_per_host(cap as usize).build_http();
    let next = Arc::new(AtomicU64::new(0));
    let fetching: Vec<_> = (0..cap)
        .map(|_| {
            let url = request.text("url", "");
            tokio::spawn(fetch_some(client.clone(), url, next.clone(), request.number("n", 0)))
        })
        .collect();
    for each in fetching {
        each.await.unwrap()
    }
}

fn main() {
    let request = Request::read();
    if request.row != "http_fetch" || request.text("url", "").starts_with("https") {
        finish(false)
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let pool = builder.worker_threads(request.workers()).enable_all().build().unwrap();
    pool.block_on(fetch_all(request));
    finish(true)
}
