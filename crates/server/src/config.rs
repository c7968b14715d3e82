//! `stagewire.toml` and the environment, read into one checked value.
//! Everything wrong is reported at once, each with its place and the nearest right name. Secrets
//! are not read here, only where they stand; no file at all is a working configuration.

mod cidr;
mod connections;
mod document;
mod places;
mod poll;
mod secret;
#[cfg(test)]
mod tests;
mod urls;
mod workspace;

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use stagewire_connector::Problem;
use stagewire_engine::flow::nearest::nearest;
use stagewire_engine::time::Calendar;

pub(crate) use self::cidr::Cidr;
use self::connections::did_you_mean;
pub(crate) use self::connections::{Alert, Connection};
use self::document::{Homes, Reader, Section, Setting};
pub(crate) use self::poll::Poll;
pub(crate) use self::secret::SecretRef;

/// The code of every problem of the configuration.
pub(crate) const CODE: &str = "CONFIG-001";

/// The environment variables that replace a setting, by section and key.
const OVERRIDES: &[(&str, &str)] = &[
    ("server", "listen"),
    ("server", "public_url"),
    ("server", "data_dir"),
    ("server", "flows"),
    ("server", "connectors"),
    ("server", "intake_listen"),
    ("server", "tls_cert"),
    ("server", "tls_key"),
    ("server", "trusted_proxies"),
    ("server", "heartbeat"),
    ("workspace", "time_zone"),
    ("network", "allow_private"),
];

const ROOT: &[&str] = &[
    "server",
    "workspace",
    "network",
    "connection",
    "alert",
    "vars",
];
const SERVER: &[&str] = &[
    "listen",
    "public_url",
    "data_dir",
    "flows",
    "connectors",
    "intake_listen",
    "tls_cert",
    "tls_key",
    "trusted_proxies",
    "heartbeat",
];
/// Settings of the documented surface that this version cannot honour; ignoring one would be a lie.
const SERVER_LATER: &[&str] = &["database_url"];
const WORKSPACE: &[&str] = &["time_zone", "working_week", "holidays"];
const NETWORK: &[&str] = &["allow_private"];
const CONNECTION: &[&str] = &[
    "id",
    "connector",
    "base_url",
    "auth_url",
    "owner",
    "poll",
    "effect",
    "once",
    "webhooks",
    "keep",
    "fields",
];
const ALERT: &[&str] = &["to"];
const HOMES: Homes = &[
    ("[server]", SERVER),
    ("[server]", SERVER_LATER),
    ("[workspace]", WORKSPACE),
    ("[network]", NETWORK),
    ("[[connection]]", CONNECTION),
    ("[[alert]]", ALERT),
];

/// What the operator decided. Paths are relative to the folder of the file they stand in.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) server: Server,
    /// Time zone, working week, holidays; UTC, Monday to Friday and none by default.
    pub(crate) calendar: Calendar,
    pub(crate) network: Network,
    pub(crate) connections: Vec<Connection>,
    pub(crate) alerts: Vec<Alert>,
    /// What flows read as `vars.<name>`.
    pub(crate) vars: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug)]
pub(crate) struct Server {
    /// Where the server answers; `127.0.0.1:8787` by default.
    pub(crate) listen: SocketAddr,
    /// How others reach it, without a slash at the end; made from `listen` by default.
    pub(crate) public_url: String,
    /// The database and the key live here; `./data` by default.
    pub(crate) data_dir: PathBuf,
    /// The folder of flow files; `./flows` by default, and it need not exist.
    pub(crate) flows: PathBuf,
    /// A folder with more connectors, data only.
    pub(crate) connectors: Option<PathBuf>,
    /// Where only deliveries and the answers to consents are taken: the part that may face the internet.
    pub(crate) intake_listen: Option<SocketAddr>,
    /// The certificate chain and its key, both PEM; every listener then speaks TLS.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// Proxies whose word about a caller's address is taken; none by default.
    pub(crate) trusted_proxies: Vec<Cidr>,
    /// An address that is called each minute while the server works. It is a secret: whoever knows it can call it too.
    pub(crate) heartbeat: Option<SecretRef>,
}

