//! Events as persons make them, and sums over what the core writes about them.

use std::collections::BTreeMap;

use footfall_aggregator::Settings;
use footfall_aggregator::core::{Core, CoreLimits};
use footfall_aggregator::shard::{BatchStats, Input, Stage};
use footfall_event::record::Device;
use footfall_event::time::{DAY_MS, day_of};
use footfall_event::{Activity, Event, Hex64, Id, SessionDelta, Topic, Verdict};
use footfall_topics::RecordBatch;

pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// A UTC midnight.
pub(crate) const MIDNIGHT: i64 = 20_000 * DAY_MS;

pub(crate) fn limits() -> CoreLimits {
    Settings { ids_max: 1_000_000, visitors_max: 100_000, ..Settings::default() }.core_limits()
}

/// What a person does at a time.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Act {
    pub(crate) id: u128,
    pub(crate) person: u64,
    pub(crate) activity: Activity,
    pub(crate) time: i64,
    pub(crate) received_at: i64,
    pub(crate) path: u8,
    pub(crate) source: u8,
    pub(crate) engaged_ms: u32,
    pub(crate) bot: bool,
}

/// The visitor id of a person on a day.
pub(crate) fn visitor(person: u64, day: i64) -> Hex64 {
    Hex64(person * 1_000_000 + day as u64)
}

pub(crate) fn path(number: u8) -> String {
    format!("/p{number}")
}

pub(crate) fn source(number: u8) -> String {
    if number == 0 { String::new() } else { format!("S{number}") }
}

impl Act {
    /// Received at once, by a browser, and nothing else to be said of it.
    pub(crate) fn new(id: u128, person: u64, activity: Activity, time: i64) -> Act {
        let (path, source, engaged_ms, bot) = (0, 0, 0, false);
        Act { id, person, activity, time, received_at: time, path, source, engaged_ms, bot }
    }

    pub(crate) fn event(&self) -> Event<'static> {
        let id = Id::from_u128(self.id);
        let mut event = Event::new(self.activity, id, "example.com", self.time);
        let day = day_of(self.time);
        event.received_at = self.received_at;
        event.visitor = Some(visitor(self.person, day));
        event.previous_visitor = Some(visitor(self.person, day - 1));
        event.host = "example.com".into();
        event.path = path(self.path).into();
        event.source = source(self.source).into();
        event.channel = if self.source == 0 { "Direct".into() } else { "Referral".into() };
        event.browser = "Firefox".into();
        event.device = Device::Desktop;
        event.country = "AT".into();
        event.engaged_ms = self.engaged_ms;
        if self.activity == Activity::Action {
            // The same text as the path's: marks of the two must not be mistaken.
            event.name = path(self.path).into();
        }
        if self.bot {
            event.bot = "Examplebot".into();
        }
        event
    }
}

/// A core, and everything it wrote.
pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) outputs: Vec<(Topic, Vec<u8>)>,
    pub(crate) stats: BatchStats,
    offset: u64,
}

impl World {
    pub(crate) fn new(limits: CoreLimits) -> World {
        World {
            core: Core::new(limits),
            outputs: Vec::new(),
            stats: BatchStats::default(),
            offset: 0,
        }
    }

    /// One batch of events.
    pub(crate) fn batch(&mut self, acts: &[Act]) -> BatchStats {
        let records: Vec<_> =
            acts.iter().map(|act| (act.activity.topic(), act.event().to_json())).collect();
        self.records(&records)
    }

