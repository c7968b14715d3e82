//! A person agrees at the vendor; and everything somebody might try instead.

use super::vendor::{Fate, form};
use super::world::{CLIENT, CODE, HOUR, Life, MINUTE, World};
use stagewire_engine::connection::State;
use stagewire_engine::consent::{Back, Leaving, Proof, Refused};
use stagewire_engine::token::NoToken;
use stagewire_model::MAIN;
use stagewire_store::ConnectionChange;
use std::collections::BTreeMap;

const BACK: &str = "https://sw.example/connect/callback";

/// What the vendor's page was asked.
fn asked(leaving: &Leaving) -> BTreeMap<String, String> {
    let (_, query) = leaving.url.reveal().split_once('?').expect("a query");
    form(query)
}

/// A person who agreed.
fn agreed(leaving: &Leaving) -> Back {
    Back {
        state: asked(leaving)["state"].clone(),
        browser: Some(leaving.browser.reveal().clone()),
        code: Some("good".into()),
        error: None,
    }
}

async fn leave(life: &Life) -> Leaving {
    let begun = life.hub.begin_consent("ats", Proof::Known("ana"), BACK);
    begun.await.expect("it begins")
}

async fn refused(life: &Life, back: Back) -> Refused {
    life.hub
        .finish_consent(back)
        .await
        .expect_err("it is refused")
}

#[test]
fn a_consent_makes_it_work_and_keeps_everything_else() {
    let world = World::new(CODE);
    world.live(async |life| {
        assert!(
            matches!(life.token().await, Err(NoToken::Consent(_))),
            "nobody agreed yet"
        );
        let before = life.stored().await;
        let offered = life
            .hub
            .offer_consent("ats", vec![], "ana")
            .await
            .expect("a link");
        let ticket = offered.ticket.reveal();
        let leaving = life
            .hub
            .begin_consent("ats", Proof::Ticket(ticket), BACK)
            .await
            .expect("it begins");
        let page = asked(&leaving);
        assert_eq!(
            (
                page["redirect_uri"].as_str(),
                page["code_challenge_method"].as_str()
            ),
            (BACK, "S256")
        );
        assert_eq!(
            page["scope"], "offline people:list",
            "what is needed, and what is always asked"
        );
        let done = life
            .hub
            .finish_consent(agreed(&leaving))
            .await
            .expect("connected");
        assert_eq!(
            (done.connection.as_str(), done.vendor.as_str(), done.renews),
            ("ats", "Acme", true)
        );
        let sent = world.vendor.form("/token");
        assert_eq!(
            (sent["code"].as_str(), sent["redirect_uri"].as_str()),
            ("good", BACK)
        );
        assert_eq!(sent["code_verifier"].len(), 43);
        life.until(|| life.conn.state().0 == State::Working).await;
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
        let after = life.stored().await;
        assert_eq!(
            (after.receipt, after.watermark, &after.fields),
            (before.receipt, before.watermark, &before.fields)
        );
        let log = life.list("audit", "verb", |i| i["actor"] == "ana").await;
        assert_eq!(log, ["connected by consent", "consent link made"]);
        assert_eq!(life.failures().await, Vec::<String>::new());
    });
    let disk = world.disk();
    let held = |what: &[u8]| disk.windows(what.len()).any(|w| w == what);
    assert!(
        !held(b"\"refresh\":\"r1\"") && held(b"connected by consent"),
        "tokens are sealed"
    );
}

#[test]
fn a_new_consent_sets_a_stopped_connection_going_and_a_paused_one_stays_paused() {
    let world = World::new(CODE);
    world.live(async |life| {
        let leaving = leave(&life).await;
        life.hub
            .finish_consent(agreed(&leaving))
            .await
            .expect("connected");
        life.until(|| life.conn.state().0 == State::Working).await;
        world.vendor.books().refresh = "ended".into();
        world.clock.pass(HOUR);
        stagewire_engine::reads::check(&life.hub, &life.conn)
            .await
            .expect_err("it stopped");
        assert_eq!(life.failures().await, ["AUTH-004"]);
        let leaving = leave(&life).await;
        life.hub
            .finish_consent(agreed(&leaving))
            .await
            .expect("connected");
        life.until(|| life.conn.state().0 == State::Working).await;
        assert_eq!(life.failures().await, Vec::<String>::new());
        life.hub.pause("ats", true, "ana").await.expect("paused");
        let leaving = leave(&life).await;
        life.hub
            .finish_consent(agreed(&leaving))
            .await
            .expect("connected");
        assert_eq!(life.conn.state().0, State::Paused);
        assert_eq!(life.stored().await.state, "paused");
    });
}

