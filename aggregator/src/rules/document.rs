//! `docs/invalid-traffic.md`, made from the rules' own data, so that it can't say anything else.

use std::fmt::Write;

use footfall_event::VerdictReason;
use footfall_event::verdict::{Class, UNCOUNTED};

use super::RuleSet;
use super::hosting;

/// What the order of arrival can change, and what it can't.
const ORDER: &str = "\
## What the order of arrival can change

Nothing, as long as no event comes more than two minutes behind the newest of its shard, and no shard
is an hour behind the others: the same events give each click the same verdict for the same reasons, and
the same sums, in whatever order, however often and in whatever batches they come. Placements are compared
when every shard has come far enough, so one that is slow, or is started again, delays the comparison and
does not change it. Beyond that:

- What comes later still, up to an hour, is put in: the clicks of its network are looked at again. Only
  the comparison of placements is not gone through again. It takes a late click when it comes, and keeps
  what a late event would have changed about others; stage 2 leaves out a click that comes more than
  five minutes late.
- A shard that is more than an hour behind is waited for no longer, nor is one that has had nothing to
  read for ten seconds. How the clicks of a placement convert is told by the shards of the conversions,
  which nobody waits for: the flags `conversion_rate` and `conversion_timing` may depend on it.
- A shard goes by the time of its own events. One that hears nothing for minutes looks at its last
  clicks when it hears something again, and stage 2 has then compared them as they were when they came.
- Of more impressions than count within a minute, those that come last are the repetitions. How many
  count does not depend on the order.
- An unsigned link that is used again more than 26 hours after it was used last may have been forgotten.
- Two sites whose clicks have the same id at the same millisecond: the later looks go to the first.
- Where a limit of memory is reached, what is forgotten depends on what came first: more than 2,048
  clicks of one network in a day, or more networks, impressions or clicks than a shard may remember.
";

/// The page, as Markdown.
pub fn markdown(rules: &RuleSet) -> String {
    let mut out = String::new();
    let mut line = |text: &str| {
        out.push_str(text);
        out.push('\n');
    };
    line("# Invalid traffic");
    line("");
    line(
        "Every impression, view, click and conversion is judged: *valid*, *flagged* or *invalid*.",
    );
    line(
        "Net figures hold the valid and the flagged; the invalid are kept, shown and never billed.",
    );
    line("The visitor notices nothing: a judged click is redirected like any other.");
    line("");
    line(&format!(
        "This page is made from the rules themselves (`footfall rules document`), version {}. To \
         change them, write a `rules.toml` with what differs and a version of its own.",
        rules.version()
    ));
    line("");
    line(
        "- **Class**: GIVT is general invalid traffic, which lists and simple counts find; SIVT is",
    );
    line("  sophisticated invalid traffic, which shows only when many events are compared.");
    line(
        "- **Tier**: what the reason decides. *filter* makes a click invalid, *flag* counts it and",
    );
    line("  shows it. Rules can set another tier, for a site or a campaign too.");
    line(
        "- An invalid click counts under the first of its reasons in the order of this page; all of",
    );
    line("  them are kept.");
    line(
        "- The first judgement comes with the event. It is looked at again when what belongs to it has",
    );
    line(
        "  come, and may change until ten minutes after the event; a change corrects the figures by a",
    );
    line("  difference.");
    line("");
    for class in [Class::Givt, Class::Sivt] {
        line(match class {
            Class::Givt => "## General invalid traffic",
            Class::Sivt => "## Sophisticated invalid traffic",
        });
        line("");
        for reason in VerdictReason::ALL.iter().filter(|reason| reason.class() == class) {
            line(&section(rules, *reason));
        }
    }
    line("## Never a click");
    line("");
    line("Recognised when it comes, counted apart, and never judged:");
    line("");
    line("| | | source |");
    line("|---|---|---|");
    for (word, sentence, source) in UNCOUNTED {
        line(&format!("| `{word}` | {sentence} | {source} |"));
    }
    line("");
    line("## Shared by several rules");
    line("");
    for section in ["hindsight", "shared_address", "blocking"] {
        for threshold in rules.base().thresholds.list().iter().filter(|t| t.section == section) {
            line(&format!(
                "- `{}.{}` = {}: {}.",
                section, threshold.key, threshold.value, threshold.meaning
            ));
        }
    }
    line(&format!("- {} autonomous systems of hosting companies are built in.", hosting::listed()));
    line("");
    line("## What is not judged");
    line("");
    line(
        "Client hints (`Sec-CH-UA`) are compared when a link is clicked, and not recorded. An account is",
    );
    line(
        "followed within one campaign only. A network's hash lives a UTC day: what it does is not added",
    );
    line(
        "up across midnight, except that repeated clicks are found. One click each from many residential",
    );
    line("addresses that behaves like a person's is not recognised by any of these rules.");
    line("");
    line(ORDER.trim_end());
    out
}

fn section(rules: &RuleSet, reason: VerdictReason) -> String {
    let mut out = String::new();
    let tier = rules.base().tier(reason);
    // Writing to a text can't fail.
    let _ = writeln!(out, "### `{reason}`\n\n{}\n", reason.sentence());
    let _ = writeln!(out, "- Tier: {}", tier.as_str());
    for threshold in rules.base().thresholds.list() {
        if threshold.section == reason.as_str() {
            let _ =
                writeln!(out, "- `{}` = {}: {}", threshold.key, threshold.value, threshold.meaning);
        }
    }
    let _ = writeln!(out, "- Source: {}", reason.source());
    let _ = writeln!(out, "- What an advertiser is told: {}", reason.told());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_in_the_documentation_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/invalid-traffic.md");
        let page = std::fs::read_to_string(path).unwrap_or_default();
        let right = markdown(&RuleSet::default());
        assert!(
            page == right,
            "docs/invalid-traffic.md is not what the rules say: run `footfall rules document > \
             docs/invalid-traffic.md`"
        );
    }

    #[test]
    fn every_threshold_is_explained_somewhere() {
        let page = markdown(&RuleSet::default());
        for threshold in RuleSet::default().base().thresholds.list() {
            assert!(
                page.contains(&format!("{}` = {}", threshold.key, threshold.value)),
                "{threshold:?}"
            );
        }
    }
}
