//! From lines to blocks of accepted events, cut after a fixed number of lines: the same files are
//! always cut the same way.

use std::collections::HashSet;
use std::path::Path;

use footfall_event::catalog::Site;
use footfall_event::record::Via;
use footfall_event::time::{DAY_MS, parse_rfc3339};
use footfall_event::{Id, Rejected};
use footfall_ingest::accept::raw::Moment;
use footfall_ingest::accept::{self, Context, Outcome, Policy, Raw, Rejection};
use footfall_ingest::agents::Agents;
use footfall_ingest::blocklist::Blocklist;
use footfall_ingest::geo::Geo;
use footfall_ingest::ids::FreshIds;
use footfall_ingest::keys::DayKeys;
use footfall_ingest::settings::Limits;
use footfall_ingest::sites::Sites;
use footfall_topics::RecordBatch;

use super::files::{Files, Format, Line};
use super::hit::{Hit, Unparsable, page_url};
use super::ids::{line_id, site_namespace};
use super::summary::{Example, Summary};
use super::{json_line, text_line};

/// Lines of a block.
pub(crate) const BLOCK_LINES: u64 = 25_000;

/// Accepted events, in the order of their lines.
#[derive(Default)]
pub(crate) struct Block {
    /// Their records.
    pub(crate) records: RecordBatch,
    /// Their ids and times.
    pub(crate) ids: Vec<(Id, i64)>,
}

/// What the accept steps need, for one site.
pub(crate) struct Acceptor<'a> {
    /// The site.
    pub(crate) site: &'a Site,
    /// The site's name, as a list of the sites that are allowed.
    pub(crate) allowed: &'a [String],
    /// The catalogue.
    pub(crate) sites: &'a Sites,
    /// How large anything may be.
    pub(crate) limits: &'a Limits,
    /// Empty: who is blocked now says nothing about then.
    pub(crate) blocklist: &'a Blocklist,
    /// The import's own daily keys.
    pub(crate) keys: &'a DayKeys,
    /// Countries, cities, networks.
    pub(crate) geo: &'a Geo,
    /// Browsers, systems, bots.
    pub(crate) agents: &'a Agents,
    /// Never used: every event has an id or gets one from its line.
    pub(crate) fresh: &'a FreshIds,
    /// When the import began, milliseconds since 1970.
    pub(crate) now_ms: i64,
}

/// A kind of import.
pub(crate) trait Kind: Format + Sized {
    /// Takes one line that could be read.
    fn take(line: &Line<Self::Parsed>, ordinal: &mut dyn FnMut() -> u32, to: &mut Taking<'_>);
}

/// Where a line's event goes: into the block, or into the counts.
pub(crate) struct Taking<'a> {
    acceptor: &'a Acceptor<'a>,
    namespace: Id,
    block: &'a mut Block,
    summary: &'a mut Summary,
    /// The line's file and number, for examples.
    file: &'a Path,
    number: u64,
}

/// Reads lines until a block is full or the files end.
///
/// # Errors
/// When a file can't be read.
pub(crate) fn next_block<F: Kind>(
    files: &mut Files<F>,
    acceptor: &Acceptor<'_>,
    summary: &mut Summary,
) -> anyhow::Result<Option<Block>> {
    let mut block = Block::default();
    let namespace = site_namespace(&acceptor.site.domain);
    let paths = files.paths();
    let mut lines = 0;
    while lines < BLOCK_LINES {
        let Some(line) = files.next()? else { break };
        lines += 1;
        summary.lines += 1;
        let file = paths[line.file].as_path();
        match &line.parsed {
            Err(reason) => summary.unparsable(reason.as_str(), || Example {
                file: file.display().to_string(),
                line: line.number,
                reason: reason.as_str(),
                detail: reason.expected().to_owned(),
            }),
            Ok(_) => {
                let number = line.number;
                let mut to =
                    Taking { acceptor, namespace, block: &mut block, summary, file, number };
                F::take(&line, &mut || files.ordinal(&line), &mut to);
            }
        }
    }
    Ok((lines > 0).then_some(block))
}

