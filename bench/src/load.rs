//! The sender: requests made beforehand, over kept-open connections, either as fast as answers come or at a given rate. It does as
//! little as it can, because it shares the processor with what it measures.

use crate::machine::{micros, now};
use crate::template::Template;
use anyhow::{Context, Result, bail};
use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The usual number of connections.
pub(crate) const CONNECTIONS: usize = 64;
/// Requests made at a time where there are very many.
const CHUNK: u64 = 50_000;

/// One kept-open connection.
pub(crate) struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub(crate) async fn open(url: &str) -> io::Result<Wire> {
        let stream = TcpStream::connect(url.trim_start_matches("http://")).await?;
        stream.set_nodelay(true)?;
        Ok(Wire {
            stream,
            buffer: Vec::with_capacity(1024),
        })
    }

    /// Sends a request and reads the whole answer; the status.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(head) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") else {
                continue;
            };
            let text = std::str::from_utf8(&self.buffer[..head])
                .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            let length = text
                .lines()
                .filter_map(|l| l.split_once(':'))
                .find(|(n, _)| n.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, v)| v.trim().parse::<usize>().ok())
                .unwrap_or(0);
            let status = text.get(9..12).and_then(|s| s.parse().ok());
            while self.buffer.len() < head + 4 + length {
                if self.stream.read_buf(&mut self.buffer).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            return status.ok_or_else(|| io::ErrorKind::InvalidData.into());
        }
    }
}

/// What came of it.
#[derive(Default)]
pub(crate) struct Sent {
    /// Accepted with a 2xx.
    pub(crate) accepted: u64,
    /// Answered 503.
    pub(crate) shed: u64,
    /// From the first byte to the last answer.
    pub(crate) took: Duration,
    /// Of those that were accepted, in microseconds.
    pub(crate) latencies: Vec<f64>,
}

impl Sent {
    /// Accepted per second.
    pub(crate) fn rate(&self) -> f64 {
        self.accepted as f64 / self.took.as_secs_f64().max(1e-9)
    }

    fn add(&mut self, other: Sent) {
        self.accepted += other.accepted;
        self.shed += other.shed;
        self.took += other.took;
        self.latencies.extend(other.latencies);
    }
}

/// Sends each of these once it can, one after the other on each connection; what is shed is sent again.
pub(crate) async fn closed(url: &str, requests: Vec<Vec<u8>>, connections: usize) -> Result<Sent> {
    let (requests, next) = (Arc::new(requests), Arc::new(AtomicUsize::new(0)));
    let mut wires = Vec::new();
    for _ in 0..connections {
        wires.push(Wire::open(url).await.context("connecting")?);
    }
    let from = now();
    let mut lanes = JoinSet::new();
    for mut wire in wires {
        let (requests, next) = (requests.clone(), next.clone());
        lanes.spawn(async move {
            let mut sent = Sent::default();
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                loop {
                    let begun = now();
                    match wire.ask(request).await? {
                        200..=299 => {
                            sent.accepted += 1;
                            sent.latencies.push(micros(begun.elapsed()));
                            break;
                        }
                        503 => {
                            sent.shed += 1;
                            tokio::time::sleep(Duration::from_millis(20)).await;
                        }
                        status => bail!("a webhook was answered {status}"),
                    }
                }
            }
            Ok(sent)
        });
    }
    let mut all = Sent::default();
    while let Some(lane) = lanes.join_next().await {
        all.add(lane??);
    }
    all.took = from.elapsed();
    Ok(all)
}

/// [`closed`] for very many: made and sent in parts; making them is not timed.
pub(crate) async fn pour(url: &str, template: &Template, which: Range<u64>) -> Result<Sent> {
    let (mut all, mut at) = (Sent::default(), which.start);
    while at < which.end {
        let to = (at + CHUNK).min(which.end);
        all.add(closed(url, template.requests(at..to), CONNECTIONS).await?);
        at = to;
    }
    Ok(all)
}

/// Sends at a rate, whatever the answers take; when each was sent, by what it says about its time.
pub(crate) async fn paced(
    url: &str,
    template: &Template,
    which: Range<u64>,
    per_second: f64,
) -> Result<HashMap<i64, Instant>> {
    let (first, total) = (which.start, which.end - which.start);
    let requests = Arc::new(template.requests(which));
    let next = Arc::new(AtomicU64::new(0));
    let begin = now() + Duration::from_millis(50);
    let mut lanes = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (requests, next, template) = (requests.clone(), next.clone(), template.clone());
        let mut wire = Wire::open(url).await.context("connecting")?;
        lanes.spawn(async move {
            let mut sent = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= total {
                    return Ok(sent);
                }
                let due = begin + Duration::from_secs_f64(n as f64 / per_second);
                tokio::time::sleep_until(due.into()).await;
                // the timer is late by up to a millisecond or two, which is not the server's; a sender without a free connection is
                let woke = now();
                let at = if woke > due + Duration::from_millis(5) {
                    due
                } else {
                    woke
                };
                sent.push((template.when(first + n), at));
                let request = &requests[usize::try_from(n)?];
                loop {
                    match wire.ask(request).await? {
                        200..=299 => break,
                        503 => tokio::time::sleep(Duration::from_millis(20)).await,
                        status => bail!("a webhook was answered {status}"),
                    }
                }
            }
        });
    }
    let mut out = HashMap::new();
    while let Some(lane) = lanes.join_next().await {
        out.extend(lane??);
    }
    Ok(out)
}

/// As many connections as asked, each as fast as it is answered, for a while; nothing is sent again. New requests are made as they
/// are sent.
pub(crate) async fn flood(
    url: &str,
    template: &Template,
    from: u64,
    connections: usize,
    seconds: u64,
) -> Result<Sent> {
    let next = Arc::new(AtomicU64::new(from));
    let template = Arc::new(template.clone());
    let mut wires = Vec::new();
    for _ in 0..connections {
        wires.push(Wire::open(url).await.context("connecting")?);
    }
    let begin = now();
    let end = begin + Duration::from_secs(seconds);
    let mut lanes = JoinSet::new();
    for mut wire in wires {
        let (next, template) = (next.clone(), template.clone());
        lanes.spawn(async move {
            let mut sent = Sent::default();
            while now() < end {
                let request = template.request(next.fetch_add(1, Ordering::Relaxed));
                let begun = now();
                match wire.ask(&request).await? {
                    200..=299 => {
                        sent.accepted += 1;
                        sent.latencies.push(micros(begun.elapsed()));
                    }
                    503 => sent.shed += 1,
                    status => bail!("a webhook was answered {status}"),
                }
            }
            Ok(sent)
        });
    }
    let mut all = Sent::default();
    while let Some(lane) = lanes.join_next().await {
        all.add(lane??);
    }
    all.took = begin.elapsed();
    Ok(all)
}
