//! One mint at a time, for however many wait; refusals are not asked again and again.

use super::vendor::Fate;
use super::world::{CLIENT, HOUR, MINUTE, SECOND, TYPED, World};
use futures::future::join_all;
use stagewire_engine::connection::State;
use stagewire_engine::reads;
use stagewire_engine::token::NoToken;

#[test]
fn fifty_callers_at_once_mint_once() {
    let world = World::new(CLIENT);
    world.live(async |life| {
        world.vendor.next(&[Fate::Held]);
        let all = join_all((0..50).map(|_| life.token()));
        let go = async {
            world.vendor.came.notified().await;
            world.vendor.go.notify_one();
        };
        let (tokens, ()) = tokio::join!(all, go);
        assert!(
            tokens.iter().all(|t| t.as_deref() == Ok("a1")),
            "{tokens:?}"
        );
        assert_eq!(world.vendor.calls("/token"), 1);
        // and fifty who all saw the same refusal
        world.vendor.revoke();
        let tokens = join_all((0..50).map(|_| life.token_but(Some("a1")))).await;
        assert!(
            tokens.iter().all(|t| t.as_deref() == Ok("a2")),
            "{tokens:?}"
        );
        assert_eq!(world.vendor.calls("/token"), 2);
    });
}

#[test]
fn who_waits_is_let_go_at_the_deadline_and_the_mint_goes_on() {
    let world = World::new(CLIENT);
    world.live(async |life| {
        world.vendor.next(&[Fate::Held]);
        let late = async {
            world.vendor.came.notified().await;
            world.clock.pass(10 * SECOND);
        };
        let (waited, ()) = tokio::join!(life.token(), late);
        assert_eq!(waited, Err(NoToken::Later(1_000)));
        world.vendor.go.notify_one();
        assert_eq!(life.token().await.as_deref(), Ok("a1"), "the same mint");
        assert_eq!(world.vendor.calls("/token"), 1);
    });
}

#[test]
fn an_answer_is_not_lost_because_who_asked_went_away() {
    let world = World::new(CLIENT);
    world.live(async |life| {
        world.vendor.next(&[Fate::Held]);
        tokio::select! {
            biased;
            () = world.vendor.came.notified() => {}
            _ = life.token() => panic!("it is held"),
        }
        world.vendor.go.notify_one();
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
        assert_eq!(world.vendor.calls("/token"), 1);
    });
}

#[test]
fn a_token_is_stored_sealed_and_used_again_after_a_restart() {
    let world = World::new(CLIENT);
    world.live(async |life| {
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
    });
    world.live(async |life| {
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
        assert_eq!(world.vendor.calls("/token"), 1);
        let granted = life.conn.granted().expect("remembered");
        assert_eq!(granted, ["people:list", "notes:create"]);
        assert_eq!(life.stored().await.account.as_deref(), Some("org-1"));
        let (ends, refresh) = life.conn.token_ends();
        assert!(ends.is_some() && refresh.is_none());
    });
    let disk = world.disk();
    assert!(
        !disk.windows(13).any(|w| w == b"\"access\":\"a1\""),
        "it is sealed"
    );
}

#[test]
fn a_token_is_renewed_early_and_the_old_one_serves_while_the_vendor_is_not_well() {
    let world = World::new(TYPED);
    world.live(async |life| {
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
        world.clock.pass(50 * MINUTE); // past four fifths of its hour
        world
            .vendor
            .next(&[Fate::Status(503), Fate::Unreached, Fate::Lost]);
        for _ in 0..20 {
            assert_eq!(life.token().await.as_deref(), Ok("a1"));
        }
        assert_eq!(world.vendor.calls("/token"), 2, "one try, not twenty");
        world.clock.pass(5 * SECOND + 1);
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
        world.clock.pass(5 * MINUTE);
        assert_eq!(
            life.token().await.as_deref(),
            Ok("a1"),
            "a lost answer of one that can be repeated"
        );
        world.clock.pass(6 * SECOND);
        assert_eq!(
            life.token().await.as_deref(),
            Ok("a3"),
            "a2 was the lost one"
        );
        assert_eq!(world.vendor.calls("/token"), 5);
        world.vendor.next(&[Fate::Status(503)]);
        world.clock.pass(2 * HOUR);
        assert_eq!(
            life.token().await,
            Err(NoToken::Later(5_000)),
            "none is left"
        );
    });
}

