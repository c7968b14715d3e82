//! Each way a configuration can be wrong, with the place that is told.

use std::path::Path;
use std::time::Duration;

use stagewire_engine::connection::Webhooks;
use stagewire_model::{Effect, OnceKind, Secret};

use super::*;

fn load(text: &str) -> Result<Config, Vec<Problem>> {
    Config::parse(text, Some(Path::new("stagewire.toml")), &|_| None)
}

fn told(text: &str) -> Vec<String> {
    shown(&load(text).expect_err("this configuration is wrong"))
}

fn shown(problems: &[Problem]) -> Vec<String> {
    let show = |p: &Problem| {
        let hint = p.hint.as_ref().map(|hint| format!("; {hint}"));
        let place = match p.line {
            0 => p.file.clone(),
            line => format!("{}:{line}:{}", p.file, p.column),
        };
        format!("{place}: {}{}", p.message, hint.unwrap_or_default())
    };
    problems.iter().map(show).collect()
}

fn env<'a>(set: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
    |name| {
        set.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| (*value).to_owned())
    }
}

#[test]
fn no_file_at_all_is_a_working_server() {
    let config = Config::load(None, &|_| None).expect("the defaults are right");
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8787");
    assert_eq!(config.server.public_url, "http://127.0.0.1:8787");
    assert_eq!(config.server.data_dir, Path::new("data"));
    assert_eq!(config.server.flows, Path::new("flows"));
    assert_eq!(config.server.connectors, None);
    assert!(config.connections.is_empty() && config.alerts.is_empty() && config.vars.is_empty());
    assert!(config.network.allow_private.is_empty());
}

#[test]
fn a_full_file_says_everything_it_can() {
    let config = load(
        r##"
[server]
listen = "0.0.0.0:9000"
public_url = "https://wire.example.com/"
data_dir = "/var/lib/stagewire"
flows = "./flows"
connectors = "./mine"
[network]
allow_private = ["127.0.0.0/8", "fd00::/8"]
[[connection]]
id = "gh"
connector = "acme"
base_url = "http://127.0.0.1:9001"
auth_url = "http://127.0.0.1:9001/"
owner = "ana@example.com"
poll = "0"
webhooks = "managed"
[connection.fields]
client_id = "env:GH_CLIENT_ID"
client_secret = "file:secrets/gh"
acting_user = 4012
[[connection]]
id = "out"
connector = "http"
base_url = "https://hooks.example.com"
effect = "internal"
once = "ledger"
poll = "5m"
[[alert]]
to = "chat:out:#hiring:ops"
[vars]
channel = "#hiring"
days = 5
owners = ["a", { deep = 1.5 }]
"##,
    )
    .expect("the whole surface is known");
    assert_eq!(config.server.public_url, "https://wire.example.com");
    assert_eq!(
        config.server.connectors.as_deref(),
        Some(Path::new("./mine"))
    );
    let [gh, out] = &config.connections[..] else {
        panic!("two connections")
    };
    assert_eq!(gh.poll, Poll::Never);
    assert_eq!(
        (gh.webhooks, out.webhooks),
        (Webhooks::Managed, Webhooks::Manual)
    );
    assert_eq!(gh.auth_url.as_deref(), Some("http://127.0.0.1:9001"));
    assert_eq!(
        gh.fields["client_id"],
        SecretRef::Env("GH_CLIENT_ID".to_owned())
    );
    assert_eq!(
        gh.fields["client_secret"],
        SecretRef::File("secrets/gh".into())
    );
    assert_eq!(
        gh.fields["acting_user"],
        SecretRef::Plain(Secret::new("4012".to_owned()))
    );
    assert_eq!(
        (out.effect, out.once),
        (Some(Effect::Internal), Some(OnceKind::Ledger))
    );
    assert_eq!(out.poll, Poll::Every(Duration::from_secs(300)));
    let alert = &config.alerts[0];
    assert_eq!(
        (alert.kind.as_str(), alert.address.as_str()),
        ("chat", "#hiring:ops")
    );
    assert_eq!(
        config.vars["owners"],
        serde_json::json!(["a", { "deep": 1.5 }])
    );
}

