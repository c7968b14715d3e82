//! The words for what leaves: states, effects, rungs, and how a repeat is made harmless. Decides nothing.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }
        impl $name {
            /// The word on the surface and in the store.
            pub fn as_str(self) -> &'static str { match self { $($name::$variant => $text),+ } }
            /// Reads the word.
            pub fn parse(text: &str) -> Option<Self> { match text { $($text => Some($name::$variant),)+ _ => None } }
            /// Every word.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
    };
}

words! {
    /// Where an action stands.
    ActionState {
        /// Due, or waiting for its turn, for a needed step's output, or for its time.
        Planned = "planned",
        /// A person decides.
        Held = "held",
        /// Committed as about to be sent, or in flight.
        Claimed = "claimed",
        /// Will be tried again by itself.
        Later = "later",
        /// Sent without a clear answer.
        Unsure = "unsure",
        /// It happened.
        Done = "done",
        /// It was so already.
        AlreadyThere = "already_there",
        /// The vendor said no, for good.
        Refused = "refused",
        /// Waits for a person in the inbox.
        Parked = "parked",
        /// Will not be sent.
        Skipped = "skipped",
        /// Recorded only: the flow's rung does not let it out.
        WouldHave = "would_have",
    }
}

words! {
    /// Who notices an action.
    Effect {
        /// Our own analytics store.
        Feed = "feed",
        /// Staff sees it; no system of record.
        Internal = "internal",
        /// Writes a system of record.
        Record = "record",
        /// A candidate may notice.
        Candidate = "candidate",
    }
}

words! {
    /// How far a flow may go by itself.
    Rung {
        /// Only `feed` goes out.
        ReadOnly = "read-only",
        /// Also `internal`.
        Listening = "listening",
        /// Also `record`; risky and candidate-facing actions are held.
        WriteBack = "write-back",
        /// Also candidate messages without a hold.
        Auto = "auto",
    }
}

words! {
    /// How a repeat of a write is made harmless.
    OnceKind {
        /// The vendor honours a key or our own id.
        NativeKey = "native_key",
        /// A repeat changes nothing.
        Set = "set",
        /// Read, then act.
        Compare = "compare",
        /// Leave a findable trace, look for it.
        Marker = "marker",
        /// Only our row: unsure waits for a person.
        Ledger = "ledger",
    }
}

impl ActionState {
    /// Nothing more happens by itself or by a replay.
    pub fn settled(self) -> bool {
        matches!(
            self,
            ActionState::Done
                | ActionState::AlreadyThere
                | ActionState::Skipped
                | ActionState::WouldHave
        )
    }
}

/// What the rung lets an effect do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// It goes.
    Go,
    /// A person decides first.
    Hold,
    /// It is only recorded.
    WouldHave,
}

impl Rung {
    /// What an action of that effect may do on this rung; `always` = its manifest says `hold = "always"`.
    pub fn gate(self, effect: Effect, always: bool) -> Gate {
        let needed = match effect {
            Effect::Feed => Rung::ReadOnly,
            Effect::Internal => Rung::Listening,
            Effect::Record | Effect::Candidate => Rung::WriteBack,
        };
        match () {
            () if self < needed => Gate::WouldHave,
            () if always => Gate::Hold,
            () if effect == Effect::Candidate && self < Rung::Auto => Gate::Hold,
            () => Gate::Go,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rung_lets_out_what_the_ladder_says() {
        use {Effect::*, Gate::*};
        let row = |rung: Rung| [Feed, Internal, Record, Candidate].map(|e| rung.gate(e, false));
        assert_eq!(row(Rung::ReadOnly), [Go, WouldHave, WouldHave, WouldHave]);
        assert_eq!(row(Rung::Listening), [Go, Go, WouldHave, WouldHave]);
        assert_eq!(row(Rung::WriteBack), [Go, Go, Go, Hold]);
        assert_eq!(row(Rung::Auto), [Go, Go, Go, Go]);
        assert_eq!(Rung::Auto.gate(Candidate, true), Hold, "never by itself");
        assert_eq!(Rung::Listening.gate(Candidate, true), WouldHave);
    }
}
