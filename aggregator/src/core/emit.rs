//! What the core writes: differences of visits and dead letters.

use footfall_event::record::{self, Device};
use footfall_event::{Hex64, SessionDelta, Topic, Verdict};
use footfall_topics::{Partition, RecordBatch};
use serde::Serialize;
use std::borrow::Cow;
use xxhash_rust::xxh3::xxh3_64;

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

/// Texts joined into one, each behind its length in two 7-bit digits: no separator that a text
/// could contain.
fn pack(scratch: &mut String, texts: &[&str]) {
    const LONGEST: usize = 127 * 128 + 127;
    for text in texts {
        let text = &text[..text.floor_char_boundary(LONGEST)];
        scratch.push(char::from((text.len() / 128) as u8));
        scratch.push(char::from((text.len() % 128) as u8));
        scratch.push_str(text);
    }
}

fn unpack<const N: usize>(mut packed: &str) -> [&str; N] {
    let mut texts = [""; N];
    for text in &mut texts {
        let &[high, low, ..] = packed.as_bytes() else { break };
        let (head, rest) = packed[2..].split_at(usize::from(high) * 128 + usize::from(low));
        *text = head;
        packed = rest;
    }
    texts
}

/// Where a page view came from, packed.
pub(super) fn origin_of(seen: &Seen<'_>, interner: &mut Interner, scratch: &mut String) -> Symbol {
    scratch.clear();
    let texts = [
        &seen.host,
        &seen.source,
        &seen.channel,
        &seen.referrer_host,
        &seen.utm_medium,
        &seen.utm_campaign,
        &seen.utm_content,
        &seen.utm_term,
    ];
    pack(scratch, &texts.map(|text| &**text));
    interner.intern(scratch)
}

/// With what and from where an activity came, packed.
pub(super) fn context_of(seen: &Seen<'_>, interner: &mut Interner, scratch: &mut String) -> Symbol {
    scratch.clear();
    let texts = [
        &*seen.browser,
        &seen.os,
        seen.device.as_str(),
        &seen.screen,
        &seen.language,
        &seen.country,
        &seen.region,
        &seen.city,
    ];
    pack(scratch, &texts);
    interner.intern(scratch)
}