#[test]
fn every_problem_is_told_at_once_in_the_order_of_the_file() {
    let problems =
        told("[server]\nlistn = \"x\"\nlisten = \"localhost\"\n[[connection]]\nid = \"GH\"\n");
    assert_eq!(
        problems,
        [
            "stagewire.toml:2:1: `listn` is not a setting of [server]; did you mean `listen`?",
            "stagewire.toml:3:10: `localhost` is not an address to listen on; \
             write it as IP:PORT, such as \"127.0.0.1:8787\"",
            "stagewire.toml:4:1: [[connection]] lacks `connector`",
            "stagewire.toml:5:6: `GH` cannot be a connection's id; use 1 to 32 of a-z, 0-9 and `-`",
        ]
    );
}

#[test]
fn a_stray_key_is_sent_home_and_a_strange_one_is_shown_the_others() {
    let problems = told("flows = \"./f\"\nconection = 1\n[network]\ncolour = \"red\"\n");
    assert_eq!(
        problems,
        [
            "stagewire.toml:1:1: `flows` is not a setting; it belongs under [server]",
            "stagewire.toml:2:1: `conection` is not a setting; did you mean `connection`?",
            "stagewire.toml:4:1: `colour` is not a setting of [network]; there are: allow_private",
        ]
    );
}

#[test]
fn what_a_connection_keeps_is_checked_entry_by_entry() {
    let with =
        |keep: &str| format!("[[connection]]\nid = \"a\"\nconnector = \"b\"\nkeep = {keep}\n");
    let problems = told(&with(
        "[\"job\",\n  \"candidat.full_name\", \"candidate.fullname\"]",
    ));
    assert_eq!(
        problems,
        [
            "stagewire.toml:5:3: there is no entity `candidat`; did you mean `candidate.full_name`?",
            "stagewire.toml:5:25: `candidate` has no field `fullname`; did you mean `candidate.full_name`?"
        ]
    );
    assert!(told(&with("[]"))[0].contains("`keep` is empty"));
    assert!(told(&with("\"job\""))[0].contains("`keep` is a list of texts"));
    let config = Config::parse(&with("[\"job\"]"), None, &env(&[])).expect("it is right");
    let said = config.connections[0].keep.said().map(<[String]>::to_vec);
    assert_eq!(said, Some(vec!["job".to_owned()]));
}

#[test]
fn what_is_not_in_this_version_is_refused_not_ignored() {
    for key in SERVER_LATER {
        let problems = told(&format!("[server]\n{key} = \"x\"\n"));
        assert_eq!(problems.len(), 1);
        let expected = format!("stagewire.toml:2:1: `{key}` is not in this version");
        assert!(problems[0].starts_with(&expected), "{problems:?}");
    }
    let set = [("STAGEWIRE__SERVER__DATABASE_URL", "postgres://x")];
    let problems = Config::load(None, &env(&set)).expect_err("a database would go unused");
    assert!(
        problems[0]
            .to_string()
            .starts_with("STAGEWIRE__SERVER__DATABASE_URL: `database_url`")
    );
}

#[test]
fn proxies_and_the_heartbeat_are_read_and_a_wrong_one_is_told_without_repeating_a_secret() {
    let text =
        "[server]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\nheartbeat = \"env:BEAT\"\n";
    let config = Config::parse(text, None, &|_| None).expect("it is right");
    let trusted = config.server.trusted_proxies;
    assert!(
        trusted
            .iter()
            .any(|range| range.contains("10.1.2.3".parse().expect("an address")))
    );
    assert_eq!(config.server.heartbeat, Some(SecretRef::Env("BEAT".into())));
    let set = [(
        "STAGEWIRE__SERVER__TRUSTED_PROXIES",
        "10.0.0.0/8, 192.0.2.7",
    )];
    let config = Config::load(None, &env(&set)).expect("it is right");
    assert_eq!(config.server.trusted_proxies.len(), 2);
    let wrong =
        told("[server]\ntrusted_proxies = [\"proxy\"]\nheartbeat = \"hush.example/t0ken\"\n");
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    assert!(wrong[0].contains("`proxy` is not a range of addresses"));
    assert!(wrong[1].contains("no address to call") && !wrong[1].contains("t0ken"));
}

#[test]
fn broken_toml_is_told_with_its_place_and_nothing_else() {
    let problems = told("[server]\nlisten = 127.0.0.1\n[nonsense]\n");
    assert!(
        problems.iter().all(|p| p.starts_with("stagewire.toml:2:")),
        "{problems:?}"
    );
}

