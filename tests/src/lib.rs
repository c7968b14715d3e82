//! The whole server against fake vendors: one company per test, with its own server process. Only for the tests beside it.

pub mod ashby;
pub mod lever;

use serde_json::Value;
use stagewire_fakes::greenhouse::{self, Applicant, Greenhouse, Webhook};
use stagewire_fakes::receiver::{self, Receiver};
use stagewire_fakes::slack::{self, Slack};
use stagewire_fakes::{Clock, Handle};
use stagewire_testkit::http::Client;
use stagewire_testkit::process::Server;
use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// A connection's `keep` that holds all there is; without one, notes, attachments and pay are left out.
pub const KEEP_ALL: &str = r#"["user", "department", "office", "job", "opening", "job_posting", "job_stage", "candidate", "application", "interview", "scorecard", "offer", "reject_reason", "source", "tag", "note", "attachment", "question"]"#;

/// The secret of the signed receiver.
pub const WHSEC: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// The server's binary: the one that `STAGEWIRE_TEST_BINARY` names, else one that is built now.
///
/// # Panics
/// Where it cannot be built.
pub fn binary() -> PathBuf {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY
        .get_or_init(|| {
            if let Some(built) = std::env::var_os("STAGEWIRE_TEST_BINARY") {
                return built.into();
            }
            let exe = std::env::current_exe().expect("a test knows its own path");
            let folder = exe
                .parent()
                .and_then(|deps| deps.parent())
                .expect("tests lie in target/<profile>/deps")
                .to_owned();
            let release = folder.ends_with("release");
            let mut build =
                Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            build
                .args(["build", "--quiet", "--workspace", "--bin", "stagewire"])
                .args(release.then_some("--release"));
            if let Some(target) = folder.parent() {
                build.env("CARGO_TARGET_DIR", target);
            }
            assert!(
                build.status().is_ok_and(|s| s.success()),
                "the server's binary builds"
            );
            folder.join("stagewire")
        })
        .clone()
}

/// A loopback port for a fake.
///
/// # Panics
/// Where none is free.
pub async fn port() -> tokio::net::TcpListener {
    stagewire_fakes::loopback()
        .await
        .expect("a loopback port is free")
}

/// Stops the server, and sees that this word is in nothing it shows, says or keeps.
///
/// # Panics
/// Where it is.
pub async fn nowhere(server: &mut Server, mark: &str) {
    let marked = |bytes: &[u8]| bytes.windows(mark.len()).any(|w| w == mark.as_bytes());
    let entities = ["application", "candidate", "scorecard", "note", "offer"];
    let records = entities.map(|entity| format!("records/{entity}"));
    let lists = ["events", "deliveries", "failures", "calls", "drift"].map(str::to_owned);
    for list in records.into_iter().chain(lists) {
        for item in server.all(&list).await {
            assert!(!marked(item.to_string().as_bytes()), "{list}");
            let id = item["id"].as_str().filter(|_| list == "deliveries");
            if let Some(id) = id {
                let one = server.get(&format!("deliveries/{id}")).await;
                assert!(!marked(&one.expect("the server answers").body));
            }
        }
    }
    assert!(!marked(server.log().as_bytes()), "the log");
    server.kill().await;
    let (mut folders, mut files) = (vec![server.folder().to_owned()], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.is_file() {
                let bytes = std::fs::read(&path).expect("it can be read");
                assert!(!marked(&bytes), "{}", path.display());
                files += 1;
            }
        }
    }
    assert!(files > 2, "the database is among them");
}

/// A made-up company: an ATS, a chat, a receiver, and the server between them.
pub struct Company {
    /// The fake ATS.
    pub ats: Handle<Greenhouse>,
    /// The fake chat.
    pub chat: Handle<Slack>,
    /// The signed receiver.
    pub hook: Handle<Receiver>,
    /// The server.
    pub server: Server,
    config: String,
}

