//! Switches that only the simulator has: each turns one rule off that keeps the machine safe, and the simulator must notice.
//!
//! Without the feature `switches`, which only the crate of tests asks for, there is nothing to turn: every rule holds, and the
//! compiler knows it.

/// A rule that keeps the machine safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Nothing is sent before what it rests on is durable.
    PersistThenSend,
    /// A vote is not forgotten.
    VotesAreKept,
    /// A new line begins with the whole log, also with what is not known as decided.
    TailsAreKept,
    /// FORCE begins a line only where nothing that was decided can be missing.
    ForceLosesNothing,
    /// A node that has lost its log gets another name in it.
    NamesAreNew,
    /// A request is carried out once, however often it arrives.
    RequestsCountOnce,
    /// A frame of another line is not obeyed.
    LinesAreApart,
    /// A new log is told of when it is durable.
    LogsAreDurable,
    /// A failover raises the epoch of its shard.
    PromotionsRaiseEpochs,
    /// A failover that was decided for an older epoch is refused.
    PromotionsNameEpochs,
    /// A shard that has promised to lose nothing is led by who has it all.
    SuccessorsAreInSync,
    /// What is not applied stays in the log.
    CompactionKeepsTheRest,
    /// Only who has asked a majority knows what is decided.
    CurrencyIsAsked,
    /// A primary acts no longer than its lease.
    LeasesEnd,
    /// A lease is granted by a majority.
    LeasesNeedMajorities,
    /// A voter extends one node's lease of a shard at a time.
    LeasesAreExclusive,
    /// A voter that has just started has forgotten its grants, and makes none.
    StartersGrantNothing,
    /// A voter lets nobody replace a primary that may have a lease by its word.
    FencesOutlastLeases,
    /// A primary is replaced when a majority no longer extends its lease.
    FencesNeedMajorities,
    /// Of two, a primary stops when its log names another, though it does not know yet whether that is decided.
    TailsDepose,
    /// Who starts again waits for everybody who may be in sync by what it has forgotten.
    ForgottenAreAwaited,
    /// What a primary has not acknowledged when it is deposed it never will.
    DeposedGiveUp,
    /// Who has lost data does not lead those who have it.
    LeadersAreWhole,
    /// A primary hands over to a replica that has everything.
    HandOversCatchUp,
}

/// All of them.
#[cfg(feature = "switches")]
pub const RULES: [Rule; 24] = [
    Rule::PersistThenSend,
    Rule::VotesAreKept,
    Rule::TailsAreKept,
    Rule::ForceLosesNothing,
    Rule::NamesAreNew,
    Rule::RequestsCountOnce,
    Rule::LinesAreApart,
    Rule::LogsAreDurable,
    Rule::PromotionsRaiseEpochs,
    Rule::PromotionsNameEpochs,
    Rule::SuccessorsAreInSync,
    Rule::CompactionKeepsTheRest,
    Rule::CurrencyIsAsked,
    Rule::LeasesEnd,
    Rule::LeasesNeedMajorities,
    Rule::LeasesAreExclusive,
    Rule::StartersGrantNothing,
    Rule::FencesOutlastLeases,
    Rule::FencesNeedMajorities,
    Rule::TailsDepose,
    Rule::ForgottenAreAwaited,
    Rule::DeposedGiveUp,
    Rule::LeadersAreWhole,
    Rule::HandOversCatchUp,
];

#[cfg(not(feature = "switches"))]
mod state {
    use super::Rule;

    pub(crate) const fn is_off(_: Rule) -> bool {
        false
    }

    pub(crate) const fn log_max(usual: usize) -> usize {
        usual
    }
}

#[cfg(feature = "switches")]
mod state {
    use std::cell::Cell;

    use super::Rule;

    /// How this thread's machines differ from those of the product.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct Switches {
        pub off: Option<Rule>,
        /// Entries beyond which a log is shortened.
        pub log_max: Option<usize>,
    }

    thread_local! {
        static SWITCHES: Cell<Switches> = const { Cell::new(Switches { off: None, log_max: None }) };
    }

    /// For all machines of this thread from now on.
    pub fn set(switches: Switches) {
        SWITCHES.set(switches);
    }

    pub(crate) fn is_off(rule: Rule) -> bool {
        SWITCHES.get().off == Some(rule)
    }

    pub(crate) fn log_max(usual: usize) -> usize {
        SWITCHES.get().log_max.unwrap_or(usual)
    }
}

#[cfg(feature = "switches")]
pub use self::state::{Switches, set};
pub(crate) use self::state::{is_off, log_max};