impl Taking<'_> {
    fn refuse(&mut self, rejection: Rejection) {
        let reason = rejection.reason.as_str();
        let (file, line) = (self.file, self.number);
        self.summary.unparsable(reason, || Example {
            file: file.display().to_string(),
            line,
            reason,
            detail: rejection.detail,
        });
    }

    /// Takes an event through the accept steps.
    fn accept(&mut self, raw: &mut Raw<'_>, time: i64, policy: Policy) {
        let acceptor = self.acceptor;
        if let Some(days) = acceptor.site.retention_days
            && time < acceptor.now_ms - i64::from(days) * DAY_MS
        {
            self.summary.expired += 1;
            return;
        }
        if time > acceptor.now_ms + acceptor.limits.ahead_ms_max {
            let detail = "the time is ahead of this machine's clock".to_owned();
            return self.refuse(Rejection::new(Rejected::InFuture, detail));
        }
        let context = Context {
            // Received when it happened: the core's own clock is the events' then, and it forgets
            // what is long past. The rows get the true time of the import.
            now_ms: time,
            via: Via::Import,
            policy,
            limits: acceptor.limits,
            sites: acceptor.sites,
            used_up: &HashSet::new(),
            allowed_sites: acceptor.allowed,
            blocklist: acceptor.blocklist,
            keys: acceptor.keys,
            partitions: 1,
            geo: acceptor.geo,
            agents: acceptor.agents,
            fresh: acceptor.fresh,
            address: None,
            user_agent: "",
            accept_language: "",
            origin: None,
            opted_out: false,
        };
        let block = &mut *self.block;
        let outcome = accept::run(raw, &context, |event, route| {
            block.ids.push((event.id, event.time));
            block.records.push_with(route.topic, 0, b"", |bytes| event.append_json(bytes));
        });
        match outcome {
            Outcome::Accepted(_) => {}
            Outcome::Dropped(reason) => {
                *self.summary.dropped.entry(reason.as_str()).or_default() += 1
            }
            Outcome::Rejected(rejection) => self.refuse(rejection),
        }
    }
}

/// `footfall import access-log`.
pub(crate) struct AccessLog;

impl Format for AccessLog {
    type Parsed = Hit;

    fn parse(&self, line: &[u8]) -> Result<Hit, Unparsable> {
        if line.first() == Some(&b'{') { json_line::parse(line) } else { text_line::parse(line) }
    }

    fn time(hit: &Hit) -> i64 {
        hit.time
    }
}

impl Kind for AccessLog {
    fn take(line: &Line<Hit>, ordinal: &mut dyn FnMut() -> u32, to: &mut Taking<'_>) {
        let Ok(hit) = &line.parsed else { return };
        let url = match page_url(hit, to.acceptor.site) {
            Ok(url) => url,
            Err(reason) => {
                *to.summary.not_pages.entry(reason.as_str()).or_default() += 1;
                return;
            }
        };
        let mut raw = Raw {
            activity: "pageview".into(),
            id: line_id(&to.namespace, &line.bytes, ordinal()).to_string().into(),
            site: to.acceptor.site.domain.as_str().into(),
            time: Some(Moment::Millis(hit.time)),
            url: url.into(),
            referrer: hit.referrer.as_str().into(),
            ip: hit.client.map(|client| client.to_string()).unwrap_or_default().into(),
            user_agent: hit.user_agent.as_str().into(),
            ..Raw::default()
        };
        to.accept(&mut raw, hit.time, Policy::IMPORT_LOG);
    }
}

/// `footfall import events`.
pub(crate) struct Events;

impl Format for Events {
    /// The time, if it can be read. What else is wrong is found out by the accept steps.
    type Parsed = Option<i64>;

    fn parse(&self, line: &[u8]) -> Result<Option<i64>, Unparsable> {
        let text = std::str::from_utf8(line).ok();
        Ok(text.and_then(|text| accept::decode(text).ok()).and_then(|raw| time_of(&raw)))
    }

    fn time(time: &Option<i64>) -> i64 {
        time.unwrap_or(i64::MIN)
    }
}

impl Kind for Events {
    fn take(line: &Line<Option<i64>>, ordinal: &mut dyn FnMut() -> u32, to: &mut Taking<'_>) {
        if let Err(rejection) = take_event(line, ordinal, to) {
            to.refuse(rejection);
        }
    }
}

fn take_event(
    line: &Line<Option<i64>>,
    ordinal: &mut dyn FnMut() -> u32,
    to: &mut Taking<'_>,
) -> Result<(), Rejection> {
    let limit = to.acceptor.limits.event_bytes_max;
    if line.bytes.len() > limit {
        return Err(Rejection::new(Rejected::TooLarge, format!("an event may have {limit} bytes")));
    }
    let text = std::str::from_utf8(&line.bytes)
        .map_err(|_| Rejection::new(Rejected::Malformed, "the line is not UTF-8"))?;
    let mut raw = accept::decode(text)?;
    let site = to.acceptor.site.domain.as_str();
    if !raw.site.is_empty() && raw.site != site {
        let detail = format!("the event is of another site: this import is for {site}");
        return Err(Rejection::new(Rejected::ForbiddenSite, detail));
    }
    let Some(time) = time_of(&raw) else {
        return Err(match &raw.time {
            None => Rejection::new(Rejected::MissingField, "time is missing: history needs it"),
            Some(_) => {
                let detail = "expected RFC 3339 with a zone, or milliseconds since 1970";
                Rejection::new(Rejected::InvalidTime, detail)
            }
        });
    };
    // The sender's clock when it sent: long ago, and no sign that it was wrong.
    raw.sent_at = None;
    if raw.id.is_empty() {
        raw.id = line_id(&to.namespace, &line.bytes, ordinal()).to_string().into();
    }
    to.accept(&mut raw, time, Policy::IMPORT_EVENTS);
    Ok(())
}

fn time_of(raw: &Raw<'_>) -> Option<i64> {
    match raw.time.as_ref()? {
        Moment::Millis(millis) => Some(*millis),
        Moment::Text(text) => parse_rfc3339(text),
    }
}