/// How a company is set up.
pub struct Plan {
    /// Polling of the ATS connection.
    pub poll: &'static str,
    /// More lines of configuration.
    pub more: String,
    /// More lines of the receiver's connection.
    pub hook: &'static str,
    /// Flows by id.
    pub flows: Vec<(&'static str, String)>,
    /// The receiver treats each request as an effect.
    pub ignores_ids: bool,
    /// The chat's token may read histories.
    pub history: bool,
    /// Applications there are before the server comes.
    pub crowd: u64,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            poll: "0",
            more: String::new(),
            hook: "",
            flows: vec![],
            ignores_ids: false,
            history: true,
            crowd: 0,
        }
    }
}

impl Company {
    /// Starts everything and raises every flow to its ceiling.
    ///
    /// # Panics
    /// Where a part does not start.
    pub async fn start(plan: Plan) -> Company {
        Box::pin(Self::open(plan)).await
    }

    async fn open(plan: Plan) -> Company {
        let ats = Greenhouse::new(greenhouse::Options::for_tests(Clock::real()));
        ats.seed_company();
        if plan.crowd > 0 {
            ats.seed_many(plan.crowd);
        }
        let ats = ats.serve(port().await).await.expect("the fake ATS starts");
        let scopes: &[&str] = if plan.history {
            &[
                "chat:write",
                "channels:read",
                "channels:history",
                "groups:history",
                "groups:read",
            ]
        } else {
            &["chat:write", "channels:read", "groups:read"]
        };
        let chat = slack::Options {
            limits: false,
            tokens: vec![slack::Token::with_scopes("xoxb-test", scopes)],
            channels: vec![
                slack::Channel::public("C0HIRING", "hiring"),
                slack::Channel::public("C0OPS", "hiring-ops"),
            ],
            ..slack::Options::default()
        };
        let chat = Slack::new(chat)
            .serve(port().await)
            .await
            .expect("the fake chat starts");
        let hook = receiver::Options {
            secrets: vec![WHSEC.into()],
            ignores_ids: plan.ignores_ids,
            ..receiver::Options::default()
        };
        let hook = Receiver::new(hook)
            .serve(port().await)
            .await
            .expect("the receiver starts");
        let config = format!(
            "[[connection]]\nid = \"gh\"\nconnector = \"greenhouse\"\nbase_url = \"{ats}\"\nauth_url = \"{ats}\"\nowner = \"ana@example.com\"\npoll = \"{poll}\"\nkeep = {KEEP_ALL}\n[connection.fields]\nclient_id = \"demo-client\"\nclient_secret = \"demo-secret\"\nwebhook_secret = \"demo-webhook-secret\"\n\
             [[connection]]\nid = \"chat\"\nconnector = \"slack\"\nbase_url = \"{chat}\"\nowner = \"ana@example.com\"\n[connection.fields]\nbot_token = \"xoxb-test\"\n\
             [[connection]]\nid = \"hook\"\nconnector = \"http\"\nbase_url = \"{hook}/hook\"\nowner = \"ana@example.com\"\n{more_hook}\n[connection.fields]\nsigning_secret = \"{WHSEC}\"\n{more}\n",
            ats = ats.url(),
            chat = chat.url(),
            hook = hook.url(),
            poll = plan.poll,
            more_hook = plan.hook,
            more = plan.more,
        );
        let flows: BTreeMap<String, String> = plan
            .flows
            .iter()
            .map(|(id, text)| ((*id).to_owned(), text.clone()))
            .collect();
        let server = Server::start(&binary(), &config, &flows).await;
        let company = Company {
            ats,
            chat,
            hook,
            server,
            config,
        };
        for id in flows.keys() {
            company.raise(id, "write-back").await;
        }
        company
    }

    /// Another server with the same connections and an empty folder. Two at a time would take each other's tokens away.
    pub async fn anew(&self) -> Server {
        Server::start(&binary(), &self.config, &BTreeMap::new()).await
    }

