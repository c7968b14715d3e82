//! The daily look at the server itself: can the outside reach it, how long is its certificate good, is there room, are backups still
//! made. What is wrong becomes an entry of the inbox; nothing is repaired.

use std::path::PathBuf;
use std::sync::Arc;

use stagewire_engine::connection::Webhooks;
use stagewire_engine::hub::Hub;
use stagewire_model::Micros;

use crate::transport::Outbound;
use crate::{certificate, disk};

const DAY_MS: u64 = 86_400_000;
const DAY_US: i64 = 86_400_000_000;
/// Days before a certificate's end when it is told; told anew at each.
const TOLD: [i64; 3] = [1, 7, 30];
/// A backup older than this was forgotten.
const BACKUP_DAYS: i64 = 7;
/// When the last backup was made, in the store.
const BACKUP: &str = "last_backup";

/// What is looked at.
pub(crate) struct Look {
    pub(crate) hub: Arc<Hub>,
    pub(crate) outbound: Arc<Outbound>,
    pub(crate) public_url: String,
    pub(crate) tls_cert: Option<PathBuf>,
    pub(crate) data_dir: PathBuf,
}

impl Look {
    /// Looks once a day until the server stops.
    pub(crate) async fn work(self) {
        loop {
            self.once().await;
            self.hub.env.sleep(DAY_MS).await;
        }
    }

    async fn once(&self) {
        self.hub
            .looked("disk", disk::look(&self.data_dir).map(drop))
            .await;
        self.hub.looked("backup", self.backup().await).await;
        if is_outside(&self.public_url) {
            self.hub.looked("address", self.address().await).await;
        }
        self.certificate().await;
    }

    /// As the vendors come: from outside of this process, by the public name.
    async fn address(&self) -> Result<(), String> {
        let conns = self.hub.connections();
        let hears = |c: &&Arc<_>| -> bool {
            let c: &stagewire_engine::connection::Connection = c;
            c.connector.intake().is_some() && c.spec.webhooks != Webhooks::None
        };
        let Some(conn) = conns.iter().find(hears) else {
            return Ok(()); // nobody is to come
        };
        match self.hub.check_hooks(conn).await {
            Ok((checked, _)) => match checked.broken {
                // a missing secret is told by the connection itself
                None | Some(stagewire_engine::hooks::Hop::Secret) => Ok(()),
                Some(_) => Err(format!(
                    "vendors cannot reach {}: {}",
                    self.public_url, checked.say
                )),
            },
            Err(e) => Err(format!("the public address could not be looked at: {e}")),
        }
    }

    /// The end of what is served here, and of what a proxy serves under our name.
    async fn certificate(&self) {
        let mut ends = Vec::new();
        if let Some(file) = &self.tls_cert {
            match certificate::of_file(file) {
                Ok(end) => ends.push(end),
                Err(e) => tracing::warn!(
                    cause = format!("{e:#}"),
                    "the certificate's end is not known"
                ),
            }
        }
        if is_outside(&self.public_url) && self.public_url.starts_with("https://") {
            let served = self.outbound.certificate(&self.public_url).await;
            ends.extend(served.as_deref().and_then(certificate::ends));
        }
        let now = self.hub.env.now();
        let Some(end) = ends.into_iter().min() else {
            return;
        };
        let due = told_at(end, now);
        for days in TOLD {
            let found = match due == Some(days) {
                true => Err(sentence(&self.public_url, end, now)),
                false => Ok(()),
            };
            self.hub.looked(&format!("certificate {days}"), found).await;
        }
    }

    async fn backup(&self) -> Result<(), String> {
        let made = self.hub.store.meta(BACKUP.to_owned()).await;
        let made = made.ok().flatten().and_then(|at| at.try_into().ok());
        let made = made.map(i64::from_be_bytes);
        backup_age(made, self.hub.env.now())
    }
}

/// Notes that a backup was made now.
pub(crate) async fn backed_up(hub: &Hub) {
    let at = hub.env.now().0.to_be_bytes().to_vec();
    if let Err(error) = hub.store.meta_put(BACKUP.to_owned(), at).await {
        tracing::warn!(cause = %error, "that a backup was made could not be noted");
    }
}

/// Whether somebody outside of this machine's network could come by this address.
fn is_outside(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let literal = host.parse::<std::net::IpAddr>();
    let here = match literal {
        Ok(std::net::IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_unspecified(),
        Ok(std::net::IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    };
    !here && !host.is_empty()
}

/// The line before its end that a certificate has passed.
fn told_at(end: Micros, now: Micros) -> Option<i64> {
    TOLD.into_iter().find(|days| end.0 - now.0 <= days * DAY_US)
}

fn sentence(url: &str, end: Micros, now: Micros) -> String {
    let day = end.text();
    let day = &day[..10];
    match (end.0 - now.0).div_euclid(DAY_US) {
        left if left < 0 => {
            format!("the certificate of {url} ended on {day}: no vendor can deliver")
        }
        left => format!("the certificate of {url} ends in {left} day(s), on {day}"),
    }
}

/// A backup that was never made here is somebody else's; one that is no longer made was forgotten.
fn backup_age(made: Option<i64>, now: Micros) -> Result<(), String> {
    let days = made.map(|at| (now.0 - at).div_euclid(DAY_US));
    match days.filter(|days| *days > BACKUP_DAYS) {
        Some(days) => Err(format!("the last backup is {days} days old")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = Micros(1_795_000_000_000_000);

    #[test]
    fn an_end_is_told_at_thirty_seven_and_one_days() {
        let told = |days: i64| told_at(Micros(NOW.0 + days * DAY_US), NOW);
        let all = [31, 30, 8, 7, 2, 1, -1].map(told);
        let expected = [None, Some(30), Some(30), Some(7), Some(7), Some(1), Some(1)];
        assert_eq!(all, expected);
        let url = "https://wire.example.com";
        let says = sentence(url, Micros(NOW.0 + 7 * DAY_US), NOW);
        assert!(says.contains("ends in 7 day(s), on 2026-"), "{says}");
        assert!(sentence(url, Micros(NOW.0 - 1), NOW).contains("ended on"));
    }

    #[test]
    fn only_a_backup_that_was_once_made_can_be_old() {
        assert_eq!(backup_age(None, NOW), Ok(()));
        assert_eq!(backup_age(Some(NOW.0 - 7 * DAY_US), NOW), Ok(()));
        let old = backup_age(Some(NOW.0 - 9 * DAY_US), NOW);
        assert_eq!(old, Err("the last backup is 9 days old".to_owned()));
    }

    #[test]
    fn what_only_this_machine_can_reach_is_not_called_from_outside() {
        for url in [
            "http://127.0.0.1:8787",
            "http://localhost",
            "http://[::1]:1",
            "http://10.0.0.7",
        ] {
            assert!(!is_outside(url), "{url}");
        }
        for url in [
            "https://wire.example.com",
            "https://wire.example.com:8443",
            "https://192.0.2.7",
        ] {
            assert!(is_outside(url), "{url}");
        }
    }
}
