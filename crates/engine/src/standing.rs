//! Where a connection stands: it works, or a person must do something and the sentence says what. Every change is stored, and what
//! a person must do is one entry in the inbox, however often it is met.

use crate::connection::{Connection, State};
use crate::hub::Hub;
use stagewire_model::MAIN;
use stagewire_store::{ConnectionChange, Failing};

/// What is over once a call was answered.
const OVER: [&str; 4] = ["AUTH-001", "AUTH-002", "AUTH-004", "AUTH-005"];

impl Hub {
    /// Changes the state where it differs; a pause stays. True where it has changed.
    pub(crate) async fn put_state(&self, conn: &Connection, state: State, sentence: &str) -> bool {
        if conn.state().0 == State::Paused || !conn.set_state(state, sentence) {
            return false;
        }
        let now = self.env.now().0;
        let change = ConnectionChange {
            ws: MAIN,
            conn: conn.id.clone(),
            state: Some((state.as_str().into(), sentence.to_owned())),
            last_success: matches!(state, State::Working | State::CatchingUp).then_some(now),
            vendor_date: conn.vendor_date().map(|d| d.0),
            now,
            ..Default::default()
        };
        let _ = self.store.connection_put(change).await;
        true
    }

    /// A round of its streams came to its end.
    pub(crate) async fn was_read(&self, conn: &Connection) {
        let now = self.env.now();
        conn.was_read(now);
        let change = ConnectionChange {
            ws: MAIN,
            conn: conn.id.clone(),
            last_success: Some(now.0),
            now: now.0,
            ..Default::default()
        };
        let _ = self.store.connection_put(change).await;
    }

    /// A person must do something: the sentence, and one entry in the inbox. The sentence is given back.
    pub(crate) async fn needs_you(&self, conn: &Connection, code: &str, say: &str) -> String {
        let sentence = format!("{} stopped: {say}", conn.connector.name);
        if code == "AUTH-002" {
            conn.purse.uncontested(); // what is refused at once was not ended by somebody else
        }
        // what a person has ignored stays so while nothing changes
        if conn.state() == (State::NeedsYou, sentence.clone()) {
            return sentence;
        }
        let failing = Failing {
            ws: MAIN,
            group_key: format!("{code}|{}", conn.id),
            code: code.to_owned(),
            conn: Some(conn.id.clone()),
            flow: None,
            cause: sentence.clone(),
            owner: conn.spec.owner.clone(),
            at: self.env.now().0,
            item: Some(("connection".into(), 0)),
        };
        if self.store.fail(vec![failing]).await.is_ok() {
            self.failed.notify_one();
        }
        // whoever sees the state finds the entry
        self.put_state(conn, State::NeedsYou, &sentence).await;
        sentence
    }

    /// It was answered: what a person had to do is done.
    pub(crate) async fn is_well(&self, conn: &Connection) {
        for code in OVER {
            let group = format!("{code}|{}", conn.id);
            let _ = self.store.recovered(MAIN, group, self.env.now().0).await;
        }
        self.put_state(conn, State::Working, "Working").await;
        if let Some(d) = self.dispatcher(&conn.id) {
            d.wake();
        }
    }
}
