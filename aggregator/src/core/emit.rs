//! What the core writes: differences of visits and dead letters.

use footfall_event::difference::{Context, Difference, Measures, Origin};
use footfall_event::scan::skip_text;
use footfall_event::{Hex64, Topic, Verdict, record};
use footfall_topics::{Partition, RecordBatch};
use serde::Serialize;
use std::borrow::Cow;

use super::ahead::{STRIP, look_at_changed};
use super::intern::{Interner, Symbol};
use super::people::{Dimension, Key, People, Person};
use super::seen::Seen;
use super::visits::{Change, Visit};

/// A record that could not be processed. The topic `dead-letters` holds these.
#[derive(Debug, Serialize)]
pub(crate) struct DeadLetter<'a> {
    v: u8,
    /// Where the record stands.
    topic: &'static str,
    partition: u32,
    offset: u64,
    /// One word: `unreadable`, `too_large` or `too_old`.
    reason: &'static str,
    /// What was wrong with it.
    detail: &'a str,
    /// The record, at most 64 KiB of it; bytes that are no text are replaced.
    record: Cow<'a, str>,
}

/// Appends a dead letter to the outputs.
pub(crate) fn dead_letter(
    out: &mut RecordBatch,
    from: (Partition, u64),
    reason: &'static str,
    detail: &str,
    record: &[u8],
) {
    // Written out, a byte takes up to six: a letter must fit into any log.
    const RECORD_BYTES_SHOWN: usize = 64 * 1024;
    let (partition, offset) = from;
    let letter = DeadLetter {
        v: record::VERSION,
        topic: partition.topic.name(),
        partition: partition.number,
        offset,
        reason,
        detail,
        record: String::from_utf8_lossy(&record[..record.len().min(RECORD_BYTES_SHOWN)]),
    };
    out.push_with(Topic::DeadLetters, partition.number, b"", |bytes| {
        serde_json::to_writer(bytes, &letter).expect("a dead letter is plain text");
    });
}

/// Where a page view came from, as it stands in the differences of its visit.
pub(super) fn origin_of(seen: &Seen<'_>, interner: &mut Interner, scratch: &mut Vec<u8>) -> Symbol {
    scratch.clear();
    let origin = Origin {
        host: &seen.host,
        source: &seen.source,
        channel: &seen.channel,
        referrer_host: &seen.referrer_host,
        utm_medium: &seen.utm_medium,
        utm_campaign: &seen.utm_campaign,
        utm_content: &seen.utm_content,
        utm_term: &seen.utm_term,
    };
    origin.append(scratch);
    interner.intern(written(scratch))
}

/// With what and from where an activity came, as it stands in the differences of its visit.
pub(super) fn context_of(
    seen: &Seen<'_>,
    interner: &mut Interner,
    scratch: &mut Vec<u8>,
) -> Symbol {
    scratch.clear();
    let context = Context {
        browser: &seen.browser,
        os: &seen.os,
        device: seen.device,
        screen: &seen.screen,
        language: &seen.language,
        country: &seen.country,
        region: &seen.region,
        city: &seen.city,
    };
    context.append(scratch);
    interner.intern(written(scratch))
}

fn written(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("JSON made of texts is a text")
}

/// The value of a member in what [`origin_of`] wrote, as it is written there: `beginning` is the
/// member up to its value (`,"source":"`). Empty when it is not there.
fn member<'a>(origin: &'a str, beginning: &str) -> &'a str {
    let bytes = origin.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        // Names have no escapes, and no quotation mark stands in a value without a backslash.
        let here = &origin[at..];
        let Some(value) = here[2..].find(":\"").map(|colon| colon + 4) else { break };
        let Some(end) = skip_text(bytes, at + value) else { break };
        if here.starts_with(beginning) {
            return &origin[at + value..end - 1];
        }
        at = end;
    }
    ""
}

/// Writes the differences of a batch's visits. `changes` is in the order of the first touch.
pub(super) fn differences(
    changes: &mut Vec<Change>,
    people: &mut People,
    interner: &Interner,
    shard: u32,
    clock_ms: i64,
    out: &mut RecordBatch,
) {
    let mut all = std::mem::take(changes);
    for (at, change) in all.iter().enumerate() {
        if at % STRIP == 0 {
            look_at_changed(people, &all[at..all.len().min(at + STRIP)]);
        }
        let slot = people.slot(change.timeline);
        let (site, site_hash, invalid) = (slot.site, slot.site_hash, slot.invalid);
        let after = slot.timeline.visits.iter_mut().find(|visit| visit.id == change.visit);
        let after = after.map(|visit| {
            visit.dirty = false;
            *visit
        });
        let mut writer = Writer {
            site: interner.text(site),
            site_hash,
            verdict: if invalid { Verdict::Invalid } else { Verdict::Valid },
            people: &mut *people,
            interner,
            shard,
            clock_ms,
            out: &mut *out,
        };
        match (change.before, after) {
            (Some(before), Some(after)) if writer.same_but_exit(&before, &after) => {
                writer.growth(&before, &after);
            }
            (before, after) => {
                if let Some(before) = before {
                    writer.take_back(&before);
                }
                if let Some(after) = after {
                    writer.add(&after);
                }
            }
        }
    }
    // Its memory is used again.
    all.clear();
    *changes = all;
}