#[test]
fn columns_count_letters() {
    let problems = told("[vars]\n\"\u{e9}\u{e9}\" = 1\n[server]\nlisten = \"\u{e9}\"\n");
    assert!(
        problems[0].starts_with("stagewire.toml:2:1:"),
        "{problems:?}"
    );
    let inline = told("vars = { a = \"\u{e9}\u{e9}\", b = nan }\n");
    assert!(inline[0].starts_with("stagewire.toml:1:24:"), "{inline:?}");
}

#[test]
fn shapes_are_told_in_the_words_of_the_file() {
    for (text, told_as) in [
        (
            "server = 1\n",
            "1:10: `server` is a table, not a number; write [server]",
        ),
        (
            "[connection]\nid = \"a\"\n",
            "1:1: `connection` is a list of tables, not a table; write [[connection]]",
        ),
        (
            "connection = [1]\n",
            "1:15: `connection` is a list of tables, not a number; write [[connection]]",
        ),
        (
            "[server]\nlisten = 8787\n",
            "2:10: `listen` is a text, not a number; put it in quotes",
        ),
        (
            "[network]\nallow_private = \"10.0.0.0/8\"\n",
            "2:17: `allow_private` is a list of texts, not a text; write it in [brackets]",
        ),
        (
            "[network]\nallow_private = [\"10.0.0.1/8\"]\n",
            "2:18: `10.0.0.1/8` does not begin its range, `10.0.0.0/8` does; write it as \"10.0.0.0/8\"",
        ),
        (
            "[server]\ndata_dir = \"\"\n",
            "2:12: is empty; leave the line out instead",
        ),
        (
            "[server]\npublic_url = \"wire.example.com\"\n",
            "2:14: an address begins with https:// or http://; write it as \"https://host\" or \"https://host:port\"",
        ),
        (
            "[vars]\na-b = 1\n",
            "2:1: `a-b` cannot be said in an expression; use letters, digits and `_`",
        ),
    ] {
        assert_eq!(told(text), [format!("stagewire.toml:{told_as}")]);
    }
}

#[test]
fn a_connection_is_checked_line_by_line() {
    let connection = "[[connection]]\nid = \"gh\"\nconnector = \"acme\"\n";
    for (line, told_as) in [
        (
            "poll = 60\n",
            "4:8: `poll` is a text, not a number; put it in quotes",
        ),
        (
            "webhooks = \"manged\"\n",
            "4:12: `manged` is not one of the words for `webhooks`; use one of: managed, manual, none",
        ),
        (
            "poll = \"60\"\n",
            "4:8: `60` is not a time between polls; write it as \"60s\", \"5m\", \"1h\", or \"0\" for never",
        ),
        (
            "poll = \"0s\"\n",
            "4:8: `0s` would poll without a pause; write it as \"60s\", \"5m\", \"1h\", or \"0\" for never",
        ),
        (
            "poll = \"25h\"\n",
            "4:8: `25h` is longer than a day; write it as \"60s\", \"5m\", \"1h\", or \"0\" for never",
        ),
        (
            "poll = \"99999999999999999999h\"\n",
            "4:8: `99999999999999999999h` is not a time between polls; write it as \"60s\", \"5m\", \"1h\", or \"0\" for never",
        ),
        (
            "owner = \" \"\n",
            "4:9: is empty; leave the line out instead",
        ),
        (
            "effect = \"internal\"\n",
            "4:10: `effect` belongs to connections of `http`; elsewhere the connector's own folder says it",
        ),
        (
            "base_url = \"https://host/?a\"\n",
            "4:12: an address here has no `?` and no `#`; write it as \"https://host\" or \"https://host:port\"",
        ),
        (
            "[[connection]]\nid = \"gh\"\nconnector = \"acme\"\n",
            "5:6: there is another connection `gh`; an id is one account's name in flows and addresses",
        ),
        (
            "fields = 1\n",
            "4:10: `fields` is a table, not a number; write [connection.fields]",
        ),
        (
            "[connection.fields]\nkey = true\n",
            "5:7: `key` is a text, not true or false",
        ),
        (
            "[connection.fields]\nkey = \"env:\"\n",
            "5:7: `env:` names nothing",
        ),
        (
            "[connection.fields]\nkey = \"env:A B\"\n",
            "5:7: this cannot be the name of an environment variable",
        ),
    ] {
        assert_eq!(
            told(&format!("{connection}{line}")),
            [format!("stagewire.toml:{told_as}")]
        );
    }
    let out = "[[connection]]\nid = \"out\"\nconnector = \"http\"\nonce = \"twice\"\n";
    assert_eq!(
        told(out),
        [
            "stagewire.toml:4:8: `twice` is not one of the words for `once`; use one of: native_key, set, ledger"
        ]
    );
}