#[test]
fn refused_credentials_are_asked_again_after_a_while_or_when_somebody_acts() {
    let world = World::new(CLIENT);
    world.live(async |life| {
        world.vendor.next(&[Fate::Status(401), Fate::Status(401)]);
        for _ in 0..10 {
            assert!(matches!(life.token().await, Err(NoToken::Denied(_))));
        }
        assert_eq!(world.vendor.calls("/token"), 1);
        life.conn.ask_again();
        assert!(matches!(life.token().await, Err(NoToken::Denied(_))));
        assert_eq!(world.vendor.calls("/token"), 2);
        world.clock.pass(5 * MINUTE);
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
    });
}

#[test]
fn a_revoked_token_is_minted_anew_once_and_tried_once() {
    let world = World::new(CLIENT);
    world.live(async |life| {
        reads::check(&life.hub, &life.conn).await.expect("it works");
        world.vendor.revoke();
        reads::check(&life.hub, &life.conn)
            .await
            .expect("it works again");
        assert_eq!(
            (world.vendor.calls("/token"), world.vendor.calls("/me")),
            (2, 3)
        );
        // what is refused with a new token too needs a person
        world.vendor.books().shut = true;
        let said = reads::check(&life.hub, &life.conn)
            .await
            .expect_err("it is shut");
        assert!(said.to_string().starts_with("Acme stopped: "), "{said}");
        assert_eq!(
            (world.vendor.calls("/token"), world.vendor.calls("/me")),
            (3, 5)
        );
        assert_eq!(life.conn.state().0, State::NeedsYou);
        assert_eq!(life.failures().await, ["AUTH-002"]);
        world.vendor.books().shut = false;
        reads::check(&life.hub, &life.conn).await.expect("it works");
        assert_eq!(life.conn.state().0, State::Working);
        assert_eq!(life.failures().await, Vec::<String>::new());
    });
}

#[test]
fn who_ends_our_tokens_again_and_again_is_named() {
    let world = World::new(CLIENT);
    world.live(async |life| {
        for _ in 0..6 {
            reads::check(&life.hub, &life.conn).await.expect("it works");
            world.vendor.revoke();
            world.clock.pass(SECOND);
        }
        let said = reads::check(&life.hub, &life.conn)
            .await
            .expect_err("enough");
        assert!(
            said.to_string()
                .contains("another program uses the same credentials"),
            "{said}"
        );
        assert_eq!(life.failures().await, ["AUTH-005"]);
        let minted = world.vendor.calls("/token");
        for _ in 0..10 {
            reads::check(&life.hub, &life.conn)
                .await
                .expect_err("it holds back");
        }
        assert_eq!(world.vendor.calls("/token"), minted, "no storm");
        world.clock.pass(10 * MINUTE);
        reads::check(&life.hub, &life.conn)
            .await
            .expect("it goes on by itself");
        assert_eq!(life.failures().await, Vec::<String>::new());
        // seldom is no contest
        for _ in 0..8 {
            world.vendor.revoke();
            world.clock.pass(3 * MINUTE);
            reads::check(&life.hub, &life.conn).await.expect("it works");
        }
    });
}

#[test]
fn a_token_of_another_account_is_not_used() {
    let world = World::new(CLIENT);
    world.live(async |life| {
        assert_eq!(life.token().await.as_deref(), Ok("a1"));
        world.vendor.books().account = "org-2".into();
        world.clock.pass(HOUR);
        let said = life.token().await;
        assert!(matches!(&said, Err(NoToken::OtherAccount(say)) if say.contains("org-2") && say.contains("org-1")), "{said:?}");
        assert!(life.token().await.is_err(), "nor is it later");
        reads::check(&life.hub, &life.conn).await.expect_err("it waits for a person");
        assert_eq!(life.failures().await, ["ACCOUNT-001"]);
        assert_eq!(world.vendor.calls("/me"), 0);
    });
}
