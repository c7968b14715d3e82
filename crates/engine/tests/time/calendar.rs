//! Working days, zones and schedules: days on which the clocks jump, ends of years, holidays, and what holds for any of them.

use proptest::prelude::*;
use stagewire_engine::time::{Calendar, Length, Schedule};
use stagewire_model::Micros;
use stagewire_model::time::parse_instant;

fn at(text: &str) -> Micros {
    parse_instant(text).expect("an instant").0
}

fn zone(name: &str) -> Calendar {
    Calendar::default().in_zone(name).expect("a zone")
}

fn schedule(text: &str) -> Schedule {
    Schedule::parse(text).unwrap_or_else(|| panic!("{text} is a schedule"))
}

fn length(text: &str) -> Length {
    Length::parse(text).unwrap_or_else(|| panic!("{text} is a length"))
}

/// The next times of a schedule.
fn times(text: &str, calendar: &Calendar, from: &str, count: usize) -> Vec<String> {
    let (schedule, mut now) = (schedule(text), at(from));
    let mut next = || {
        now = schedule.next(now, calendar).expect("there is a next time");
        now.text()
    };
    (0..count).map(|_| next()).collect()
}

#[test]
fn a_local_time_that_does_not_exist_fires_at_the_next_instant_that_does() {
    let berlin = times(
        "daily 02:30",
        &zone("Europe/Berlin"),
        "2026-03-28T12:00:00Z",
        2,
    );
    assert_eq!(
        berlin,
        ["2026-03-29T01:00:00.000Z", "2026-03-30T00:30:00.000Z"]
    );
    let york = times(
        "daily 02:30",
        &zone("America/New_York"),
        "2026-03-08T05:00:00Z",
        2,
    );
    assert_eq!(
        york,
        ["2026-03-08T07:00:00.000Z", "2026-03-09T06:30:00.000Z"]
    );
    // half an hour: 02:00 becomes 02:30
    let island = times(
        "daily 02:15",
        &zone("Australia/Lord_Howe"),
        "2026-10-03T00:00:00Z",
        2,
    );
    assert_eq!(
        island,
        ["2026-10-03T15:30:00.000Z", "2026-10-04T15:15:00.000Z"]
    );
}

#[test]
fn a_local_time_that_exists_twice_fires_once() {
    let berlin = times(
        "daily 02:30",
        &zone("Europe/Berlin"),
        "2026-10-24T12:00:00Z",
        2,
    );
    assert_eq!(
        berlin,
        ["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"]
    );
    let york = times(
        "daily 01:30",
        &zone("America/New_York"),
        "2026-11-01T04:00:00Z",
        2,
    );
    assert_eq!(
        york,
        ["2026-11-01T05:30:00.000Z", "2026-11-02T06:30:00.000Z"]
    );
    // half an hour: 02:00 becomes 01:30
    let island = times(
        "daily 01:45",
        &zone("Australia/Lord_Howe"),
        "2026-04-04T00:00:00Z",
        2,
    );
    assert_eq!(
        island,
        ["2026-04-04T14:45:00.000Z", "2026-04-05T15:15:00.000Z"]
    );
}

#[test]
fn two_times_that_a_jump_makes_one_fire_once() {
    let berlin = times(
        "daily 02:00, 02:30, 03:00",
        &zone("Europe/Berlin"),
        "2026-03-28T23:00:00Z",
        2,
    );
    assert_eq!(
        berlin,
        ["2026-03-29T01:00:00.000Z", "2026-03-30T00:00:00.000Z"]
    );
}

#[test]
fn a_day_that_does_not_exist_begins_with_the_next() {
    // Samoa went over the date line: there was no 2011-12-30
    let samoa = zone("Pacific/Apia");
    let after = length("1 day").after(at("2011-12-29T20:00:00Z"), &samoa);
    assert_eq!(
        after.text(),
        "2011-12-30T10:00:00.000Z",
        "the first instant of the 31st"
    );
}

