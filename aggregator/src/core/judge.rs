//! Rule set version 1: who is not a person.
//!
//! A rule looks at one event and names its reason, or nothing. All rules that apply are kept, in
//! the order of the list; the first decides where an invalid event is counted.

use footfall_event::{Verdict, VerdictReason};

use super::seen::Seen;

/// Version of the rules; part of every judgement.
pub const RULES_VERSION: u32 = 1;

type Rule = fn(&Seen<'_>) -> Option<VerdictReason>;

const RULES: [Rule; 1] = [bot_agent];

/// The user agent declares itself a bot, or the page says that it is driven by automation.
fn bot_agent(seen: &Seen<'_>) -> Option<VerdictReason> {
    (!seen.bot.is_empty() || seen.automated).then_some(VerdictReason::BotAgent)
}

/// The verdict and its reasons. Without reasons nothing is allocated.
pub(super) fn judge(seen: &Seen<'_>) -> (Verdict, Vec<VerdictReason>) {
    let reasons: Vec<_> = RULES.iter().filter_map(|rule| rule(seen)).collect();
    let worst = reasons.iter().map(|reason| reason.verdict()).max();
    (worst.unwrap_or(Verdict::Valid), reasons)
}
