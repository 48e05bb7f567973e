// The servers. The client is bench/load.

use super::common::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

const ROOM: usize = 8192;

async fn answer_all(mut peer: TcpStream) -> std::io::Result<()> {
    let mut room = [0u8; ROOM];
    loop {
        let got = peer.read(&mut room).await?;
        if got == 0 {
            return Ok(());
        }
        peer.write_all(&room[..got]).await?
    }
}

/// Has room only while there is something to answer; boxed, because the room would be part of the task otherwise.
async fn answer_rarely(mut peer: TcpStream) -> std::io::Result<()> {
    loop {
        peer.readable().await?;
        let mut room = vec![0u8; ROOM];
        match peer.try_read(&mut room) {
            Ok(0) => return Ok(()),
            Ok(got) => peer.write_all(&room[..got]).await?,
            Err(ref error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
    }
}

async fn serve(keeps_room: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("port {}", listener.local_addr().unwrap().port());
    loop {
        let (peer, _) = listener.accept().await.unwrap();
        if keeps_room {
            tokio::spawn(answer_all(peer));
        } else {
            tokio::spawn(answer_rarely(peer));
        }
    }
}

async fn compute(gives_way: bool) {
    for _ in 0..100 {
        spin_ns(100_000);
        if gives_way {
            tokio::task::yield_now().await
        }
    }
}

pub fn echo_server(request: &Request, pool: &Runtime) {
    let keeps_room = request.text("room", "kept") == "kept";
    pool.block_on(async move { tokio::spawn(serve(keeps_room)).await.unwrap() })
}

pub fn bound_server(request: &Request, pool: &Runtime) {
    pool.spawn(serve(true));
    let at_once = request.text("mode", "staggered") == "at_once";
    let mut next = wall_ns();
    loop {
        sleep_until_ns(next);
        pool.spawn(compute(at_once));
        if at_once {
            pool.spawn(compute(at_once));
        }
        next += if at_once { 100_000_000 } else { 50_000_000 }
    }
}
