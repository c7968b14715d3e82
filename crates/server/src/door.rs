//! How a command reaches the API: through the running server's socket, or, where none runs, through
//! an engine of its own under the same lock. Two processes never work on one data directory.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Body;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tower::ServiceExt;

use crate::local;
use crate::open::{self, Opened};
use crate::serve::SOCKET;
use crate::setup::{Installation, environment};
use crate::told::Stop;

/// Answers larger than this are no answers to a command.
const MOST: u64 = 64 * 1024 * 1024;

pub(crate) enum Door {
    /// A server runs; this is its socket.
    Server(std::path::PathBuf),
    /// None runs: this process holds the directory.
    Here(Router, Opened),
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Door {
    /// Finds the running server, or starts an engine here; `effects` say whether it may send.
    pub(crate) async fn open(installation: &Installation, effects: bool) -> Result<Self, Stop> {
        let data_dir = &installation.config.server.data_dir;
        let socket = data_dir.join(SOCKET);
        match UnixStream::connect(&socket).await {
            Ok(_) => return Ok(Self::Server(socket)),
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                let says = format!("{} belongs to another user", socket.display());
                return Err(Stop::Because(anyhow::Error::new(error).context(says)));
            }
            Err(_) => {}
        }
        let connections = installation.connections(&environment)?;
        let opened = open::engine(installation, connections, &environment, effects).await?;
        if let Some(why) = opened.unconfirmed.as_ref().filter(|_| effects) {
            let says = "nothing is sent until the server runs and somebody confirms that this is the live one";
            return Err(anyhow::anyhow!("{why}; {says}").into());
        }
        let api = local::api(&opened.hub, &installation.config.server.public_url);
        Ok(Self::Here(local::private(api), opened))
    }

    /// One request; any status is an answer.
    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer> {
        let text = match body {
            Some(body) => body.to_string(),
            None if method == "GET" => String::new(),
            None => "{}".to_owned(),
        };
        let (status, bytes) = match self {
            Self::Server(socket) => over(socket, method, path, &text).await?,
            Self::Here(router, _) => within(router, method, path, text).await?,
        };
        let body = match bytes.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&bytes)
                .with_context(|| format!("the answer to {method} {path} is no JSON"))?,
        };
        Ok(Answer { status, body })
    }

    /// One request that must be answered well.
    pub(crate) async fn done(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let answer = self.ask(method, path, body).await?;
        answer.good()
    }
}

impl Answer {
    /// The body of a good answer, or what the problem document says.
    pub(crate) fn good(self) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let says = ["detail", "title"].iter().find_map(|key| {
            let text = self.body.get(key)?.as_str()?;
            Some(text.to_owned())
        });
        bail!(says.unwrap_or_else(|| format!("the server answered {}", self.status)))
    }
}

async fn within(router: &Router, method: &str, path: &str, text: String) -> Result<(u16, Vec<u8>)> {
    let mut request = axum::http::Request::builder().method(method).uri(path);
    if !text.is_empty() {
        request = request.header("content-type", "application/json");
    }
    let request = request.body(Body::from(text))?;
    let answer = router.clone().oneshot(request).await?;
    let status = answer.status().as_u16();
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    let bytes = axum::body::to_bytes(answer.into_body(), most).await?;
    Ok((status, bytes.to_vec()))
}

/// HTTP/1.0, so that the answer ends where the connection does.
async fn over(socket: &Path, method: &str, path: &str, text: &str) -> Result<(u16, Vec<u8>)> {
    let lost = || format!("the server at {} did not answer", socket.display());
    let mut stream = UnixStream::connect(socket).await.with_context(lost)?;
    let kind = match text.is_empty() {
        true => "",
        false => "content-type: application/json\r\n",
    };
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: localhost\r\n{kind}content-length: {}\r\n\r\n{text}",
        text.len()
    );
    stream
        .write_all(request.as_bytes())
        .await
        .with_context(lost)?;
    let mut answer = Vec::new();
    let mut limited = stream.take(MOST);
    limited.read_to_end(&mut answer).await.with_context(lost)?;
    read(&answer).with_context(lost)
}

/// Status and body of a whole answer.
fn read(answer: &[u8]) -> Result<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.context("the answer broke off in its head")?;
    let head = String::from_utf8_lossy(&answer[..end]);
    let body = &answer[end + 4..];
    let status = head.split_whitespace().nth(1);
    let status = status.and_then(|status| status.parse().ok());
    let told = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let length = name.eq_ignore_ascii_case("content-length");
        length.then(|| value.trim().parse::<usize>().ok())?
    });
    if told.is_some_and(|told| told != body.len()) {
        bail!("the answer broke off");
    }
    Ok((status.context("the answer has no status")?, body.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_whole_or_not_at_all() {
        let whole = b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(read(whole).ok(), Some((200, b"{}".to_vec())));
        let untold = b"HTTP/1.0 404 Not Found\r\n\r\nx";
        assert_eq!(read(untold).ok(), Some((404, b"x".to_vec())));
        for broken in [&whole[..whole.len() - 1], b"HTTP/1.0 200 OK\r\n", b""] {
            assert!(read(broken).is_err());
        }
    }
}