fn device_of(word: &str) -> Device {
    const ALL: [Device; 5] =
        [Device::Unknown, Device::Desktop, Device::Mobile, Device::Tablet, Device::Television];
    ALL.into_iter().find(|device| device.as_str() == word).unwrap_or_default()
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
    for change in changes.drain(..) {
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
        let mut delta = self.measured(after);
        let old = measures(before);
        delta.visits -= old.visits;
        delta.exits -= old.exits;
        delta.bounces -= old.bounces;
        delta.pageviews -= old.pageviews;
        delta.duration_ms -= old.duration_ms;
        delta.engaged_ms -= old.engaged_ms;
        let unchanged = delta.bounces == 0
            && delta.pageviews == 0
            && delta.duration_ms == 0
            && delta.engaged_ms == 0;
        if before.exit_path() != after.exit_path() {
            delta.exits = 1;
            delta.left = self.interner.text(before.exit_path()).into();
            let person = self.person(after);
            delta.left_visitors = person.lose(Dimension::Exit, xxh3_64(delta.left.as_bytes()));
            delta.exit_visitors = person.gain(Dimension::Exit, xxh3_64(delta.exit.as_bytes()));
            self.write(&delta);
        } else if !unchanged {
            self.write(&delta);
        }
    }

    /// Who the visit counts for.
    fn person(&mut self, visit: &Visit) -> &mut Person {
        let key = Key::new(self.site_hash, self.verdict == Verdict::Invalid, visit.visitor);
        self.people.person(key, visit.start.time, self.clock_ms)
    }

    fn take_back(&mut self, before: &Visit) {
        let mut delta = self.measured(before).negated();
        self.count_visitors(before, &mut delta, Person::lose);
        self.write(&delta);
    }

    fn add(&mut self, after: &Visit) {
        let mut delta = self.measured(after);
        self.count_visitors(after, &mut delta, Person::gain);
        self.write(&delta);
    }

    fn count_visitors(
        &mut self,
        visit: &Visit,
        delta: &mut SessionDelta<'_>,
        count: fn(&mut Person, Dimension, u64) -> i32,
    ) {
        let person = self.person(visit);
        let mut of = |dimension, text: &str| count(person, dimension, xxh3_64(text.as_bytes()));
        delta.visitors = of(Dimension::Any, "");
        delta.source_visitors = of(Dimension::Source, &delta.source);
        delta.channel_visitors = of(Dimension::Channel, &delta.channel);
        delta.campaign_visitors = of(Dimension::Campaign, &delta.utm_campaign);
        delta.entry_visitors = of(Dimension::Entry, &delta.entry);
        delta.exit_visitors = of(Dimension::Exit, &delta.exit);
    }

    /// The dimensions and all measures of a visit but the visitors'.
    fn measured(&self, visit: &Visit) -> SessionDelta<'a> {
        let text = |symbol| self.interner.text(symbol);
        let origin = visit.entry.map_or("", |entry| text(entry.origin));
        let [host, source, channel, referrer_host, medium, campaign, content, term] =
            unpack(origin);
        let [browser, os, device, screen, language, country, region, city] =
            unpack(text(visit.context));
        SessionDelta {
            v: record::VERSION,
            site: self.site.into(),
            session: Hex64(visit.id),
            visitor: Hex64(visit.visitor),
            start: visit.start.time,
            verdict: self.verdict,
            host: host.into(),
            entry: visit.entry.map_or("", |entry| text(entry.view.path)).into(),
            exit: text(visit.exit_path()).into(),
            source: source.into(),
            channel: channel.into(),
            referrer_host: referrer_host.into(),
            utm_medium: medium.into(),
            utm_campaign: campaign.into(),
            utm_content: content.into(),
            utm_term: term.into(),
            browser: browser.into(),
            os: os.into(),
            device: device_of(device),
            screen: screen.into(),
            language: language.into(),
            country: country.into(),
            region: region.into(),
            city: city.into(),
            visitors: 0,
            source_visitors: 0,
            channel_visitors: 0,
            campaign_visitors: 0,
            entry_visitors: 0,
            exit_visitors: 0,
            left: "".into(),
            left_visitors: 0,
            ..measures(visit)
        }
    }

    fn write(&mut self, delta: &SessionDelta<'_>) {
        let key = delta.session.0.to_be_bytes();
        self.out.push_with(Topic::Sessions, self.shard, &key, |bytes| {
            delta.append(bytes);
        });
    }
}

/// The measures of a visit, without dimensions.
fn measures(visit: &Visit) -> SessionDelta<'static> {
    let bounced = visit.pageviews == 1 && visit.others == 0;
    SessionDelta {
        visits: 1,
        exits: 1,
        bounces: i32::from(bounced),
        pageviews: i32::try_from(visit.pageviews).unwrap_or(i32::MAX),
        duration_ms: visit.end - visit.start.time,
        engaged_ms: visit.engaged_ms,
        ..SessionDelta::new("", Hex64(visit.id), Hex64(visit.visitor), visit.start.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_texts_come_back() {
        let long = "ö".repeat(9_000);
        for texts in [["", "a", "b\0c"], ["\u{1f}", "", ""], [&long[..600], "x", "y"]] {
            let mut packed = String::new();
            pack(&mut packed, &texts);
            assert_eq!(unpack::<3>(&packed), texts);
        }
        let mut packed = String::new();
        pack(&mut packed, &[&long, "x"]);
        let [cut, x] = unpack::<2>(&packed);
        assert!(long.starts_with(cut) && cut.len() > 16_000 && x == "x");
        assert_eq!(unpack::<2>(""), ["", ""]);
    }
}
