//! A folder for one installation, the binary run in it, and a small HTTP client. Nothing here waits
//! for a time: a server is ready when it says where it listens.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

pub(crate) const TOKEN: &str = "a-token-only-for-tests";

static COUNT: AtomicU32 = AtomicU32::new(0);

/// A flow that is right, for a connection `out` of `http`.
pub(crate) const FLOW: &str = r#"name = "Tell"
owner = "ana@example.com"
rung = "write-back"
[when]
event = "application.stage_changed"
[[step]]
id = "tell"
use = "http.request"
connection = "out"
"#;

/// An installation's folder; gone when the test is.
pub(crate) struct Place(PathBuf);

impl Place {
    /// With this configuration; it listens where the system chooses.
    pub(crate) fn with(config: &str) -> Self {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("stagewire-test-{}-{n}", std::process::id());
        let place = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(place.0.join("flows")).expect("the temporary folder takes a folder");
        place.write("stagewire.toml", config);
        place
    }

    /// A server with one connection that nobody needs to answer.
    pub(crate) fn usual() -> Self {
        Self::with(
            r#"[server]
listen = "127.0.0.1:0"
[network]
allow_private = ["127.0.0.0/8"]
[[connection]]
id = "out"
connector = "http"
base_url = "http://127.0.0.1:9/hook"
"#,
        )
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.0.join(file), text).expect("the folder takes a file");
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// The binary with these words, in this folder.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_stagewire"));
        command.current_dir(&self.0).args(args);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("STAGEWIRE_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().expect("the binary runs");
        Ran::of(output)
    }

    /// A server that listens.
    pub(crate) fn serve(&self) -> Server {
        let mut command = self.command(&["serve"]);
        Server::start(command.env("STAGEWIRE_ADMIN_TOKEN", TOKEN))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    /// The answer of `--format json`.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// Ended well.
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Found problems, and said all of this.
    pub(crate) fn told(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{self:?}");
        for word in words {
            assert!(self.err.contains(word), "{word}: {self:?}");
        }
        self
    }
}

/// A running server; killed when the test is over.
pub(crate) struct Server {
    child: Child,
    /// Kept open: a server that cannot speak is another test.
    out: BufReader<ChildStdout>,
    pub(crate) at: String,
    pub(crate) said: Vec<String>,
}

impl Server {
    /// Waits for the line that says where it listens.
    pub(crate) fn start(command: &mut Command) -> Self {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the binary runs");
        let out = BufReader::new(child.stdout.take().expect("its output is ours"));
        let mut server = Self {
            child,
            out,
            at: String::new(),
            said: Vec::new(),
        };
        while server.at.is_empty() {
            let mut line = String::new();
            let read = server.out.read_line(&mut line);
            assert!(
                read.is_ok_and(|bytes| bytes > 0),
                "it ended: {:?}",
                server.said
            );
            match line.trim().strip_prefix("listening on http://") {
                Some(at) => server.at = at.to_owned(),
                None => server.said.push(line.trim().to_owned()),
            }
        }
        server
    }

    /// Asks it to stop and waits for its end.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let mut rest = String::new();
        let _ = self.out.read_to_string(&mut rest);
        self.child.wait().expect("it ends").code()
    }

    /// Pulls the plug.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        http(&self.at, "GET", path, Some(TOKEN), "")
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> (u16, Value) {
        http(&self.at, "POST", path, Some(TOKEN), body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One request; the body as JSON, or as a text where it is none.
pub(crate) fn http(
    at: &str,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> (u16, Value) {
    let mut stream = TcpStream::connect(at).expect("somebody listens");
    let token = token.map(|token| format!("authorization: Bearer {token}\r\n"));
    let kind = match body.starts_with('{') {
        true => "application/json",
        false => "application/x-www-form-urlencoded",
    };
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: {at}\r\n{}content-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
        token.unwrap_or_default(),
        body.len()
    );
    stream
        .write_all(request.as_bytes())
        .expect("the request leaves");
    let mut answer = Vec::new();
    stream
        .read_to_end(&mut answer)
        .expect("the answer comes whole");
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
    let body = serde_json::from_str(body).unwrap_or_else(|_| body.into());
    (status.expect("an answer has a status"), body)
}

/// Whether a file can be read by its owner alone.
pub(crate) fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)
        .expect("it is there")
        .permissions()
        .mode();
    mode & 0o077 == 0
}