#[test]
fn a_restart_between_leaving_and_coming_back_breaks_nothing() {
    let world = World::new(CODE);
    let link = world.live(async |life| {
        let offered = life
            .hub
            .offer_consent("ats", vec![], "ana")
            .await
            .expect("a link");
        offered.ticket.reveal().clone()
    });
    let leaving = world.live(async |life| {
        let begun = life.hub.begin_consent("ats", Proof::Ticket(&link), BACK);
        begun.await.expect("the link still works")
    });
    world.live(async |life| {
        life.hub
            .finish_consent(agreed(&leaving))
            .await
            .expect("connected");
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
    });
}

#[test]
fn a_state_is_believed_once() {
    let world = World::new(CODE);
    world.live(async |life| {
        let leaving = leave(&life).await;
        let (one, two) = tokio::join!(
            life.hub.finish_consent(agreed(&leaving)),
            life.hub.finish_consent(agreed(&leaving))
        );
        assert!(one.is_ok() != two.is_ok(), "one of them");
        assert_eq!(refused(&life, agreed(&leaving)).await, Refused::State);
        assert_eq!(world.vendor.calls("/token"), 1);
        // a newer consent ends the one before
        let (old, new) = (leave(&life).await, leave(&life).await);
        assert_eq!(refused(&life, agreed(&old)).await, Refused::State);
        life.hub
            .finish_consent(agreed(&new))
            .await
            .expect("connected");
    });
}

#[test]
fn a_state_is_good_for_its_own_connection_in_its_own_browser() {
    let world = World::new(CODE);
    world.live(async |life| {
        let leaving = leave(&life).await;
        let back = agreed(&leaving);
        let (_, secret) = back.state.split_once('.').expect("two parts");
        for state in [
            format!("other.{secret}"),
            format!("nobody.{secret}"),
            secret.to_owned(),
            String::new(),
            "ats.".into(),
        ] {
            let foreign = Back {
                state,
                ..back.clone()
            };
            assert_eq!(refused(&life, foreign).await, Refused::State);
        }
        assert_eq!(
            life.hub.connection("other").expect("there").token_ends(),
            (None, None)
        );
        let elsewhere = Back {
            browser: Some("x".into()),
            ..back.clone()
        };
        assert_eq!(refused(&life, elsewhere).await, Refused::Browser);
        assert_eq!(
            refused(&life, back).await,
            Refused::State,
            "who tried it elsewhere has spoilt it"
        );
        let leaving = leave(&life).await;
        let bare = Back {
            browser: None,
            ..agreed(&leaving)
        };
        assert_eq!(refused(&life, bare).await, Refused::Browser);
        assert_eq!(world.vendor.calls("/token"), 0);
        let log = life
            .list("audit", "detail", |i| i["verb"] == "consent refused")
            .await;
        assert_eq!(log.len(), 2, "{log:?}");
    });
}

#[test]
fn ten_minutes_are_enough() {
    let world = World::new(CODE);
    world.live(async |life| {
        let leaving = leave(&life).await;
        world.clock.pass(10 * MINUTE);
        assert_eq!(refused(&life, agreed(&leaving)).await, Refused::Expired);
        let offered = life
            .hub
            .offer_consent("ats", vec![], "ana")
            .await
            .expect("a link");
        world.clock.pass(10 * MINUTE);
        let begun = life
            .hub
            .begin_consent("ats", Proof::Ticket(offered.ticket.reveal()), BACK);
        assert_eq!(begun.await.expect_err("too late"), Refused::Expired);
        assert_eq!(world.vendor.calls("/token"), 0);
    });
}

#[test]
fn a_link_leads_one_person_once_to_its_own_connection() {
    let world = World::new(CODE);
    world.live(async |life| {
        let begin = async |id: &str, ticket: &str| {
            let begun = life.hub.begin_consent(id, Proof::Ticket(ticket), BACK);
            begun.await.map(drop)
        };
        assert_eq!(begin("ats", "made up").await, Err(Refused::Link));
        let first = life
            .hub
            .offer_consent("ats", vec![], "ana")
            .await
            .expect("a link");
        let second = life
            .hub
            .offer_consent("ats", vec![], "ana")
            .await
            .expect("a link");
        assert_eq!(
            begin("ats", first.ticket.reveal()).await,
            Err(Refused::Link),
            "replaced"
        );
        assert_eq!(
            begin("other", second.ticket.reveal()).await,
            Err(Refused::Link)
        );
        assert_eq!(begin("ats", second.ticket.reveal()).await, Ok(()));
        assert_eq!(
            begin("ats", second.ticket.reveal()).await,
            Err(Refused::Link),
            "used"
        );
        // a state is no link, and a link is no state
        let leaving = leave(&life).await;
        assert_eq!(
            begin("ats", &asked(&leaving)["state"]).await,
            Err(Refused::Link)
        );
        let third = life
            .hub
            .offer_consent("ats", vec![], "ana")
            .await
            .expect("a link");
        let wrong = Back {
            state: third.ticket.reveal().clone(),
            ..agreed(&leaving)
        };
        assert_eq!(refused(&life, wrong).await, Refused::State);
    });
}