struct Writer<'a> {
    site: &'a str,
    site_hash: u64,
    verdict: Verdict,
    people: &'a mut People,
    interner: &'a Interner,
    shard: u32,
    clock_ms: i64,
    out: &'a mut RecordBatch,
}

impl<'a> Writer<'a> {
    /// Whether nothing changed that all measures hang on. The exit page may have moved, from one page
    /// that has a path to another.
    fn same_but_exit(&self, a: &Visit, b: &Visit) -> bool {
        let entry = |visit: &Visit| visit.entry.map(|entry| (entry.view.path, entry.origin));
        a.start.time == b.start.time
            && a.visitor == b.visitor
            && a.context == b.context
            && entry(a) == entry(b)
            && (a.exit_path() == b.exit_path() || a.exit_path() != Symbol::default())
    }

    fn growth(&mut self, before: &Visit, after: &Visit) {
        let mut delta = self.described(after);
        delta.measures = growth(&measures(before), &measures(after));
        if before.exit_path() != after.exit_path() {
            delta.left = self.interner.text(before.exit_path());
            delta.measures.exits = 1;
            let person = self.person(after);
            delta.left_visitors = person.lose(Dimension::Exit, delta.left);
            delta.measures.exit_visitors = person.gain(Dimension::Exit, delta.exit);
        }
        if delta.measures != Measures::default() {
            self.write(&delta);
        }
    }

    /// Who the visit counts for.
    fn person(&mut self, visit: &Visit) -> &mut Person {
        let key = Key::new(self.site_hash, self.verdict == Verdict::Invalid, visit.visitor);
        self.people.person(key, visit.start.time, self.clock_ms)
    }

    fn take_back(&mut self, before: &Visit) {
        let mut delta = self.described(before);
        delta.measures = measures(before).negated();
        self.count_visitors(before, &mut delta, Person::lose);
        self.write(&delta);
    }

    fn add(&mut self, after: &Visit) {
        let mut delta = self.described(after);
        delta.measures = measures(after);
        self.count_visitors(after, &mut delta, Person::gain);
        self.write(&delta);
    }

    fn count_visitors(
        &mut self,
        visit: &Visit,
        delta: &mut Difference<'_>,
        count: fn(&mut Person, Dimension, &str) -> i32,
    ) {
        let person = self.person(visit);
        let mut of = |dimension, text: &str| count(person, dimension, text);
        let to = &mut delta.measures;
        to.visitors = of(Dimension::Any, "");
        to.source_visitors = of(Dimension::Source, member(delta.origin, ",\"source\":\""));
        to.channel_visitors = of(Dimension::Channel, member(delta.origin, ",\"channel\":\""));
        to.campaign_visitors =
            of(Dimension::Campaign, member(delta.origin, ",\"utm_campaign\":\""));
        to.entry_visitors = of(Dimension::Entry, delta.entry);
        to.exit_visitors = of(Dimension::Exit, delta.exit);
    }

    /// A difference with the dimensions of a visit, and no measures yet.
    fn described(&self, visit: &Visit) -> Difference<'a> {
        let text = |symbol| self.interner.text(symbol);
        Difference {
            site: self.site,
            session: Hex64(visit.id),
            visitor: Hex64(visit.visitor),
            start: visit.start.time,
            verdict: self.verdict,
            entry: visit.entry.map_or("", |entry| text(entry.view.path)),
            exit: text(visit.exit_path()),
            origin: visit.entry.map_or("", |entry| text(entry.origin)),
            context: text(visit.context),
            measures: Measures::default(),
            left: "",
            left_visitors: 0,
        }
    }

    fn write(&mut self, delta: &Difference<'_>) {
        let key = delta.session.0.to_be_bytes();
        self.out.push_with(Topic::Sessions, self.shard, &key, |bytes| delta.append(bytes));
    }
}

/// The measures of a visit but the visitors'.
fn measures(visit: &Visit) -> Measures {
    let bounced = visit.pageviews == 1 && visit.others == 0;
    Measures {
        visits: 1,
        exits: 1,
        bounces: i32::from(bounced),
        pageviews: i32::try_from(visit.pageviews).unwrap_or(i32::MAX),
        duration_ms: visit.end - visit.start.time,
        engaged_ms: visit.engaged_ms,
        ..Measures::default()
    }
}

/// By how much the measures of a visit grew.
fn growth(before: &Measures, after: &Measures) -> Measures {
    Measures {
        bounces: after.bounces - before.bounces,
        pageviews: after.pageviews - before.pageviews,
        duration_ms: after.duration_ms - before.duration_ms,
        engaged_ms: after.engaged_ms - before.engaged_ms,
        ..Measures::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_what_was_written() {
        let tricky = "a\",\"channel\":\"no\\";
        let origin =
            Origin { source: tricky, channel: "yes", utm_term: ":\"", ..Origin::default() };
        let mut bytes = Vec::new();
        origin.append(&mut bytes);
        let origin = written(&bytes);
        let source = member(origin, ",\"source\":\"");
        assert_eq!(serde_json::from_str::<String>(&format!("\"{source}\"")).unwrap(), tricky);
        assert_eq!(member(origin, ",\"channel\":\""), "yes");
        assert_eq!(member(origin, ",\"host\":\""), "");
        assert_eq!(member("", ",\"host\":\""), "");
    }
}
