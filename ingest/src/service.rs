//! What the endpoints share: the log, the catalogue, the keys, the look-ups and the limits.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use footfall_event::blocklist::Entries;
use footfall_event::catalog::Catalog;
use footfall_topics::catalog::CatalogView;
use footfall_topics::follow::Followed;
use footfall_topics::outbox::Outbox;
use footfall_topics::{Log, LogError, Topic};
use ipnet::IpNet;
use tokio::sync::Semaphore;

use crate::agents::Agents;
use crate::blocklist::Blocklist;
use crate::budgets::UsedUp;
use crate::geo::Geo;
use crate::rate::Rate;
use crate::salts::Salts;
use crate::settings::Settings;
use crate::sites::{Sites, parse_networks};

/// Everything that accepting needs; shared by all requests.
pub struct Ingest {
    pub(crate) log: Arc<dyn Log>,
    /// Takes the clicks, which wait for nothing.
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) catalog: CatalogView,
    /// The catalogue that `sites` was made of, and the sites.
    compiled: ArcSwap<(Arc<Catalog>, Option<Arc<Sites>>)>,
    blocked: Followed<Entries>,
    /// The entries that the blocklist was made of, and the blocklist.
    blocklist: ArcSwap<(Arc<Entries>, Arc<Blocklist>)>,
    pub(crate) used_up: Followed<UsedUp>,
    pub(crate) salts: Salts,
    pub(crate) geo: Geo,
    pub(crate) agents: Agents,
    pub(crate) rate: Rate,
    pub(crate) settings: Settings,
    trusted_proxies: Vec<IpNet>,
    pub(crate) partitions: u32,
    /// Kibibytes of API bodies that may be held.
    pub(crate) bodies: Semaphore,
}

/// Why ingest can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting that can't be right.
    #[error("ingest.trusted_proxies: {0:?} is not a network: expected such as 10.0.0.0/8")]
    Proxy(String),
    /// The log can't be read or written.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Ingest {
    /// Puts the parts together. The catalogue must have its partition key
    /// (`CatalogView::ensure_partition_key`); until then nothing is accepted.
    ///
    /// # Errors
    /// When a trusted proxy is not a network, or the log can't be read.
    pub fn new(
        log: Arc<dyn Log>,
        outbox: Arc<Outbox>,
        catalog: CatalogView,
        blocked: Followed<Entries>,
        geo: Geo,
        salts: Salts,
        settings: Settings,
    ) -> Result<Arc<Ingest>, StartError> {
        let mut bad = None;
        let trusted_proxies =
            parse_networks(&settings.trusted_proxies, |text| bad = Some(text.to_owned()));
        if let Some(bad) = bad {
            return Err(StartError::Proxy(bad));
        }
        let now = catalog.load();
        let ingest = Arc::new(Ingest {
            partitions: log.partitions(Topic::Pageviews),
            compiled: ArcSwap::from_pointee((now.clone(), Sites::of(now, None).map(Arc::new))),
            used_up: Followed::follow_behind(&log, Topic::AdPerformance)?,
            rate: Rate::new(&settings.rate),
            bodies: Semaphore::new(settings.limits.bodies_bytes_max >> 10),
            agents: Agents::default(),
            blocklist: ArcSwap::default(),
            log,
            outbox,
            catalog,
            blocked,
            salts,
            geo,
            settings,
            trusted_proxies,
        });
        // The patterns take a moment: not at the expense of the first visitor.
        let warm = ingest.clone();
        let warming = std::thread::Builder::new().name("warm-agents".to_owned());
        if let Err(error) = warming.spawn(move || warm.agents.warm()) {
            tracing::warn!(%error, "the user agents' patterns are compiled at the first event");
        }
        Ok(ingest)
    }

    /// The sites as they are configured now; `None` while the catalogue has no partition key.
    pub fn sites(&self) -> Option<Arc<Sites>> {
        let now = self.catalog.load();
        let compiled = self.compiled.load();
        if Arc::ptr_eq(&now, &compiled.0) {
            return compiled.1.clone();
        }
        let sites = Sites::of(now.clone(), compiled.1.as_deref()).map(Arc::new);
        self.compiled.store(Arc::new((now, sites.clone())));
        sites
    }

    /// Who is blocked as of now.
    pub fn blocklist(&self) -> Arc<Blocklist> {
        let now = self.blocked.load();
        let compiled = self.blocklist.load();
        if Arc::ptr_eq(&now, &compiled.0) {
            return compiled.1.clone();
        }
        let blocklist = Arc::new(Blocklist::of(&now));
        self.blocklist.store(Arc::new((now, blocklist.clone())));
        blocklist
    }

    /// Brings the clicks that wait to the log. To be called before the log is closed; clicks are
    /// refused after it.
    pub fn close(&self, timeout: Duration) {
        self.outbox.close(timeout);
    }

    /// Whether events can be taken now.
    ///
    /// # Errors
    /// Why not.
    pub fn ready(&self) -> Result<(), String> {
        self.log.writable().map_err(|error| error.to_string())?;
        if self.sites().is_none() {
            return Err("the catalogue has no partition key yet".to_owned());
        }
        if !self.salts.load().has(self.salts.now_ms()) {
            return Err("today's key for visitor ids is not known yet".to_owned());
        }
        Ok(())
    }

    /// The client's address: the peer's, or behind trusted proxies the one that the last of them
    /// saw. The header is walked from the right, and only as far as it comes from a proxy that is
    /// trusted; what stands further left may be invented.
    pub fn client_address<'h>(
        &self,
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'h str>,
    ) -> IpAddr {
        let trusted = |address: IpAddr| self.trusted_proxies.iter().any(|n| n.contains(&address));
        let mut address = peer.to_canonical();
        for entry in forwarded_for.flat_map(|line| line.split(',')).rev() {
            if !trusted(address) {
                break;
            }
            match parse_forwarded(entry) {
                Some(next) => address = next,
                None => break,
            }
        }
        address
    }
}

/// An entry of `X-Forwarded-For`: an address, perhaps with a port.
fn parse_forwarded(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let address = entry
        .parse::<IpAddr>()
        .ok()
        .or_else(|| entry.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok())?;
    Some(address.to_canonical())
}