#[test]
fn schedules_leave_out_holidays_unless_they_are_daily() {
    let berlin = zone("Europe/Berlin")
        .with_holiday("2026-12-25")
        .expect("a date");
    let from = "2026-12-24T09:00:00Z";
    assert_eq!(
        times("Mon-Fri 09:00", &berlin, from, 1),
        ["2026-12-28T08:00:00.000Z"]
    );
    assert_eq!(
        times("Fri 09:00", &berlin, from, 1),
        ["2027-01-01T08:00:00.000Z"]
    );
    assert_eq!(
        times("working days 09:00", &berlin, from, 1),
        ["2026-12-28T08:00:00.000Z"]
    );
    assert_eq!(
        times("09:00", &berlin, from, 1),
        ["2026-12-28T08:00:00.000Z"]
    );
    assert_eq!(
        times("daily 09:00", &berlin, from, 1),
        ["2026-12-25T08:00:00.000Z"]
    );
}

#[test]
fn a_working_week_need_not_begin_on_monday() {
    let dubai = zone("Asia/Dubai").with_week("Sun-Thu").expect("a week");
    // Thursday, 10:00 there
    let due = length("1 working day").after(at("2026-11-26T06:00:00Z"), &dubai);
    assert_eq!(due.text(), "2026-11-29T06:00:00.000Z", "Sunday");
    assert_eq!(
        times("working days 08:00", &dubai, "2026-11-26T06:00:00Z", 1),
        ["2026-11-29T04:00:00.000Z"]
    );
}

#[test]
fn working_days_skip_weekends_holidays_and_the_end_of_the_year() {
    let berlin = zone("Europe/Berlin");
    let five = length("5 working days");
    // entered on a Wednesday, at 15:00 there
    let entered = at("2026-12-23T14:00:00Z");
    assert_eq!(
        five.after(entered, &berlin).text(),
        "2026-12-30T14:00:00.000Z"
    );
    let days = ["2026-12-24", "2026-12-25", "2026-12-31", "2027-01-01"];
    let off = days
        .iter()
        .try_fold(berlin, |c, day| c.with_holiday(day))
        .expect("dates");
    assert_eq!(five.after(entered, &off).text(), "2027-01-05T14:00:00.000Z");
    assert_eq!(
        five.before(at("2027-01-05T14:00:00Z"), &off).text(),
        "2026-12-23T14:00:00.000Z"
    );
    // on a Saturday it begins to count with Monday
    assert_eq!(
        length("1 working day")
            .after(at("2026-11-28T10:00:00Z"), &off)
            .text(),
        "2026-11-30T10:00:00.000Z"
    );
}

#[test]
fn days_keep_the_time_of_day_and_hours_do_not() {
    let berlin = zone("Europe/Berlin");
    // the evening before the clocks go forward
    let evening = at("2026-03-28T17:00:00Z");
    assert_eq!(
        length("1 day").after(evening, &berlin).text(),
        "2026-03-29T16:00:00.000Z"
    );
    assert_eq!(
        length("24h").after(evening, &berlin).text(),
        "2026-03-29T17:00:00.000Z"
    );
    let leap = at("2028-02-28T12:00:00Z");
    assert_eq!(
        length("1 day").after(leap, &Calendar::default()).text(),
        "2028-02-29T12:00:00.000Z"
    );
}

#[test]
fn what_is_no_length_and_no_schedule() {
    for wrong in [
        "",
        "5",
        "days",
        "-1 day",
        "0h",
        "1.5h",
        "5 workdays",
        "2000 days",
        "5 working",
        "1 month",
    ] {
        assert_eq!(Length::parse(wrong), None, "{wrong}");
    }
    for wrong in [
        "",
        "Mon",
        "Mon-Fri",
        "Mon-Fri 9:00",
        "Mon-Fri 24:00",
        "Mon-Fri 09:60",
        "Xyz 09:00",
        "Mon-Fri 09:00,",
        "Mon-Fri +9:00",
    ] {
        assert_eq!(Schedule::parse(wrong), None, "{wrong}");
    }
    assert_eq!(length("90m").to_string(), "90 minutes");
    assert_eq!(length("1 week").to_string(), "7 days");
    assert_eq!(length(" 1   working day ").to_string(), "1 working day");
    assert_eq!(
        schedule("mon-wed, Fri 09:00, 08:30").to_string(),
        "Mon, Tue, Wed, Fri 08:30, 09:00"
    );
    assert_eq!(schedule("Sat-Mon 10:00").to_string(), "Mon, Sat, Sun 10:00");
}

