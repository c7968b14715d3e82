//! The cases: small ones to be tried in every schedule, and large ones drawn by a seed.

use super::search::Random;
use super::vendor::{Do, Quirk};
use super::world::{Setup, Start};

use Do::{Apply, BackRow, Delete, Edit, Hire, Note, Reject, Touch, Unhire, Unreject};
use Quirk::{
    HiredAt, HookSeconds as S, KeepsDate, LateBody, NoApp, NoHistory, NullFirst, RowSeconds,
    RowsAfter, RowsBefore, Withdraws,
};

const MOVE: Do = Do::Move("");

/// One poll, backfill done, the next act in the same second or later.
pub(crate) fn setup(kinds: &[Do], acts: usize, quirks: &[Quirk]) -> Setup {
    Setup {
        kinds: kinds.to_vec(),
        acts,
        polls: 1,
        dups: 0,
        start: Start::Live,
        quirks: quirks.to_vec(),
        torn: false,
        tight: true,
        lag: 0,
        gaps: vec![false, true],
        thin: false,
        asks: 1,
    }
}

impl Setup {
    pub(crate) fn polls(self, polls: usize) -> Self {
        Self { polls, ..self }
    }

    fn dups(self, dups: usize) -> Self {
        Self { dups, ..self }
    }

    pub(crate) fn start(self, start: Start) -> Self {
        Self { start, ..self }
    }

    /// One answer comes from a replica that lags; a denying answer is asked for again twice.
    pub(crate) fn lags(self) -> Self {
        let (lag, asks) = (1, 2);
        Self { lag, asks, ..self }
    }

    /// Acts in different seconds only.
    fn apart(self) -> Self {
        let gaps = vec![false];
        Self { gaps, ..self }
    }
}

pub(crate) fn small() -> Vec<(&'static str, Setup)> {
    let ends = [MOVE, Reject, Unreject];
    let torn = setup(&[MOVE, Reject], 2, &[S]).polls(2);
    let thin = setup(&[MOVE, Reject, Unreject, Hire], 3, &[S]).apart();
    let late = setup(&[MOVE, Reject, Touch, Note], 3, &[S, LateBody]);
    let fresh = |kinds: &[Do], quirks| setup(kinds, 2, quirks).start(Start::Fresh);
    vec![
        ("moves", setup(&[MOVE], 3, &[S])),
        ("reject", setup(&ends, 3, &[S])),
        ("withdraw", setup(&ends, 3, &[S, Withdraws])),
        ("hire", setup(&[MOVE, Hire, Unhire], 3, &[S])),
        (
            "keeps_date",
            setup(&[Reject, Unreject], 3, &[S, KeepsDate]).polls(2),
        ),
        ("row_seconds", setup(&ends, 2, &[S, RowSeconds]).polls(2)),
        ("milliseconds", setup(&ends, 3, &[])),
        ("torn", Setup { torn: true, ..torn }),
        ("copies", setup(&[MOVE, Reject, Touch], 2, &[S]).dups(2)),
        (
            "null",
            setup(&[MOVE, Reject, Touch], 2, &[S, NullFirst]).polls(2),
        ),
        ("fresh", fresh(&[MOVE, Reject], &[S])),
        (
            "none",
            setup(&[MOVE, Reject, Unreject, Hire], 2, &[S]).start(Start::None),
        ),
        ("fresh_hire", fresh(&[Hire, Unhire, Touch], &[S, HiredAt])),
        ("apply", setup(&[Apply, MOVE, Hire], 3, &[S, NoApp])),
        ("apply_fresh", fresh(&[Apply, MOVE, Reject], &[S, NoApp])),
        ("edit", setup(&[Edit, MOVE], 3, &[S]).apart()),
        ("delete", setup(&[Delete, MOVE, Edit], 3, &[S]).apart()),
        ("filled", setup(&[BackRow, MOVE, Note], 3, &[S])),
        ("touch", setup(&[Touch, MOVE, Note], 3, &[S]).apart()),
        (
            "late_body",
            setup(&[MOVE, Reject], 3, &[S, LateBody]).polls(0),
        ),
        ("late_touch", late.apart().polls(0)),
        (
            "rows_before",
            setup(&[MOVE, Reject, Hire], 3, &[S, RowsBefore]),
        ),
        ("rows_after", setup(&[MOVE, Reject, Hire], 3, &[RowsAfter])),
        ("thin", Setup { thin: true, ..thin }),
        (
            "no_history",
            setup(&[MOVE, Reject, Unreject], 3, &[S, NoHistory]),
        ),
        ("lag_moves", setup(&[MOVE, Reject], 2, &[S]).lags().apart()),
        ("lag_hire", setup(&[Hire, MOVE], 2, &[S]).lags().apart()),
        (
            "lag_apply",
            setup(&[Apply, MOVE], 2, &[S, NoApp]).lags().apart(),
        ),
        ("lag_ends", setup(&[Reject, Unreject], 2, &[S]).lags()),
        ("lag_edit", setup(&[Edit, Touch], 2, &[S]).lags()),
    ]
}

pub(crate) fn large(seed: u64) -> Setup {
    let all = [Reject, Unreject, Hire, Unhire, Touch, Edit, Apply, MOVE];
    let kinds = [
        [&all[..], &[Note]].concat(),
        vec![MOVE, Reject, Unreject, Apply],
        vec![MOVE, Hire, Unhire, Apply, Note],
        vec![MOVE, Touch, BackRow, Apply],
        [&all[..], &[Delete, BackRow]].concat(),
    ];
    let quirks: [&[Quirk]; 12] = [
        &[S],
        &[],
        &[RowsAfter],
        &[RowsBefore],
        &[S, RowsBefore],
        &[S, RowSeconds],
        &[S, KeepsDate],
        &[S, NullFirst],
        &[S, NoApp],
        &[NoApp],
        &[S, HiredAt],
        &[S, Withdraws],
    ];
    let starts = [Start::Live, Start::Fresh, Start::Fresh, Start::None];
    let gaps: [&[bool]; 3] = [&[false], &[false, true], &[false, false, true]];
    let mut random = Random::new(seed.wrapping_mul(7919));
    let (kinds, quirks) = (random.pick(&kinds), quirks[random.below(quirks.len())]);
    Setup {
        polls: random.below(5),
        dups: random.below(4),
        start: *random.pick(&starts),
        torn: random.below(5) < 2,
        tight: random.below(5) < 3,
        gaps: random.pick(&gaps).to_vec(),
        ..setup(kinds, 2 + random.below(6), quirks)
    }
}
