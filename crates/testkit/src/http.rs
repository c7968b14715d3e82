//! A small HTTP/1.1 client over one kept-open connection: enough to drive the server hard and to read its answers. No TLS, no
//! redirects, no pool.

use serde_json::Value;
use std::io;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// One answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }
}

/// A connection to one server.
pub struct Client {
    addr: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    /// A client for `host:port` (a leading `http://` is cut off); connects when first used.
    pub fn new(addr: &str) -> Client {
        Client {
            addr: addr
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned(),
            stream: None,
        }
    }

    /// Sends a request and reads the whole answer. A broken connection is not tried again: the caller decides.
    ///
    /// # Errors
    /// What the connection said.
    pub async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.addr).await?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        let mut request = Vec::with_capacity(256 + body.len());
        request.extend_from_slice(
            format!(
                "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n",
                self.addr,
                body.len()
            )
            .as_bytes(),
        );
        for (name, value) in headers {
            request.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        // a server that refuses a long body answers and closes before it has read all of it
        let written = stream.write_all(&request).await;
        let answer = match (read(&mut stream).await, written) {
            (Ok(answer), _) => answer,
            (Err(_), Err(e)) | (Err(e), Ok(())) => return Err(e),
        };
        if answer.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(answer)
    }

    /// GET with a bearer token.
    ///
    /// # Errors
    /// What the connection said.
    pub async fn get(&mut self, path: &str, token: &str) -> io::Result<Answer> {
        self.send(
            "GET",
            path,
            &[("authorization", &format!("Bearer {token}"))],
            b"",
        )
        .await
    }

    /// POST of JSON with a bearer token.
    ///
    /// # Errors
    /// What the connection said.
    pub async fn post(&mut self, path: &str, token: &str, body: &Value) -> io::Result<Answer> {
        let headers = [
            ("authorization", format!("Bearer {token}")),
            ("content-type", "application/json".to_owned()),
        ];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        self.send("POST", path, &headers, body.to_string().as_bytes())
            .await
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Answer> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let status = line
        .split(' ')
        .nth(1)
        .and_then(|s| s.trim().parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::UnexpectedEof, "no answer"))?;
    let mut headers = Vec::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    let mut answer = Answer {
        status,
        headers,
        body: Vec::new(),
    };
    if answer
        .header("transfer-encoding")
        .is_some_and(|t| t.contains("chunked"))
    {
        chunks(stream, &mut answer.body).await?;
    } else if let Some(length) = answer
        .header("content-length")
        .and_then(|l| l.parse::<usize>().ok())
    {
        answer.body.resize(length, 0);
        stream.read_exact(&mut answer.body).await?;
    }
    Ok(answer)
}

async fn chunks(stream: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> io::Result<()> {
    let mut line = String::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await?;
        let size = usize::from_str_radix(line.trim().split(';').next().unwrap_or(""), 16)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
        let from = body.len();
        body.resize(from + size, 0);
        stream.read_exact(&mut body[from..]).await?;
        stream.read_line(&mut line).await?;
        if size == 0 {
            return Ok(());
        }
    }
}