#[test]
fn missed_times_are_counted_and_the_last_one_is_told() {
    let berlin = zone("Europe/Berlin");
    let due = at("2026-11-26T08:00:00Z");
    let daily = schedule("Mon-Fri 09:00");
    assert_eq!(daily.last(due, due, &berlin), (due, 0));
    let (last, missed) = daily.last(due, at("2026-12-01T10:00:00Z"), &berlin);
    assert_eq!(
        (last.text().as_str(), missed),
        ("2026-12-01T08:00:00.000Z", 3)
    );
}

#[test]
fn a_calendar_of_holidays_alone_ends() {
    let none = (1..=31).try_fold(Calendar::default(), |c, day| {
        c.with_holiday(&format!("2026-12-{day:02}"))
    });
    let none = none.expect("dates").with_week("Mon").expect("a week");
    let due = length("5 working days").after(at("2026-12-01T00:00:00Z"), &none);
    assert_eq!(due.text(), "2027-02-01T00:00:00.000Z");
}

fn zones() -> impl Strategy<Value = Calendar> {
    let names = [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
    ];
    let weeks = ["Mon-Fri", "Sun-Thu", "Tue", "Mon-Sun"];
    let days = proptest::collection::vec((1_u8..=12, 1_u8..=28), 0..40);
    let chosen = (
        prop::sample::select(names.to_vec()),
        prop::sample::select(weeks.to_vec()),
        days,
    );
    chosen.prop_map(|(name, week, days)| {
        let calendar = zone(name).with_week(week).expect("a week");
        days.iter()
            .try_fold(calendar, |c, (month, day)| {
                c.with_holiday(&format!("2026-{month:02}-{day:02}"))
            })
            .expect("dates")
    })
}

/// Seconds from 2025-12-01 on, for some 14 months.
fn instants() -> impl Strategy<Value = Micros> {
    (0_i64..36_000_000).prop_map(|s| Micros((1_764_547_200 + s) * 1_000_000))
}

proptest! {
    #[test]
    fn working_days_end_on_a_working_day_and_a_later_start_ends_on_no_earlier_day(calendar in zones(), a in instants(), b in instants(), days in 1_i64..30) {
        let (first, second) = (a.min(b), a.max(b));
        let length = Length::WorkingDays(days);
        let (x, y) = (length.after(first, &calendar), length.after(second, &calendar));
        prop_assert!(calendar.local(x).date() <= calendar.local(y).date(), "{} {} -> {} {}", first.text(), second.text(), x.text(), y.text());
        prop_assert!(calendar.works(calendar.local(x).date()));
        prop_assert!(x > first);
        let count = (1..=i64::from(u16::MAX)).scan(calendar.local(first).date(), |date, _| {
            *date = date.tomorrow().ok()?;
            (*date <= calendar.local(x).date()).then_some(*date)
        });
        prop_assert_eq!(count.filter(|date| calendar.works(*date)).count() as i64, days);
    }

    #[test]
    fn a_schedule_goes_on_and_leaves_nothing_out(calendar in zones(), from in instants(), hour in 0_u8..24, minute in 0_u8..60) {
        let schedule = schedule(&format!("daily {hour:02}:{minute:02}"));
        let first = schedule.next(from, &calendar).expect("a next time");
        let second = schedule.next(first, &calendar).expect("a next time");
        prop_assert!(first > from && second > first);
        // a day is never longer than 49 hours, also where one was left out
        prop_assert!(second.0 - first.0 <= 49 * 3_600_000_000);
        let local = calendar.local(first);
        let asked = jiff::civil::time(hour as i8, minute as i8, 0, 0);
        prop_assert!(local.time() >= asked || local.time() == jiff::civil::Time::MIN, "{local}");
        prop_assert_eq!(schedule.last(first, second, &calendar), (second, 1));
        let between = Micros(second.0 - 1);
        prop_assert_eq!(schedule.next(Micros(first.0 - 1), &calendar), Some(first));
        prop_assert_eq!(schedule.next(between, &calendar), Some(second));
    }

    #[test]
    fn any_text_is_a_length_or_none_and_never_a_panic(text in ".{0,24}") {
        let _ = (Length::parse(&text), Schedule::parse(&text));
    }
}