#[derive(Debug, Default)]
pub(crate) struct Network {
    /// Private ranges that calls may go to all the same; none by default.
    pub(crate) allow_private: Vec<Cidr>,
}

impl Config {
    /// Reads the file, if there is one, then the environment.
    pub(crate) fn load(
        path: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Problem>> {
        let Some(path) = path else {
            return Self::parse("", None, env);
        };
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, Some(path), env),
            Err(error) => {
                let file = path.display().to_string();
                Err(vec![Problem::of_file(
                    &file,
                    format!("cannot be read: {error}"),
                )])
            }
        }
    }

    /// Checks `text` as if it stood in the file at `path`.
    fn parse(
        text: &str,
        path: Option<&Path>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader::new(text, path, HOMES);
        let document = reader.document()?;
        let root = Section::new("", document.get_ref(), document.span());
        reader.only(&root, ROOT, &[]);
        let server = server(&mut reader, &root, env);
        let calendar = workspace::calendar(&mut reader, &root, env);
        let network = network(&mut reader, &root, env);
        let connections = connections::connections(&mut reader, &root);
        let alerts = connections::alerts(&mut reader, &root, &connections);
        let vars = reader.vars(&root);
        for key in SERVER_LATER {
            let name = variable("server", key);
            if env(&name).is_some() {
                reader.problem(&Setting::from_env(name, String::new()), not_yet(key), None);
            }
        }
        reader.finish()?;
        // Whatever could not be read has been reported, so all that is left is complete.
        Ok(Self {
            server,
            calendar,
            network,
            connections,
            alerts,
            vars,
        })
    }
}

/// Environment variables that look like overrides of ours and are none; a typing error there
/// would otherwise be silent.
pub(crate) fn unknown_overrides<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Problem> {
    let known: Vec<String> = OVERRIDES
        .iter()
        .map(|(section, key)| variable(section, key))
        .collect();
    let later: Vec<String> = SERVER_LATER
        .iter()
        .map(|key| variable("server", key))
        .collect();
    let ours = names.filter(|name| name.starts_with("STAGEWIRE__"));
    let unknown = ours.filter(|name| !known.iter().chain(&later).any(|known| known == name));
    let problem = |name: &'a str| {
        let says = "is not a setting that the environment can replace";
        let hint = nearest(name, known.iter().map(String::as_str)).map(did_you_mean);
        Problem {
            hint,
            ..Problem::of_file(name, says)
        }
    };
    unknown.map(problem).collect()
}

fn server(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Server {
    let section = reader.section(root, "server");
    if let Some(section) = &section {
        reader.only(section, SERVER, SERVER_LATER);
    }
    let mut setting = |key: &str| {
        let name = variable("server", key);
        match env(&name) {
            Some(value) => Some(Setting::from_env(name, value)),
            None => reader.text(section.as_ref()?, key),
        }
    };
    let (listen, public_url) = (setting("listen"), setting("public_url"));
    let (data_dir, flows, connectors) =
        (setting("data_dir"), setting("flows"), setting("connectors"));
    let (intake_listen, heartbeat) = (setting("intake_listen"), setting("heartbeat"));
    let (tls_cert, tls_key) = (setting("tls_cert"), setting("tls_key"));
    let tls = match (tls_cert, tls_key) {
        (Some(cert), Some(key)) => folder(reader, Some(cert)).zip(folder(reader, Some(key))),
        (Some(one), None) | (None, Some(one)) => {
            let says = "`tls_cert` and `tls_key` go together";
            reader.problem(&one, says.to_owned(), Some("name both files, or neither"));
            None
        }
        (None, None) => None,
    };
    let trusted_proxies = ranges(reader, section.as_ref(), ("server", "trusted_proxies"), env);
    let heartbeat = not_empty(reader, heartbeat).and_then(|setting| secret_url(reader, &setting));
    let listen = listen.and_then(|at| address(reader, &at));
    let intake_listen = intake_listen.and_then(|at| address(reader, &at));
    let listen = listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8787)));
    Server {
        listen,
        public_url: url(reader, public_url).unwrap_or_else(|| reached_at(listen)),
        data_dir: folder(reader, data_dir).unwrap_or_else(|| reader.beside("data")),
        flows: folder(reader, flows).unwrap_or_else(|| reader.beside("flows")),
        connectors: folder(reader, connectors),
        intake_listen,
        tls,
        trusted_proxies,
        heartbeat,
    }
}

