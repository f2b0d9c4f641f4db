//! Which topic fills which table.

use footfall_event::Topic;
use footfall_event::catalog::Catalog;
use footfall_warehouse::{
    Error, EventBlock, RecordError, SessionBlock, VerdictBlock, Warehouse, WindowBlock,
};

/// Rows on their way to one table.
pub(crate) enum Rows {
    Events(Box<EventBlock>),
    Sessions(Box<SessionBlock>),
    AdWindows(Box<WindowBlock>),
    SearchWindows(Box<WindowBlock>),
    Verdicts(Box<VerdictBlock>),
}

/// The topics that are loaded.
pub(crate) const TOPICS: [Topic; 5] =
    [Topic::JudgedEvents, Topic::Sessions, Topic::AdWindows, Topic::SearchWindows, Topic::Verdicts];

impl Rows {
    /// No rows yet, for the table of a topic out of [`TOPICS`].
    pub(crate) fn of(topic: Topic) -> Rows {
        match topic {
            Topic::JudgedEvents => Rows::Events(Box::default()),
            Topic::Sessions => Rows::Sessions(Box::default()),
            Topic::AdWindows => Rows::AdWindows(Box::new(WindowBlock::by_ad())),
            Topic::SearchWindows => Rows::SearchWindows(Box::new(WindowBlock::by_search())),
            Topic::Verdicts => Rows::Verdicts(Box::default()),
            other => unreachable!("{} is not loaded", other.name()),
        }
    }

    /// The table's name.
    pub(crate) const fn table(&self) -> &'static str {
        match self {
            Rows::Events(_) => "events",
            Rows::Sessions(_) => "sessions",
            Rows::AdWindows(_) => "ad_windows",
            Rows::SearchWindows(_) => "search_windows",
            Rows::Verdicts(_) => "verdicts",
        }
    }

    /// Adds the row of a record, to be kept so many days (0: for ever).
    pub(crate) fn push(&mut self, record: &[u8], keep_days: u16) -> Result<(), RecordError> {
        match self {
            Rows::Events(block) => {
                block.set_retention_days(keep_days);
                block.push(record)
            }
            Rows::Sessions(block) => {
                block.set_retention_days(keep_days);
                block.push(record)
            }
            Rows::AdWindows(block) | Rows::SearchWindows(block) => {
                block.set_retention_days(keep_days);
                block.push(record)
            }
            Rows::Verdicts(block) => {
                block.set_retention_days(keep_days);
                block.push(record)
            }
        }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Rows::Events(block) => block.len(),
            Rows::Sessions(block) => block.len(),
            Rows::AdWindows(block) | Rows::SearchWindows(block) => block.len(),
            Rows::Verdicts(block) => block.len(),
        }
    }

    /// Forgets the rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        match self {
            Rows::Events(block) => block.clear(),
            Rows::Sessions(block) => block.clear(),
            Rows::AdWindows(block) | Rows::SearchWindows(block) => block.clear(),
            Rows::Verdicts(block) => block.clear(),
        }
    }

    /// Inserts the rows; see `EventBlock::insert`.
    pub(crate) async fn insert(&mut self, warehouse: &Warehouse, token: &str) -> Result<(), Error> {
        match self {
            Rows::Events(block) => block.insert(warehouse, token).await,
            Rows::Sessions(block) => block.insert(warehouse, token).await,
            Rows::AdWindows(block) | Rows::SearchWindows(block) => {
                block.insert(warehouse, token).await
            }
            Rows::Verdicts(block) => block.insert(warehouse, token).await,
        }
    }
}

/// How long the rows of each site are kept, as the catalogue says now. A block that is repeated later
/// may get another answer; the warehouse keeps what came first.
pub(crate) struct Keeping<'a> {
    catalog: &'a Catalog,
    /// No site has a limit: nothing to look up.
    for_ever: bool,
}

impl<'a> Keeping<'a> {
    pub(crate) fn new(catalog: &'a Catalog) -> Keeping<'a> {
        let for_ever = catalog.sites.values().all(|site| site.retention_days.is_none());
        Keeping { catalog, for_ever }
    }

    /// Days that the row of a record is kept; 0: for ever.
    pub(crate) fn days(&self, record: &[u8]) -> u16 {
        if self.for_ever {
            return 0;
        }
        let days = site_of(record)
            .and_then(|site| self.catalog.sites.get(site))
            .and_then(|site| site.retention_days);
        days.map_or(0, |days| u16::try_from(days).unwrap_or(u16::MAX))
    }
}

/// The site of a record, which stands among its first members.
fn site_of(record: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"\"site\":\"";
    let head = &record[..record.len().min(512)];
    let rest = &head[memchr::memmem::find(head, NAME)? + NAME.len()..];
    std::str::from_utf8(&rest[..memchr::memchr(b'"', rest)?]).ok()
}

#[cfg(test)]
mod tests {
    use footfall_event::catalog::{Entry, Site};
    use footfall_event::{Activity, Event, Hex64, Id, SessionDelta};

    use super::*;

    #[test]
    fn rows_are_kept_as_long_as_their_site_says() {
        let mut catalog = Catalog::default();
        for (domain, retention_days) in [("a.test", Some(30)), ("b.test", None)] {
            let entry =
                Entry::Site(Site { domain: domain.into(), retention_days, ..Site::default() });
            let json = serde_json::to_vec(&entry).unwrap();
            catalog.apply(entry.key().as_bytes(), &json).unwrap();
        }
        let keeping = Keeping::new(&catalog);
        for (site, days) in [("a.test", 30), ("b.test", 0), ("gone.test", 0)] {
            let event = Event::new(Activity::Pageview, Id::nil(), site, 1).to_json();
            assert_eq!(keeping.days(&event), days, "{site}");
            let delta = SessionDelta::new(site, Hex64(1), Hex64(2), 3);
            assert_eq!(keeping.days(&serde_json::to_vec(&delta).unwrap()), days, "{site}");
        }
        assert_eq!(keeping.days(b"{\"site\":\"a.te"), 0);
        assert_eq!(Keeping::new(&Catalog::default()).days(b""), 0);
    }
}
