//! The demo: from nothing to a posted message, with the real server in between; and what the command
//! line does to a server that runs.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{Place, Server, http};
use serde_json::Value;

const CONFIG: [&str; 2] = ["--config", "kept/stagewire.toml"];

const MOMENT: Duration = Duration::from_millis(100);
const LOOKS: u32 = 600;

struct Demo {
    server: Server,
    token: String,
    ats: String,
    chat: String,
    /// The live stream: each of its lines is a reason to look again.
    stream: BufReader<TcpStream>,
}

impl Demo {
    fn start(place: &Place) -> Self {
        let words = ["demo", "--listen", "127.0.0.1:0", "--data", "kept"];
        let server = Server::start(&mut place.command(&words));
        let mut said = server.said.iter();
        let token = said.find_map(|line| line.strip_prefix("admin token: "));
        let token = token.expect("a first start shows a token").to_owned();
        let (ats, chat) = (
            shown(&server.said, "the ATS"),
            shown(&server.said, "the chat"),
        );
        Self {
            stream: stream(&server.at, &token),
            server,
            token,
            ats,
            chat,
        }
    }

    fn get(&self, path: &str) -> Value {
        http(&self.server.at, "GET", path, Some(&self.token), "").1
    }

    /// Somebody applies for the first job of that name.
    fn applies(&self, first: &str, job: &str) {
        let page = http(&self.ats, "GET", "/", None, "").1;
        let page = page.as_str().unwrap_or_default();
        let mut options = page.split("<option value=\"");
        let option = options.find(|part| part.contains(job));
        let id = option.and_then(|part| part.split('"').next());
        let id = id.expect("the job is open");
        let form = format!("first_name={first}&last_name=Vale&email={first}&job_id={id}");
        let (status, _) = http(&self.ats, "POST", "/_fake/apply", None, &form);
        assert_eq!(status, 303);
    }

    fn posted(&self, text: &str) -> bool {
        let page = http(&self.chat, "GET", "/", None, "").1;
        page.as_str().is_some_and(|page| page.contains(text))
    }

    /// Looks again with each line of the live stream, or when it was quiet for a moment.
    fn until(&mut self, holds: impl Fn(&Self) -> bool) {
        for _ in 0..LOOKS {
            if holds(self) {
                return;
            }
            let mut line = String::new();
            let read = self.stream.read_line(&mut line);
            assert!(!read.is_ok_and(|bytes| bytes == 0), "the stream goes on");
        }
        panic!("it did not happen");
    }
}

/// The address that a line of the demo's greeting shows.
fn shown(said: &[String], what: &str) -> String {
    let line = said.iter().find(|line| line.contains(what));
    let url = line.and_then(|line| line.split("http://").nth(1)?.split(' ').next());
    url.unwrap_or_else(|| panic!("{what}: {said:?}")).to_owned()
}

fn stream(at: &str, token: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(at).expect("somebody listens");
    stream.set_read_timeout(Some(MOMENT)).expect("a time");
    let request = format!(
        "GET /api/v1/stream HTTP/1.0\r\nhost: {at}\r\nauthorization: Bearer {token}\r\n\r\n"
    );
    let sent = stream.write_all(request.as_bytes());
    sent.expect("the request leaves");
    BufReader::new(stream)
}

#[test]
fn somebody_applies_and_the_team_knows() {
    let place = Place::with("");
    let mut demo = Demo::start(&place);
    assert!(place.path("kept/stagewire.toml").exists());
    assert!(
        !place.path("data").exists(),
        "nothing beside its own folder"
    );
    demo.applies("Nora", "Backend Engineer");
    demo.until(|demo| demo.posted("Nora Vale applied for Backend Engineer"));
    let hold = &demo.get("/api/v1/holds")["items"][0];
    assert_eq!(hold["flow"], "first-screen", "a person decides");
    for words in [
        &["sync"][..],
        &["plan"],
        &["check", "--connections"],
        &["try", "first-screen"],
        &["doctor"],
    ] {
        let ran = place.run(&[words, &CONFIG].concat()).done();
        assert!(!ran.out.contains("NOT OK"), "{ran:?}");
    }
    assert_eq!(demo.server.stop(), Some(0), "with a stream still open");
}

#[test]
fn what_the_vendor_refused_is_tried_again_from_the_command_line() {
    let place = Place::with("");
    let mut demo = Demo::start(&place);
    let fault = r#"{"fault": {"answer": {"status": 200, "body": {"ok": false, "error": "is_archived"}}}, "path": "/api/chat.postMessage", "times": 1}"#;
    let (status, _) = http(&demo.chat, "POST", "/_fake/faults", None, fault);
    assert_eq!(status, 204);
    demo.applies("Nora", "Backend Engineer");
    let refused = |demo: &Demo| demo.get("/api/v1/failures")["items"][0]["code"] == "CALL-409";
    demo.until(refused);
    assert!(!demo.posted("Nora Vale"));
    let replay = ["replay", "--code", "CALL-409"];
    let planned = place
        .run(&[&replay[..], &["--plan"], &CONFIG].concat())
        .done();
    assert!(planned.out.starts_with("1 would be"), "{planned:?}");
    assert!(!demo.posted("Nora Vale"), "a plan sends nothing");
    place.run(&[&replay[..], &CONFIG].concat()).done();
    demo.until(|demo| demo.posted("Nora Vale applied for Backend Engineer"));
}