/// An address that may stand elsewhere. No problem here repeats it.
fn secret_url(reader: &mut Reader<'_>, setting: &Setting) -> Option<SecretRef> {
    let read = SecretRef::parse(&setting.value, &reader.beside(""));
    let web = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    match read {
        Ok(SecretRef::Plain(url)) if !web(url.reveal()) => {
            let hint = "write it as \"https://host/path\", or where it stands: \"env:NAME\"";
            reader.problem(setting, "this is no address to call".to_owned(), Some(hint));
            None
        }
        Ok(read) => Some(read),
        Err(says) => {
            reader.problem(setting, says, None);
            None
        }
    }
}

fn address(reader: &mut Reader<'_>, setting: &Setting) -> Option<SocketAddr> {
    let parsed = setting.value.parse().ok();
    if parsed.is_none() {
        let says = format!("`{}` is not an address to listen on", setting.value);
        let hint = "write it as IP:PORT, such as \"127.0.0.1:8787\"";
        reader.problem(setting, says, Some(hint));
    }
    parsed
}

fn network(
    reader: &mut Reader<'_>,
    root: &Section<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Network {
    let section = reader.section(root, "network");
    if let Some(section) = &section {
        reader.only(section, NETWORK, &[]);
    }
    let allow_private = ranges(reader, section.as_ref(), ("network", "allow_private"), env);
    Network { allow_private }
}

/// Ranges of addresses: a list in the file, or separated by commas in the environment.
fn ranges(
    reader: &mut Reader<'_>,
    section: Option<&Section<'_>>,
    (table, key): (&str, &str),
    env: &dyn Fn(&str) -> Option<String>,
) -> Vec<Cidr> {
    let name = variable(table, key);
    let texts = match (env(&name), section) {
        (Some(list), _) => {
            let texts = list
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty());
            texts
                .map(|text| Setting::from_env(name.clone(), text.to_owned()))
                .collect()
        }
        (None, Some(section)) => reader.texts(section, key),
        (None, None) => Vec::new(),
    };
    let mut ranges = Vec::new();
    for text in texts {
        match Cidr::parse(&text.value) {
            Ok(cidr) => ranges.push(cidr),
            Err(says) => reader.problem(&text, says, Some("write it as \"10.0.0.0/8\"")),
        }
    }
    ranges
}

fn url(reader: &mut Reader<'_>, setting: Option<Setting>) -> Option<String> {
    let setting = setting?;
    match urls::clean(&setting.value) {
        Ok(url) => Some(url),
        Err(says) => {
            reader.problem(
                &setting,
                says,
                Some("write it as \"https://host\" or \"https://host:port\""),
            );
            None
        }
    }
}

fn folder(reader: &mut Reader<'_>, setting: Option<Setting>) -> Option<PathBuf> {
    let setting = not_empty(reader, setting)?;
    // A path in the environment is meant from where the command was given.
    Some(match setting.is_from_env() {
        true => PathBuf::from(setting.value),
        false => reader.beside(&setting.value),
    })
}

fn not_empty(reader: &mut Reader<'_>, setting: Option<Setting>) -> Option<Setting> {
    let setting = setting?;
    if setting.value.trim().is_empty() {
        reader.problem(
            &setting,
            "is empty".to_owned(),
            Some("leave the line out instead"),
        );
        return None;
    }
    Some(setting)
}

fn variable(section: &str, key: &str) -> String {
    format!(
        "STAGEWIRE__{}__{}",
        section.to_ascii_uppercase(),
        key.to_ascii_uppercase()
    )
}

fn not_yet(key: &str) -> String {
    format!("`{key}` is not in this version, and leaving it unheeded would mislead")
}

/// Somebody on the same machine reaches a server that listens everywhere by its loopback.
fn reached_at(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}
