//! What arrives at `/in/{connection}`: verified over its raw bytes, cut, committed, and only then acknowledged. Parses nothing
//! before it is verified, and never answers a false 200.

use crate::connection::Connection;
use crate::hub::Hub;
use sha2::{Digest, Sha256};
use stagewire_connector::Verdict;
use stagewire_model::{MAIN, Micros};
use stagewire_store::{
    Admitted, Class, ConnectionChange, DeliveryState, Error, Failing, NewDelivery, SealedBody,
    Table,
};

/// The answer to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Seconds to wait, where it should be sent again.
    pub retry_after: Option<u32>,
}

const fn status(status: u16) -> Reply {
    Reply {
        status,
        retry_after: None,
    }
}

const AGAIN: Reply = Reply {
    status: 503,
    retry_after: Some(5),
};

impl Hub {
    /// How large a delivery to this connection may be; `None` = no such connection, or nothing arrives there.
    pub fn largest(&self, id: &str) -> Option<usize> {
        Some(self.connection(id)?.connector.intake()?.max_body)
    }

    /// A body was larger than allowed: counted, and one entry in the inbox.
    pub async fn too_large(&self, id: &str, bytes: Option<u64>) -> Reply {
        let Some(conn) = self.connection(id) else {
            return status(404);
        };
        let _ = self.store.count_refused(MAIN, id.to_owned(), true).await;
        let size = bytes.map_or_else(|| "of unknown size".to_owned(), |b| format!("of {b} bytes"));
        self.inbox(
            &conn,
            "IN-003",
            &format!(
                "a delivery {size} was refused as too large; reconciliation reads what it said"
            ),
            None,
        )
        .await;
        let never = |i: &stagewire_connector::IntakeSpec| i.never.contains(&413);
        if conn.connector.intake().is_some_and(never) {
            return AGAIN;
        }
        status(413)
    }

    /// A ping came: the address is right. Written down once in a while, so that nobody can make us write.
    async fn pinged(&self, conn: &Connection, now: Micros) {
        if conn.saw_ping(now) {
            let change = ConnectionChange {
                ws: MAIN,
                conn: conn.id.clone(),
                last_ping: Some(now.0),
                now: now.0,
                ..ConnectionChange::default()
            };
            let _ = self.store.connection_put(change).await;
        }
    }

    /// Takes one delivery.
    pub async fn deliver<'h>(
        &self,
        id: &str,
        header: &(dyn Fn(&str) -> Option<&'h str> + Sync),
        body: &[u8],
    ) -> Reply {
        let Some(conn) = self.connection(id) else {
            return status(404);
        };
        let (Some(intake), settings) = (conn.connector.intake(), conn.settings()) else {
            return status(404);
        };
        let now = self.env.now();
        let proof = conn.connector.prove(&settings, header, body, now);
        let says_nothing = || conn.connector.is_ping(body) || conn.connector.is_test(body);
        let signed = match proof.verdict {
            Verdict::Verified => true,
            Verdict::Unsigned => false,
            Verdict::Bad => {
                let _ = self.store.count_refused(MAIN, id.to_owned(), false).await;
                return status(intake.reject);
            }
            Verdict::NoSecret if says_nothing() => {
                self.pinged(&conn, now).await;
                return status(intake.ack);
            }
            Verdict::NoSecret => return AGAIN,
        };
        let delivery = self.store.next(Table::Delivery);
        let (bytes, value, note) = match conn.connector.cut(body) {
            Ok(cut) => {
                let (mut bytes, mut value) = (cut.bytes, cut.value);
                if conn.connector.cut_delivery(&conn.holding, &mut value) {
                    bytes = serde_json::to_vec(&value).ok();
                }
                (bytes, Some(value), proof.old_ms.map(aged))
            }
            Err(e) => (None, None, Some(e.to_string())),
        };
        if value.as_ref().is_some_and(|v| conn.connector.pings(v)) {
            self.pinged(&conn, now).await;
        }
        let sealed = SealedBody::new(
            self.store.keys(),
            self.store.next(Table::Body),
            MAIN,
            Class::Delivery,
            now.0,
            None,
            bytes.as_deref().unwrap_or(body),
        );
        let mut manifest = [0; 8];
        manifest.copy_from_slice(&conn.connector.hash[..8]);
        let new = NewDelivery {
            id: delivery,
            ws: MAIN,
            conn: id.to_owned(),
            at: now.0,
            sha: Sha256::digest(body).into(),
            vendor_id: conn.connector.delivery_id(header),
            once: proof.once,
            signed,
            state: if value.is_some() {
                DeliveryState::Waiting
            } else {
                DeliveryState::Kept
            },
            note,
            manifest,
            bytes: i64::try_from(body.len()).unwrap_or(i64::MAX),
            body: sealed,
        };
        match (self.store.admit(new).await, value) {
            (Ok(Admitted::New), Some(value)) => {
                if let Some(lane) = self.lane(id) {
                    lane.admitted(delivery, value);
                }
                status(intake.ack)
            }
            (Ok(Admitted::New), None) => {
                self.inbox(
                    &conn,
                    "IN-002",
                    "a signed delivery cannot be read as JSON; it is kept as it came",
                    Some(delivery),
                )
                .await;
                status(intake.ack)
            }
            (Ok(Admitted::Duplicate { vendor_differs, .. }), value) => {
                if vendor_differs && let (Some(lane), Some(value)) = (self.lane(id), value) {
                    lane.seen_again(value).await;
                }
                status(intake.ack)
            }
            (Ok(Admitted::Reused { kept: true }), _) => {
                self.inbox(
                    &conn,
                    "IN-004",
                    "a delivery carries a one-time token that came before with another body; it is kept and not used",
                    Some(delivery),
                )
                .await;
                status(intake.ack)
            }
            (Ok(Admitted::Reused { kept: false }), _) => status(intake.reject),
            (Err(Error::Busy), _) => Reply {
                status: 503,
                retry_after: Some(1),
            },
            (Err(e), _) => {
                tracing::error!(connection.id = %id, cause = %e, "a delivery could not be stored; it was not acknowledged");
                AGAIN
            }
        }
    }

    async fn inbox(&self, conn: &Connection, code: &str, cause: &str, delivery: Option<i64>) {
        let failing = Failing {
            ws: MAIN,
            group_key: format!("{code}|{}", conn.id),
            code: code.to_owned(),
            conn: Some(conn.id.clone()),
            flow: None,
            cause: cause.to_owned(),
            owner: conn.spec.owner.clone(),
            at: self.env.now().0,
            item: delivery
                .map(|d| ("delivery".to_owned(), d))
                .or(Some(("connection".to_owned(), 0))),
        };
        if self.store.fail(vec![failing]).await.is_ok() {
            self.failed.notify_one();
        }
    }
}

/// How old a delivery says it is: noted, never refused, since a retry may carry the first attempt's time.
fn aged(ms: i64) -> String {
    let (n, unit) = match ms / 60_000 {
        m if m < 120 => (m, "minutes"),
        m if m < 2_880 => (m / 60, "hours"),
        m => (m / 1_440, "days"),
    };
    format!("it says it was made {n} {unit} before it came")
}