#[test]
fn a_lost_verifier_is_no_reason_to_go_without() {
    let world = World::new(CODE);
    let leaving = world.live(async |life| {
        let leaving = leave(&life).await;
        let mut token = life.stored().await.token.expect("stored");
        token["pending"]["began"]["verifier"] = "".into();
        let change = ConnectionChange {
            ws: MAIN,
            conn: "ats".into(),
            token: Some(Some(token)),
            ..ConnectionChange::default()
        };
        life.store.connection_put(change).await.expect("written");
        leaving
    });
    world.live(async |life| {
        let said = refused(&life, agreed(&leaving)).await;
        assert!(
            matches!(&said, Refused::NoToken { say, .. } if say.contains("proof")),
            "{said:?}"
        );
        assert_eq!(world.vendor.calls("/token"), 0);
    });
}

#[test]
fn a_refusal_at_the_vendor_changes_nothing() {
    let world = World::new(CODE);
    world.live(async |life| {
        let leaving = leave(&life).await;
        life.hub.finish_consent(agreed(&leaving)).await.expect("connected");
        let leaving = leave(&life).await;
        let no = Back { code: None, error: Some("access_denied".into()), ..agreed(&leaving) };
        assert!(matches!(refused(&life, no).await, Refused::Vendor { say, .. } if say == "access_denied"));
        let leaving = leave(&life).await;
        let bad = Back { code: Some("made up".into()), ..agreed(&leaving) };
        assert!(matches!(refused(&life, bad).await, Refused::NoToken { .. }));
        for fate in [Fate::Lost, Fate::Unreached, Fate::Status(503)] {
            let leaving = leave(&life).await;
            world.vendor.next(&[fate]);
            assert!(matches!(refused(&life, agreed(&leaving)).await, Refused::NoToken { .. }), "{fate:?}");
        }
        assert_eq!(life.token().await.as_deref(), Ok("a1"), "the old consent stands");
        assert_eq!(life.conn.state().0, State::Working);
    });
}

#[test]
fn only_what_begins_by_consent_can_be_connected_so() {
    let world = World::new(CLIENT);
    world.live(async |life| {
        let said = life
            .hub
            .offer_consent("ats", vec![], "ana")
            .await
            .expect_err("no");
        assert!(matches!(said, Refused::NoConsent(_)), "{said}");
        let said = life
            .hub
            .offer_consent("nobody", vec![], "ana")
            .await
            .expect_err("no");
        assert_eq!(said, Refused::NoConnection);
    });
}

#[test]
fn consent_for_another_account_is_refused_and_the_old_one_stands() {
    let looking = format!(
        "{CODE}\nintrospect = {{ url = \"https://auth.acme.example/look\", scopes = \"scope\", account = [\"org\", \"id\"] }}"
    );
    let world = World::new(&looking);
    world.live(async |life| {
        let leaving = leave(&life).await;
        let done = life
            .hub
            .finish_consent(agreed(&leaving))
            .await
            .expect("connected");
        assert_eq!(
            (done.account.as_deref(), done.missing.len()),
            (Some("org-1"), 0)
        );
        world.vendor.books().account = "org-2".into();
        let leaving = leave(&life).await;
        let said = refused(&life, agreed(&leaving)).await;
        assert!(
            matches!(&said, Refused::OtherAccount(say) if say.contains("org-2")),
            "{said}"
        );
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
        assert_eq!(life.conn.account().as_deref(), Some("org-1"));
    });
}

#[test]
fn a_renewal_that_was_under_way_does_not_take_a_new_consent_away() {
    let world = World::new(CODE);
    world.live(async |life| {
        let leaving = leave(&life).await;
        life.hub
            .finish_consent(agreed(&leaving))
            .await
            .expect("connected");
        life.until(|| life.conn.state().0 == State::Working).await;
        world.clock.pass(HOUR);
        world.vendor.next(&[Fate::Held]);
        let consent = async {
            world.vendor.came.notified().await;
            let leaving = leave(&life).await;
            life.hub
                .finish_consent(agreed(&leaving))
                .await
                .expect("connected");
            world.vendor.go.notify_one();
        };
        let (_, ()) = tokio::join!(life.token(), consent);
        let held = life.stored().await.token.expect("stored");
        assert_eq!(
            (&held["access"], &held["refresh"]),
            (&"a3".into(), &"r3".into())
        );
        assert_eq!(life.token().await.as_deref(), Ok("a3"));
    });
}