    /// One batch of records.
    pub(crate) fn records(&mut self, records: &[(Topic, Vec<u8>)]) -> BatchStats {
        let mut inputs = Vec::new();
        for (topic, value) in records {
            inputs.push(Input { topic: *topic, offset: self.offset, key: b"k", value });
            self.offset += 1;
        }
        let mut out = RecordBatch::new();
        let stats = self.core.process(&inputs, 3, &mut out);
        for (partition, _, value) in out.iter() {
            let topic = partition.topic;
            let re_keyed =
                matches!(topic, Topic::AdClicks | Topic::AdConversions | Topic::AdDeltas);
            assert_eq!(partition.number, if re_keyed { 0 } else { 3 });
            self.outputs.push((partition.topic, value.to_vec()));
        }
        self.stats.repeats += stats.repeats;
        self.stats.late += stats.late;
        self.stats.stored += stats.stored;
        self.stats.dead_letters += stats.dead_letters;
        stats
    }

    pub(crate) fn of(&self, topic: Topic) -> impl Iterator<Item = &[u8]> {
        self.outputs.iter().filter(move |(of, _)| *of == topic).map(|(_, value)| value.as_slice())
    }

    /// The events as judged, clicks as they are passed on, in the order in which they were written.
    pub(crate) fn judged(&self) -> Vec<Event<'_>> {
        let events = self.outputs.iter().filter(|(topic, record)| {
            matches!(topic, Topic::JudgedEvents | Topic::AdClicks) && record.starts_with(b"{\"v\":")
        });
        events.map(|(_, record)| Event::from_json(record).unwrap()).collect()
    }

    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for value in self.of(Topic::Sessions) {
            totals.add(&serde_json::from_slice(value).unwrap());
        }
        for event in self.judged() {
            let judged = event.judged.as_ref().unwrap();
            if event.activity == Activity::Click {
                // Counts nobody, and has verdicts of its own.
                assert_eq!((judged.new_visitor, judged.new_on_path), (0, 0));
                continue;
            }
            let key = (event.visitor.unwrap().0, !judged.verdict.is_net());
            *totals.new_visitors.entry(key).or_default() += i64::from(judged.new_visitor);
            if let Activity::Pageview | Activity::Action = event.activity {
                let key = (key.0, key.1, event.activity, event.path.to_string());
                *totals.new_on_path.entry(key).or_default() += i64::from(judged.new_on_path);
            }
        }
        totals.visits.retain(|_, measures| *measures != [0; 5]);
        totals.exits.retain(|_, count| *count != 0);
        totals.visitors.retain(|_, count| *count != 0);
        totals
    }
}

/// A visit's dimensions but the exit page: invalid, start, visitor, entry, source.
pub(crate) type Dimensions = (bool, i64, u64, String, String);

/// Sums of what was written: what a report would show.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Totals {
    /// Visits, bounces, page views, duration, engaged time.
    pub(crate) visits: BTreeMap<Dimensions, [i64; 5]>,
    /// Visits by exit page.
    pub(crate) exits: BTreeMap<(Dimensions, String), i64>,
    /// Visitors counted: by class, visitor id, dimension and its value.
    pub(crate) visitors: BTreeMap<(bool, u64, &'static str, String), i64>,
    /// By visitor id and class.
    pub(crate) new_visitors: BTreeMap<(u64, bool), i64>,
    /// By visitor id, class, activity and path (an action's name is the same text).
    pub(crate) new_on_path: BTreeMap<(u64, bool, Activity, String), i64>,
}