    /// One round of reading; the answer's status.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub async fn sync(&self, what: &Value) -> u16 {
        let answer = self.server.post("connections/gh/sync", what).await;
        answer.expect("the server answers").status
    }

    /// A round of reading what changed, to its end.
    ///
    /// # Panics
    /// Where it does not succeed.
    pub async fn poll(&self) {
        let what = serde_json::json!({});
        assert_eq!(self.sync(&what).await, 200);
    }

    /// Whether everything was read once.
    pub async fn read_whole(&self) -> bool {
        let connections = self.server.all("connections").await;
        connections
            .iter()
            .any(|c| c["id"] == "gh" && c["backfilled"] == true)
    }

    /// Raises a flow to a rung with an override.
    ///
    /// # Panics
    /// Where the server refuses.
    pub async fn raise(&self, flow: &str, rung: &str) {
        let body = serde_json::json!({"rung": rung, "override": true, "reason": "a test"});
        let answer = self
            .server
            .post(&format!("flows/{flow}/rung"), &body)
            .await
            .expect("the server answers");
        assert_eq!(
            answer.status,
            200,
            "{}",
            String::from_utf8_lossy(&answer.body)
        );
    }

    /// Waits for a fact; where it does not come to hold, tells what there is.
    ///
    /// # Panics
    /// After that many seconds.
    pub async fn until<F: Future<Output = bool>>(
        &self,
        what: &str,
        seconds: u64,
        fact: impl FnMut() -> F,
    ) {
        if stagewire_testkit::holds(seconds, fact).await {
            return;
        }
        let mut story = String::new();
        for list in [
            "deliveries",
            "events",
            "runs",
            "actions",
            "failures",
            "calls",
        ] {
            for item in self.server.all(list).await.into_iter().take(20) {
                story.push_str(&format!("{list}: {item}\n"));
            }
        }
        panic!("after {seconds} s this does not hold: {what}\n{story}");
    }

    /// A new application of a made-up person to the first job; its webhooks are not sent.
    ///
    /// # Panics
    /// Where the ATS refuses.
    pub fn apply(&self, first: &str) -> u64 {
        let job = self.ats.state.jobs()[0].id;
        let last = "Example".to_owned();
        let applicant = Applicant {
            first_name: first.into(),
            last_name: last,
            email: Some(format!("{}@example.com", first.to_lowercase())),
            job_id: Some(job),
            ..Applicant::default()
        };
        let done = self
            .ats
            .state
            .apply(applicant)
            .expect("the ATS takes an applicant");
        done.touched
            .application_id
            .expect("an applicant has an application")
    }

    /// The stages of the first job, by name.
    pub fn stages(&self) -> Vec<(String, u64)> {
        let job = self.ats.state.jobs()[0].id;
        self.ats
            .state
            .stages(job)
            .into_iter()
            .map(|s| (s.name, s.id))
            .collect()
    }

    /// Delivers webhooks to the server in that order; the statuses.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub async fn deliver(&self, hooks: &[Webhook]) -> Vec<u16> {
        let mut client = self.server.client();
        let mut out = Vec::new();
        for hook in hooks {
            out.push(send(&mut client, hook).await.expect("the server answers"));
        }
        out
    }
}

/// Sends one webhook; the status.
///
/// # Errors
/// What the connection said.
pub async fn send(client: &mut Client, hook: &Webhook) -> std::io::Result<u16> {
    let headers: Vec<(&str, &str)> = hook
        .headers
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    Ok(client
        .send("POST", "/in/gh", &headers, &hook.body)
        .await?
        .status)
}

/// A flow that tells the receiver every change of stage.
pub fn tell_hook() -> String {
    "name = \"Tell the receiver\"\nowner = \"ana@example.com\"\nrung = \"write-back\"\n[when]\nevent = \"application.stage_changed\"\nconnection = \"gh\"\n[[step]]\nid = \"tell\"\nuse = \"http.request\"\nconnection = \"hook\"\n".into()
}

/// A flow that tells the chat every change of stage.
pub fn tell_chat() -> String {
    "name = \"Tell the channel\"\nowner = \"ana@example.com\"\nrung = \"write-back\"\n[when]\nevent = \"application.stage_changed\"\nconnection = \"gh\"\n[[step]]\nid = \"ping\"\nuse = \"slack.message.post\"\nconnection = \"chat\"\nwith = { channel = \"#hiring\", text = \"{{ candidate.full_name }} moved to {{ stage.name }} for {{ job.title }}\" }\n".into()
}
