//! Refresh tokens that work once: noted before they are sent, stored before what they brought is used, never lost by a crash.

use super::vendor::Fate;
use super::world::{HOUR, MINUTE, SECOND, TYPED_ONCE, World};
use stagewire_engine::connection::State;
use stagewire_engine::reads;
use stagewire_engine::token::NoToken;

#[test]
fn what_brings_the_next_token_is_stored_before_this_one_is_used() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| {
        world.vendor.next(&[Fate::Held]);
        let look = async {
            world.vendor.came.notified().await;
            let held = life.stored().await.token.expect("noted before it was sent");
            assert_eq!(
                (&held["unheard"], &held["refresh"], &held["access"]),
                (&1.into(), &().into(), &"".into())
            );
            world.vendor.go.notify_one();
        };
        let (token, ()) = tokio::join!(life.token(), look);
        assert_eq!(token.as_deref(), Ok("a1"));
        let held = life.stored().await.token.expect("stored");
        assert_eq!(
            (&held["unheard"], &held["refresh"], &held["access"]),
            (&0.into(), &"r1".into(), &"a1".into())
        );
        assert_eq!(world.vendor.form("/token")["refresh_token"], "typed");
    });
    // the next life goes on with it
    world.clock.pass(HOUR);
    world.live(async |life| {
        assert_eq!(life.token().await.as_deref(), Ok("a2"));
        assert_eq!(world.vendor.form("/token")["refresh_token"], "r1");
    });
}

#[test]
fn a_crash_before_the_vendor_heard_of_it_costs_nothing() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| assert_eq!(life.token().await.as_deref(), Ok("a1")));
    world.clock.pass(HOUR);
    let refresh = world.vendor.books().refresh.clone();
    world.live(async |life| {
        world.vendor.next(&[Fate::Held]);
        tokio::select! {
            biased;
            () = world.vendor.came.notified() => {}
            _ = life.token() => panic!("it is held"),
        }
    });
    world.vendor.books().refresh = refresh; // it never arrived
    world.live(async |life| {
        assert_eq!(life.token().await.as_deref(), Ok("a3"));
        assert_eq!(
            world.vendor.form("/token")["refresh_token"],
            "r1",
            "once more with the same"
        );
        let held = life.stored().await.token.expect("stored");
        assert_eq!(
            (&held["unheard"], &held["refresh"]),
            (&0.into(), &"r3".into())
        );
    });
}

#[test]
fn two_crashes_in_a_row_are_enough() {
    let world = World::new(TYPED_ONCE);
    for _ in 0..2 {
        world.live(async |life| {
            world.vendor.next(&[Fate::Held]);
            tokio::select! {
                biased;
                () = world.vendor.came.notified() => {}
                _ = life.token() => panic!("it is held"),
            }
        });
        world.vendor.books().refresh = "typed".into();
    }
    world.live(async |life| {
        let said = life.token().await;
        assert!(
            matches!(&said, Err(NoToken::Consent(say)) if say.contains("lost twice")),
            "{said:?}"
        );
        assert_eq!(world.vendor.calls("/token"), 2);
    });
}

#[test]
fn a_crash_after_the_vendor_answered_ends_in_one_clear_state() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| {
        world.vendor.next(&[Fate::Held]);
        tokio::select! {
            biased;
            () = world.vendor.came.notified() => {}
            _ = life.token() => panic!("it is held"),
        }
    });
    world.live(async |life| {
        let said = life.token().await;
        assert!(
            matches!(&said, Err(NoToken::Consent(say)) if say.contains("was lost")),
            "{said:?}"
        );
        assert_eq!(
            world.vendor.calls("/token"),
            2,
            "once more, and then no more"
        );
    });
    world.live(async |life| {
        for _ in 0..10 {
            assert!(matches!(life.token().await, Err(NoToken::Consent(_))));
        }
        assert_eq!(world.vendor.calls("/token"), 2);
    });
}