impl Totals {
    fn add(&mut self, delta: &SessionDelta<'_>) {
        assert_eq!(delta.site, "example.com");
        assert_eq!(
            (&*delta.browser, delta.device, &*delta.country),
            ("Firefox", Device::Desktop, "AT")
        );
        let invalid = delta.verdict == Verdict::Invalid;
        let dimensions = (
            invalid,
            delta.start,
            delta.visitor.0,
            delta.entry.to_string(),
            delta.source.to_string(),
        );
        let exit = (dimensions.clone(), delta.exit.to_string());
        *self.exits.entry(exit).or_default() += i64::from(delta.exits);
        if !delta.left.is_empty() {
            *self.exits.entry((dimensions.clone(), delta.left.to_string())).or_default() -= 1;
        }
        let measures = self.visits.entry(dimensions).or_default();
        for (sum, value) in measures.iter_mut().zip([
            i64::from(delta.visits),
            i64::from(delta.bounces),
            i64::from(delta.pageviews),
            delta.duration_ms,
            delta.engaged_ms,
        ]) {
            *sum += value;
        }
        for (name, value, count) in [
            ("any", "", delta.visitors),
            ("source", &*delta.source, delta.source_visitors),
            ("channel", &delta.channel, delta.channel_visitors),
            ("campaign", &delta.utm_campaign, delta.campaign_visitors),
            ("entry", &delta.entry, delta.entry_visitors),
            ("exit", &delta.exit, delta.exit_visitors),
            ("exit", &delta.left, delta.left_visitors),
        ] {
            let key = (invalid, delta.visitor.0, name, value.to_owned());
            *self.visitors.entry(key).or_default() += i64::from(count);
        }
    }
}

/// The definitions, naively: everything sorted, one person after the other.
pub(crate) fn expected(acts: &[Act]) -> Totals {
    let mut acts: Vec<&Act> = acts.iter().collect();
    acts.sort_by_key(|act| (act.person, act.bot, act.time, !act.activity.opens_visit(), act.id));
    acts.dedup_by_key(|act| act.id);
    let mut totals = Totals::default();
    for of_one in acts.chunk_by(|a, b| (a.person, a.bot) == (b.person, b.bot)) {
        let mut visit: Vec<&Act> = Vec::new();
        for &act in of_one {
            totals.first_time(act);
            let ended = visit.last().is_none_or(|last| act.time - last.time > 30 * MINUTE);
            if ended {
                totals.close(&visit);
                visit.clear();
            }
            let belongs = act.activity.extends_visit() && !visit.is_empty();
            if act.activity.opens_visit() || belongs {
                visit.push(act);
            }
        }
        totals.close(&visit);
    }
    totals
}

impl Totals {
    fn first_time(&mut self, act: &Act) {
        let visitor = visitor(act.person, day_of(act.time)).0;
        if act.activity != Activity::Click {
            self.new_visitors.insert((visitor, act.bot), 1);
        }
        if let Activity::Pageview | Activity::Action = act.activity {
            self.new_on_path.insert((visitor, act.bot, act.activity, path(act.path)), 1);
        }
    }

    fn close(&mut self, visit: &[&Act]) {
        let (Some(first), Some(last)) = (visit.first(), visit.last()) else { return };
        let views: Vec<&&Act> =
            visit.iter().filter(|act| act.activity == Activity::Pageview).collect();
        let others = visit
            .iter()
            .filter(|act| matches!(act.activity, Activity::Search | Activity::Action))
            .count();
        let visitor = visitor(first.person, day_of(first.time)).0;
        let entry = views.first().map_or(String::new(), |view| path(view.path));
        let exit = views.last().map_or(String::new(), |view| path(view.path));
        let from = views.first().map_or(String::new(), |view| source(view.source));
        let channel = match views.first() {
            None => "",
            Some(view) if view.source == 0 => "Direct",
            Some(_) => "Referral",
        };
        for (name, value) in [
            ("any", ""),
            ("source", &*from),
            ("channel", channel),
            ("campaign", ""),
            ("entry", &entry),
            ("exit", &exit),
        ] {
            self.visitors.insert((first.bot, visitor, name, value.to_owned()), 1);
        }
        let measures = [
            1,
            i64::from(views.len() == 1 && others == 0),
            views.len() as i64,
            last.time - first.time,
            visit.iter().map(|act| i64::from(act.engaged_ms)).sum(),
        ];
        let key = (first.bot, first.time, visitor, entry, from);
        *self.exits.entry((key.clone(), exit)).or_default() += 1;
        let sums = self.visits.entry(key).or_default();
        for (sum, value) in sums.iter_mut().zip(measures) {
            *sum += value;
        }
    }
}
