//! The server as a child process in a folder of its own: started, asked, killed without warning, started again.

use crate::http::{Answer, Client};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The admin token of every server under test.
pub const TOKEN: &str = "test-admin-token-0000000000000000";

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A folder that is gone when the test is.
#[derive(Debug)]
pub struct Folder(pub PathBuf);

impl Folder {
    /// A new folder under the system's temporary one.
    ///
    /// # Panics
    /// Where none can be made.
    pub fn new(name: &str) -> Folder {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("stagewire-{name}-{}-{n}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a temporary folder can be made");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server that can be killed and started again on the same data.
pub struct Server {
    binary: PathBuf,
    folder: Folder,
    child: Option<Child>,
    said: Arc<Mutex<String>>,
    /// `http://127.0.0.1:port`
    pub url: String,
}

impl Server {
    /// Writes configuration and flows into a new folder and starts the server there. `config` is everything but `[server]`.
    ///
    /// # Panics
    /// Where it does not start; its output is in the message.
    pub async fn start(binary: &Path, config: &str, flows: &BTreeMap<String, String>) -> Server {
        let folder = Folder::new("server");
        let port = free_port().await;
        let server = format!(
            "[server]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \"http://127.0.0.1:{port}\"\ndata_dir = \"./data\"\nflows = \"./flows\"\n[network]\nallow_private = [\"127.0.0.0/8\"]\n"
        );
        std::fs::create_dir_all(folder.0.join("flows")).expect("a folder for flows");
        std::fs::write(folder.0.join("stagewire.toml"), server + config)
            .expect("the configuration can be written");
        for (id, text) in flows {
            std::fs::write(folder.0.join("flows").join(format!("{id}.toml")), text)
                .expect("a flow can be written");
        }
        let mut server = Server {
            binary: binary.to_owned(),
            folder,
            child: None,
            said: Arc::default(),
            url: format!("http://127.0.0.1:{port}"),
        };
        server.run().await;
        server
    }

    /// Starts it (again) on the same folder.
    ///
    /// # Panics
    /// Where it does not start.
    pub async fn run(&mut self) {
        let mut child = Command::new(&self.binary)
            .arg("serve")
            .current_dir(&self.folder.0)
            .env("STAGEWIRE_ADMIN_TOKEN", TOKEN)
            .env("STAGEWIRE_LOG", "warn,stagewire=info")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the server's binary can be started");
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (send, mut lines) = tokio::sync::mpsc::unbounded_channel::<String>();
        if let Some(out) = out {
            tokio::spawn(pass_on(out, send.clone()));
        }
        if let Some(err) = err {
            tokio::spawn(pass_on(err, send));
        }
        while let Some(line) = lines.recv().await {
            keep(&self.said, &line);
            if line.contains("listening") {
                let said = self.said.clone();
                tokio::spawn(async move {
                    while let Some(line) = lines.recv().await {
                        keep(&said, &line);
                        if std::env::var_os("STAGEWIRE_TEST_LOG").is_some() {
                            eprintln!("{line}");
                        }
                    }
                });
                self.child = Some(child);
                return;
            }
        }
        panic!("the server did not start:\n{}", self.log());
    }

    /// Every line it has written so far.
    pub fn log(&self) -> String {
        let said = self.said.lock();
        said.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill().await;
        }
    }

    /// Its process id.
    pub fn id(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Where it runs.
    pub fn folder(&self) -> &Path {
        &self.folder.0
    }

    /// A client of its own connection.
    pub fn client(&self) -> Client {
        Client::new(&self.url)
    }

    /// One page of a list, by its path under `/api/v1/`.
    ///
    /// # Errors
    /// What the connection said.
    pub async fn get(&self, path: &str) -> io::Result<Answer> {
        self.client().get(&format!("/api/v1/{path}"), TOKEN).await
    }

    /// Every item of a list.
    ///
    /// # Panics
    /// Where the server does not answer 200.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        self.all_as(TOKEN, path).await
    }

    /// The same with a token that also sees what is restricted, such as pay.
    ///
    /// # Panics
    /// Where the server does not answer 200, or gives no such token.
    pub async fn all_restricted(&self, path: &str) -> Vec<Value> {
        let wish = json!({"name": "pay", "role": "viewer", "scopes": ["records:restricted"]});
        let made = self.post("tokens", &wish).await.expect("it answers").json();
        let token = made["token"].as_str().expect("a token is made").to_owned();
        self.all_as(&token, path).await
    }

    async fn all_as(&self, token: &str, path: &str) -> Vec<Value> {
        let (mut out, mut cursor) = (Vec::new(), String::new());
        let join = if path.contains('?') { '&' } else { '?' };
        let mut client = self.client();
        loop {
            let at = if cursor.is_empty() {
                String::new()
            } else {
                format!("&cursor={cursor}")
            };
            let answer = client
                .get(&format!("/api/v1/{path}{join}limit=500{at}"), token)
                .await
                .expect("the server answers");
            assert_eq!(
                answer.status,
                200,
                "{path}: {}",
                String::from_utf8_lossy(&answer.body)
            );
            let page = answer.json();
            out.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return out,
            }
        }
    }

    /// POST under `/api/v1/`.
    ///
    /// # Errors
    /// What the connection said.
    pub async fn post(&self, path: &str, body: &Value) -> io::Result<Answer> {
        self.client()
            .post(&format!("/api/v1/{path}"), TOKEN, body)
            .await
    }
}

fn keep(said: &Mutex<String>, line: &str) {
    let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
    said.push_str(line);
    said.push('\n');
}

async fn pass_on(
    from: impl tokio::io::AsyncRead + Unpin,
    to: tokio::sync::mpsc::UnboundedSender<String>,
) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if to.send(line).is_err() {
            return;
        }
    }
}

/// A port that was free a moment ago.
///
/// # Panics
/// Where none is free.
pub async fn free_port() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a loopback port is free");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}
