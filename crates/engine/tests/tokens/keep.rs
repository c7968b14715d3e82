//! What would die of disuse is used in time; what ends all the same is told in time.

use super::vendor::Fate;
use super::world::{DAY, HOUR, MINUTE, TYPED, TYPED_ONCE, World};
use stagewire_engine::connection::State;
use stagewire_engine::token::keep::round;

#[test]
fn an_idle_grant_is_renewed_at_half_of_its_idle_life_and_not_before() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| {
        life.token().await.expect("a token");
        let (_, dies) = life.conn.token_ends();
        let dies = dies.expect("known");
        world.clock.pass(12 * HOUR - MINUTE);
        round(&life.hub).await;
        assert_eq!(world.vendor.calls("/token"), 1);
        world.clock.pass(MINUTE);
        life.hub.pause("ats", true, "ana").await.expect("paused");
        round(&life.hub).await;
        round(&life.hub).await;
        assert_eq!(
            world.vendor.calls("/token"),
            2,
            "a paused one too, and once"
        );
        assert_eq!(world.vendor.form("/token")["refresh_token"], "r1");
        assert_eq!(life.conn.token_ends().1, Some(dies.plus_ms(12 * HOUR)));
    });
    // a restart forgets nothing
    world.clock.pass(13 * HOUR);
    world.live(async |life| {
        round(&life.hub).await;
        assert_eq!(world.vendor.form("/token")["refresh_token"], "r2");
        assert_eq!(life.conn.state().0, State::Paused);
    });
}

#[test]
fn a_grant_that_died_is_told_at_once_and_not_asked_again() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| {
        life.token().await.expect("a token");
        world.vendor.books().refresh = "ended".into();
        world.clock.pass(12 * HOUR);
        for _ in 0..5 {
            round(&life.hub).await;
            world.clock.pass(HOUR);
        }
        assert_eq!(world.vendor.calls("/token"), 2);
        assert_eq!(life.conn.state().0, State::NeedsYou);
        assert!(
            life.conn.state().1.contains("connect it again"),
            "{}",
            life.conn.state().1
        );
        assert_eq!(life.failures().await, ["AUTH-004"]);
        assert_eq!(life.conn.token_ends().1, None, "nothing is left to renew");
    });
}

#[test]
fn a_vendor_that_is_not_well_is_asked_again_at_the_next_look() {
    let world = World::new(TYPED_ONCE);
    world.live(async |life| {
        life.token().await.expect("a token");
        world.clock.pass(12 * HOUR);
        world.vendor.next(&[Fate::Unreached]);
        round(&life.hub).await;
        assert_eq!(life.conn.state().0, State::Unknown, "no alarm yet");
        world.clock.pass(MINUTE);
        round(&life.hub).await;
        assert_eq!(world.vendor.calls("/token"), 3);
    });
}

#[test]
fn an_end_that_nothing_puts_off_is_told_thirty_seven_and_one_days_before() {
    let world = World::new(TYPED);
    world.live(async |life| {
        life.token().await.expect("a token");
        let told = async || {
            life.list("failures", "cause", |i| i["code"] == "AUTH-006")
                .await
        };
        for (days, times) in [(0, 0), (59, 0), (1, 1), (1, 1), (22, 2), (6, 3), (1, 3)] {
            world.clock.pass(days * DAY);
            round(&life.hub).await;
            round(&life.hub).await;
            let told = told().await;
            assert_eq!(told.len(), times, "{days}: {told:?}");
            assert!(
                told.iter().all(|t| t.contains("ends on 2027-02-22")),
                "{told:?}"
            );
        }
        assert_eq!(world.vendor.calls("/token"), 1, "renewing would not help");
        let ends = life.conn.token_ends().1;
        life.token()
            .await
            .expect("the same refresh token brings the next");
        assert_eq!(world.vendor.calls("/token"), 2);
        assert_eq!(life.conn.token_ends().1, ends, "and lives no longer for it");
    });
}