#[test]
fn the_edges_of_an_id() {
    for (id, good) in [
        ("a", true),
        ("9-a", true),
        ("a23456789-123456789-123456789-12", true),
        ("a23456789-123456789-123456789-123", false),
        ("a_b", false),
        ("\u{e9}", false),
        ("", false),
    ] {
        let text = format!("[[connection]]\nid = \"{id}\"\nconnector = \"x\"\n");
        assert_eq!(load(&text).is_ok(), good, "{id}");
    }
}

#[test]
fn an_alert_goes_to_a_connection_that_exists() {
    let connection = "[[connection]]\nid = \"chat\"\nconnector = \"acme\"\n[[alert]]\n";
    for (line, told_as) in [
        (
            "to = \"acme:chta:#ops\"\n",
            "5:6: no connection is called `chta`; did you mean `chat`?",
        ),
        (
            "to = \"acme:chat\"\n",
            "5:6: `acme:chat` is not the address of an alert; write it as KIND:CONNECTION:ADDRESS",
        ),
        (
            "to = \":chat:#ops\"\n",
            "5:6: `:chat:#ops` lacks its kind or its address; write it as KIND:CONNECTION:ADDRESS",
        ),
        ("", "4:1: [[alert]] lacks `to`"),
    ] {
        assert_eq!(
            told(&format!("{connection}{line}")),
            [format!("stagewire.toml:{told_as}")]
        );
    }
}

#[test]
fn the_environment_wins_over_the_file() {
    let set = [
        ("STAGEWIRE__SERVER__LISTEN", "0.0.0.0:80"),
        ("STAGEWIRE__SERVER__DATA_DIR", "elsewhere"),
        (
            "STAGEWIRE__NETWORK__ALLOW_PRIVATE",
            "10.0.0.0/8, 127.0.0.0/8",
        ),
    ];
    let text = "[server]\nlisten = \"127.0.0.1:1\"\ndata_dir = \"d\"\nflows = \"f\"\n";
    let config = Config::parse(text, Some(Path::new("/etc/sw/stagewire.toml")), &env(&set));
    let config = config.expect("both are right");
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:80");
    assert_eq!(config.server.public_url, "http://127.0.0.1:80");
    assert_eq!(config.server.data_dir, Path::new("elsewhere"));
    assert_eq!(config.server.flows, Path::new("/etc/sw/f"));
    assert_eq!(config.network.allow_private.len(), 2);
}

#[test]
fn a_wrong_override_is_told_by_its_name() {
    let set = [("STAGEWIRE__SERVER__LISTEN", "nowhere")];
    let problems = Config::load(None, &env(&set)).expect_err("no such address");
    let told = &shown(&problems)[0];
    assert!(
        told.starts_with("STAGEWIRE__SERVER__LISTEN: `nowhere` is not"),
        "{told}"
    );
}

#[test]
fn a_mistyped_override_is_not_silent() {
    let names = [
        "HOME",
        "STAGEWIRE_ADMIN_TOKEN",
        "STAGEWIRE__SERVER__LISTN",
        "STAGEWIRE__SERVER__FLOWS",
    ];
    let problems = unknown_overrides(names.into_iter());
    assert_eq!(problems.len(), 1);
    let told = &shown(&problems)[0];
    assert!(
        told.ends_with("did you mean `STAGEWIRE__SERVER__LISTEN`?"),
        "{told}"
    );
}

#[test]
fn a_file_that_is_not_there_is_a_problem_when_it_was_asked_for() {
    let problems = Config::load(Some(Path::new("/nowhere/stagewire.toml")), &|_| None);
    let problems = problems.expect_err("the file is not there");
    assert!(
        problems[0]
            .to_string()
            .starts_with("/nowhere/stagewire.toml: cannot be read")
    );
}