#[test]
fn a_lost_answer_is_asked_for_once_more_and_then_a_person_is_needed() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| {
        let refresh = world.vendor.books().refresh.clone();
        world.vendor.next(&[Fate::Lost]);
        assert_eq!(life.token().await, Err(NoToken::Later(30_000)));
        assert!(matches!(life.token().await, Err(NoToken::Later(_))));
        assert_eq!(world.vendor.calls("/token"), 1);
        world.vendor.books().refresh = refresh.clone(); // a vendor that takes it again
        world.clock.pass(30 * SECOND);
        assert_eq!(life.token().await.as_deref(), Ok("a2"));
        // lost twice
        world.clock.pass(HOUR);
        world.vendor.next(&[Fate::Lost, Fate::Lost]);
        assert_eq!(life.token().await, Err(NoToken::Later(30_000)));
        world.clock.pass(30 * SECOND);
        let said = life.token().await;
        assert!(
            matches!(&said, Err(NoToken::Consent(say)) if say.contains("lost twice")),
            "{said:?}"
        );
        for _ in 0..20 {
            reads::check(&life.hub, &life.conn)
                .await
                .expect_err("a person is needed");
            world.clock.pass(MINUTE);
        }
        assert_eq!(world.vendor.calls("/token"), 4, "no storm");
        assert_eq!(life.failures().await, ["AUTH-004"], "one entry");
        // what a person ignores stays ignored while nothing changes
        let id = life.list("failures", "id", |_| true).await[0]
            .parse()
            .expect("a number");
        life.store
            .failure_state(id, "ignored".into(), "ana".into(), 0)
            .await
            .expect("ignored");
        reads::check(&life.hub, &life.conn)
            .await
            .expect_err("still");
        assert_eq!(life.failures().await, Vec::<String>::new());
        assert_eq!(life.conn.state().0, State::NeedsYou);
    });
}

#[test]
fn what_never_left_or_was_answered_does_not_count_as_lost() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| {
        for fate in [
            Fate::Unreached,
            Fate::Status(503),
            Fate::Status(429),
            Fate::Unreached,
        ] {
            world.vendor.next(&[fate]);
            assert_eq!(life.token().await, Err(NoToken::Later(5_000)), "{fate:?}");
            world.clock.pass(6 * SECOND);
            let held = life.stored().await.token.expect("stored");
            assert_eq!(held["unheard"], 0, "{fate:?}");
        }
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
    });
}

#[test]
fn a_refusal_for_good_is_never_asked_again_until_somebody_acts() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| {
        world.vendor.books().refresh = "another".into();
        for _ in 0..5 {
            assert!(matches!(life.token().await, Err(NoToken::Consent(_))));
            world.clock.pass(HOUR);
        }
        assert_eq!(world.vendor.calls("/token"), 1);
    });
    world.live(async |life| {
        assert!(
            matches!(life.token().await, Err(NoToken::Consent(_))),
            "remembered"
        );
        assert_eq!(world.vendor.calls("/token"), 1);
        // a person presses the button: once more
        life.conn.ask_again();
        assert!(life.token().await.is_err() && life.token().await.is_err());
        assert_eq!(world.vendor.calls("/token"), 2);
        // a person types in a new one
        world.vendor.books().refresh = "fresh".into();
        let fields = [("refresh_token".to_owned(), "fresh".into())]
            .into_iter()
            .collect();
        life.hub
            .set_fields("ats", fields, "ana")
            .await
            .expect("set");
        life.until(|| life.conn.state().0 == State::Working).await;
        assert_eq!(world.vendor.form("/token")["refresh_token"], "fresh");
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
    });
}

#[test]
fn what_another_refresh_token_had_brought_is_not_used_with_a_new_one() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| {
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
        world.vendor.next(&[Fate::Unreached, Fate::Unreached]);
        world.vendor.books().refresh = "fresh".into();
        let fields = [("refresh_token".to_owned(), "fresh".into())]
            .into_iter()
            .collect();
        life.hub
            .set_fields("ats", fields, "ana")
            .await
            .expect("set");
        assert!(
            matches!(life.token().await, Err(NoToken::Later(_))),
            "a1 is another's"
        );
        for _ in 0..2 {
            world.clock.pass(6 * SECOND);
            let _ = life.token().await;
        }
        assert_eq!(life.token().await.as_deref(), Ok("a2"));
        assert_eq!(world.vendor.form("/token")["refresh_token"], "fresh");
    });
}

#[test]
fn fields_that_say_nothing_about_the_token_leave_it_alone() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| {
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
        let fields = [("client_secret".to_owned(), "s2".into())]
            .into_iter()
            .collect();
        life.hub
            .set_fields("ats", fields, "ana")
            .await
            .expect("set");
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
        world.clock.pass(HOUR);
        assert_eq!(
            life.token().await.as_deref(),
            Ok("a2"),
            "its refresh token is still there"
        );
    });
}
