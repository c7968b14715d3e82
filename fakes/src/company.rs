//! The demo company: the fakes together, with the configuration and the flows that make a server
//! theirs. Knows which fake belongs to which connector, so that the server need not; it reads the
//! files under `demo/` and nothing in `connectors/`.

use std::collections::BTreeMap;
use std::io;

use crate::greenhouse::{self, Greenhouse, Subscriber};
use crate::receiver::{self, Receiver};
use crate::serve::{Handle, loopback};
use crate::slack::{self, Slack};

const CONFIG: &str = include_str!("../demo/stagewire.toml");
const FLOWS: [(&str, &str); 3] = [
    (
        "first-screen",
        include_str!("../demo/flows/first-screen.toml"),
    ),
    ("offer-note", include_str!("../demo/flows/offer-note.toml")),
    ("stage-news", include_str!("../demo/flows/stage-news.toml")),
];
const SIGNING_SECRET: &str = "whsec_c3RhZ2V3aXJlLWRlbW8tc2lnbmluZy1zZWNyZXQ=";
const WEBHOOK_SECRET: &str = "demo-webhook-secret";

/// The made-up company on this machine.
pub struct Company {
    /// `stagewire.toml`, without `[server]`.
    pub config: String,
    /// The flow files, by the flow's id.
    pub flows: BTreeMap<String, String>,
    /// What a person can look at: what it is, and its address.
    pub links: Vec<(String, String)>,
    /// The fake ATS.
    pub ats: Handle<Greenhouse>,
    /// The fake chat.
    pub chat: Handle<Slack>,
    /// The signed receiver.
    pub receiver: Handle<Receiver>,
}

impl Company {
    /// Starts the fakes on ports that the system chooses, with people and history.
    pub async fn open() -> io::Result<Company> {
        Box::pin(Self::opened()).await // a fake is large before it serves
    }

    async fn opened() -> io::Result<Company> {
        let ats = Greenhouse::new(greenhouse::Options::default());
        ats.seed_company();
        let ats = ats.serve(loopback().await?).await?;
        let chat = Slack::new(slack::Options::default());
        let chat = chat.serve(loopback().await?).await?;
        let receiver = Receiver::new(receiver::Options {
            secrets: vec![SIGNING_SECRET.to_owned()],
            ..receiver::Options::default()
        });
        let receiver = receiver.serve(loopback().await?).await?;
        let config = CONFIG
            .replace("{ats}", &ats.url())
            .replace("{chat}", &chat.url())
            .replace("{receiver}", &receiver.url())
            .replace("{signing_secret}", SIGNING_SECRET);
        let link = |what: &str, url: String| (what.to_owned(), url);
        Ok(Company {
            config,
            flows: FLOWS
                .map(|(id, text)| (id.to_owned(), text.to_owned()))
                .into(),
            links: vec![
                link("the ATS (fake): move somebody here", ats.url()),
                link("the chat (fake): what was posted", chat.url()),
                link("the receiver: what arrived, signed", receiver.url()),
            ],
            ats,
            chat,
            receiver,
        })
    }

    /// Sets the webhook up in the fake ATS, as a person would; true if its ping was answered.
    pub async fn announce_to(&self, server: &str) -> bool {
        let subscriber = Subscriber::to_all(format!("{server}/in/gh"), WEBHOOK_SECRET);
        self.ats.state.subscribe(subscriber).await
    }

    /// Ends all of them.
    pub async fn close(self) {
        self.ats.shutdown().await;
        self.chat.shutdown().await;
        self.receiver.shutdown().await;
    }
}