#[test]
fn secrets_are_read_late_and_never_shown() {
    let text = "[[connection]]\nid = \"a\"\nconnector = \"b\"\n[connection.fields]\nkey = \"hush-hush\"\n\
                late = \"env:LATE\"\nfile = \"file:no-such-file\"\n";
    let config = load(text).expect("places of secrets are not visited here");
    let shown = format!("{config:?}");
    assert!(shown.contains("[hidden]") && !shown.contains("hush") && !shown.contains("LATE"));
    let fields = &config.connections[0].fields;
    let set = [("LATE", "tell")];
    assert_eq!(
        fields["key"].resolve(&env(&set)),
        Ok(Secret::new("hush-hush".to_owned()))
    );
    assert_eq!(
        fields["late"].resolve(&env(&set)),
        Ok(Secret::new("tell".to_owned()))
    );
    assert!(
        fields["late"]
            .resolve(&|_| None)
            .unwrap_err()
            .contains("LATE")
    );
    assert!(
        fields["file"]
            .resolve(&|_| None)
            .unwrap_err()
            .contains("no-such-file")
    );
}

#[test]
fn the_configuration_in_the_readme_is_right() {
    let readme = include_str!("../../../../README.md");
    let block = readme
        .split("```toml\n")
        .find(|block| block.starts_with("# stagewire.toml"));
    let block = block
        .and_then(|block| block.split("```").next())
        .expect("the README shows one");
    let config = load(block).expect("what the README shows works");
    assert_eq!((config.connections.len(), config.alerts.len()), (2, 1));
}

#[test]
fn the_part_that_faces_the_internet_and_its_certificate_are_settings() {
    let text =
        "[server]\nintake_listen = \"0.0.0.0:8443\"\ntls_cert = \"c.pem\"\ntls_key = \"k.pem\"\n";
    let config = Config::parse(text, None, &|_| None).expect("it is right");
    assert_eq!(
        config
            .server
            .intake_listen
            .map(|at| at.to_string())
            .as_deref(),
        Some("0.0.0.0:8443")
    );
    assert!(config.server.tls.is_some());
    let half = "[server]\ntls_cert = \"c.pem\"\n";
    let problems = Config::parse(half, None, &|_| None).expect_err("half of it");
    assert!(
        problems[0].to_string().contains("go together"),
        "{}",
        problems[0]
    );
}

#[test]
fn the_calendar_of_the_workspace_is_read_and_each_mistake_is_told() {
    let folder = std::env::temp_dir().join(format!("stagewire-holidays-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(
        folder.join("off.txt"),
        "2026-12-25  # Christmas\n\n2026-12-28\n",
    )
    .expect("a file");
    let text = "[workspace]\ntime_zone = \"Europe/Berlin\"\nworking_week = \"Mon-Thu\"\nholidays = [\"2026-12-29\", \"file:off.txt\"]\n";
    let config = Config::parse(text, Some(&folder.join("stagewire.toml")), &|_| None);
    let expected = ["2026-12-25", "2026-12-28", "2026-12-29"]
        .iter()
        .try_fold(Calendar::default(), |c, day| c.with_holiday(day))
        .and_then(|c| c.in_zone("Europe/Berlin"))
        .and_then(|c| c.with_week("Mon-Thu"))
        .expect("a calendar");
    assert_eq!(config.expect("it is right").calendar, expected);
    let _ = fs::remove_dir_all(&folder);
    assert_eq!(load("").expect("it is right").calendar, Calendar::default());
    let wrong = "[workspace]\ntime_zone = \"Europe/Berln\"\nworking_week = \"Mo-Fr\"\nholidays = [\"25.12.2026\", \"file:nowhere.txt\"]\nworking_hours = \"9-5\"\n";
    let told = told(wrong);
    assert_eq!(told.len(), 5, "{told:?}");
    assert_eq!(
        told[0],
        "stagewire.toml:2:13: `Europe/Berln` is not a time zone; write it as \"Europe/Berlin\""
    );
    assert!(
        told[1].starts_with("stagewire.toml:3:16: `Mo-Fr` is not a working week"),
        "{told:?}"
    );
    assert!(
        told[2].starts_with("stagewire.toml:4:13: `25.12.2026` is not a date"),
        "{told:?}"
    );
    assert!(told[3].contains("nowhere.txt cannot be read"), "{told:?}");
    assert!(
        told[4].contains("`working_hours` is not a setting of [workspace]"),
        "{told:?}"
    );
}

#[test]
fn the_environment_can_say_the_time_zone() {
    let set = [("STAGEWIRE__WORKSPACE__TIME_ZONE", "Asia/Dubai")];
    let config = Config::parse("[workspace]\ntime_zone = \"UTC\"\n", None, &env(&set));
    let expected = Calendar::default().in_zone("Asia/Dubai").expect("a zone");
    assert_eq!(config.expect("it is right").calendar, expected);
}
