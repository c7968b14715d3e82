//! The references, each as a process of its own: what the same machine does with less between. Started by the bench; useless
//! to anybody else.

use crate::group::Group;
use crate::template::SECRET;
use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

/// Deliveries of `plain` in flight at once, as the server's usual limit.
const IN_FLIGHT: usize = 32;

async fn serve(router: Router) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await?;
    Ok(())
}

/// Reads, verifies, parses; keeps nothing.
pub(crate) async fn bare() -> Result<()> {
    let handler = |headers: HeaderMap, body: Bytes| async move {
        match verified(&headers, &body) {
            Some(_) => StatusCode::OK,
            None => StatusCode::UNAUTHORIZED,
        }
    };
    serve(Router::new().fallback(handler)).await
}

/// HMAC-SHA256 over the body, then its JSON.
fn verified(headers: &HeaderMap, body: &[u8]) -> Option<Value> {
    let told = headers
        .get("signature")?
        .to_str()
        .ok()?
        .strip_prefix("sha256 ")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).ok()?;
    mac.update(body);
    mac.verify_slice(&unhex(told)?).ok()?;
    serde_json::from_slice(body).ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|p| Some(digit(p[0])? * 16 + digit(p[1])?))
        .collect()
}

struct Plain {
    rows: Group<(String, Bytes)>,
    out: mpsc::UnboundedSender<(String, Bytes)>,
}

/// Accepts, commits in groups into one table, delivers; verifies nothing, and does not note what was delivered.
pub(crate) async fn plain(to: &str, folder: &Path) -> Result<()> {
    let schema = "CREATE TABLE item(n INTEGER PRIMARY KEY, id TEXT NOT NULL, body BLOB NOT NULL);";
    let rows = Group::start(
        &folder.join("plain.db"),
        schema,
        |conn, (id, body): &(String, Bytes)| {
            conn.prepare_cached("INSERT INTO item(id, body) VALUES(?1, ?2)")?
                .execute((id, &body[..]))?;
            Ok(())
        },
    )?;
    let (out, queue) = mpsc::unbounded_channel::<(String, Bytes)>();
    let queue = Arc::new(Mutex::new(queue));
    let client = client()?;
    for _ in 0..IN_FLIGHT {
        let (queue, client, to) = (queue.clone(), client.clone(), to.to_owned());
        tokio::spawn(async move {
            loop {
                let item = queue.lock().await.recv().await;
                let Some((id, body)) = item else { return };
                loop {
                    let request = client
                        .post(&to)
                        .header("webhook-id", &id)
                        .body(body.clone());
                    let answer = request.send().await;
                    if answer.is_ok_and(|a| a.status().is_success()) {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                }
            }
        });
    }
    let router = Router::new()
        .fallback(accept)
        .with_state(Arc::new(Plain { rows, out }));
    serve(router).await
}

async fn accept(State(plain): State<Arc<Plain>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let id = headers
        .get("greenhouse-event-id")
        .and_then(|v| v.to_str().ok());
    let id = id.unwrap_or_default().to_owned();
    match plain.rows.commit((id, body)).await {
        Some(item) => {
            let _ = plain.out.send(item);
            StatusCode::OK
        }
        None => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The same client library as the server's. A crypto provider must be there even if no call uses it.
#[expect(
    clippy::disallowed_methods,
    reason = "a reference is not the product and has no Transport"
)]
fn client() -> Result<reqwest::Client> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Ok(reqwest::Client::builder().no_proxy().build()?)
}

/// What the server writes for a delivery.
struct Row {
    id: i64,
    at: i64,
    sha: [u8; 32],
    vendor_id: String,
    bytes: i64,
    sealed: Vec<u8>,
}

struct Prototype {
    rows: Group<Row>,
    cipher: XChaCha20Poly1305,
    next: AtomicI64,
}

/// The rows, indexes and sealing of an admitted delivery, and nothing else of the server: what the design costs, whoever writes it.
pub(crate) async fn prototype(folder: &Path) -> Result<()> {
    let schema = include_str!("../../crates/store/src/migrations/0001.sql");
    let state = Prototype {
        rows: Group::start(&folder.join("prototype.db"), schema, write)?,
        cipher: XChaCha20Poly1305::new(&[7; 32].into()),
        next: AtomicI64::new(1),
    };
    let router = Router::new().fallback(admit).with_state(Arc::new(state));
    serve(router).await
}

async fn admit(State(own): State<Arc<Prototype>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    if verified(&headers, &body).is_none() {
        return StatusCode::UNAUTHORIZED;
    }
    let id = own.next.fetch_add(1, Ordering::Relaxed);
    let mut nonce = [0; 24];
    let aad = [&b"body|"[..], &id.to_be_bytes()].concat();
    let payload = Payload {
        msg: &body,
        aad: &aad,
    };
    let random = getrandom::fill(&mut nonce).is_ok();
    let sealed = own.cipher.encrypt(&XNonce::from(nonce), payload);
    let (true, Ok(sealed)) = (random, sealed) else {
        return StatusCode::INTERNAL_SERVER_ERROR;
    };
    let vendor_id = headers
        .get("greenhouse-event-id")
        .and_then(|v| v.to_str().ok());
    let row = Row {
        id,
        at: 1_800_000_000_000_000 + id,
        sha: Sha256::digest(&body).into(),
        vendor_id: vendor_id.unwrap_or_default().to_owned(),
        bytes: i64::try_from(body.len()).unwrap_or(0),
        sealed: [&nonce[..], &sealed].concat(),
    };
    match own.rows.commit(row).await {
        Some(_) => StatusCode::OK,
        None => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn write(conn: &Connection, row: &Row) -> rusqlite::Result<()> {
    conn.prepare_cached(
        "INSERT INTO delivery(id, ws, conn, at, sha, vendor_id, verdict, state, note, manifest, bytes, body) VALUES(?1, 1, 1, ?2, ?3, ?4, 1, 0, NULL, ?5, ?6, ?1)
         ON CONFLICT(ws, conn, sha) WHERE state IN (0, 1) DO NOTHING",
    )?
    .execute((row.id, row.at, row.sha, &row.vendor_id, [0_u8; 8], row.bytes))?;
    conn.prepare_cached(
        "INSERT INTO body(id, ws, class, expires, key_id, person, sealed) VALUES(?1, 1, 1, ?2, 1, NULL, ?3)",
    )?
    .execute((row.id, row.at + 2_592_000_000_000, &row.sealed))?;
    Ok(())
}
