//! What the topic `ad-performance` says about each ad in each placement, kept so that a change of
//! what people like can be seen.
//!
//! A record holds sums since the beginning and sums that fade. From one record to the next the
//! difference is what has just happened. These differences are kept as a few *segments* in the order
//! of time, each fading like the record's own sums; [`super::belief::since_change`] then tells how
//! many of the last segments still speak of the present. Whoever starts anew has one segment, the
//! record's own fading sums.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use footfall_event::ads::performance::{AdState, HALF_LIFE_MS, Paused, Performance as Record};
use footfall_topics::follow::Fold;

/// Segments of one ad in one placement.
const SEGMENTS_MAX: usize = 8;
/// A segment with so many clicks is full: enough to compare it with another.
const SEGMENT_CLICKS: f64 = 24.0;
/// Or with so many impressions.
const SEGMENT_IMPRESSIONS: f64 = 2_000.0;
/// Or this long after its beginning, milliseconds.
const SEGMENT_MS: i64 = HALF_LIFE_MS / 4;
/// Positions of one ad that are told apart; the others count as unknown.
const POSITIONS_MAX: usize = 64;

/// Impressions and clicks at one position.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// From 1; 0 when not known.
    pub position: u16,
    /// Net impressions.
    pub impressions: f64,
    /// Net clicks.
    pub clicks: f64,
}

/// What happened in a stretch of time.
#[derive(Clone, Debug, PartialEq)]
struct Segment {
    began_at: i64,
    /// When the faded counts hold.
    at: i64,
    cells: Vec<Cell>,
}

/// One ad in one placement.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The ad's id.
    pub ad: Box<str>,
    /// Its campaign's id; empty when not known.
    pub campaign: Box<str>,
    /// Net impressions and clicks since the beginning, by position, as last heard.
    totals: Vec<(u16, i64, i64)>,
    segments: Vec<Segment>,
}

/// Everything that is known about the ads in one placement, by the records' keys.
pub type PlacementEvidence = BTreeMap<Box<str>, Arc<Evidence>>;

/// What the topic's records add up to.
#[derive(Clone, Debug, Default)]
pub struct Performance {
    placements: HashMap<Arc<str>, Arc<PlacementEvidence>>,
    halted: Arc<HashMap<Box<str>, Paused>>,
}

impl Performance {
    /// The ads that were shown in a placement.
    pub fn placement(&self, placement: &str) -> Option<&Arc<PlacementEvidence>> {
        self.placements.get(placement)
    }

    /// Why a campaign's ads should not be shown now.
    pub fn halted(&self, campaign: &str) -> Option<Paused> {
        self.halted.get(campaign).copied()
    }

    fn remove(&mut self, key: &str) {
        if let Some(campaign) = key.strip_prefix("campaign/") {
            if self.halted.contains_key(campaign) {
                Arc::make_mut(&mut self.halted).remove(campaign);
            }
        } else if let Some(placement) = key.split('/').nth(3)
            && let Some(ads) = self.placements.get_mut(placement)
        {
            Arc::make_mut(ads).remove(key);
        }
    }
}

impl Fold for Performance {
    fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        let key = std::str::from_utf8(key).map_err(|error| error.to_string())?;
        if value.is_empty() {
            self.remove(key);
            return Ok(());
        }
        match serde_json::from_slice(value).map_err(|error| error.to_string())? {
            Record::Ad(state) => {
                // Without a placement there is nothing to choose for.
                if state.placement.is_empty() {
                    return Ok(());
                }
                let ads = self.placements.entry(Arc::from(&*state.placement)).or_default();
                let ads = Arc::make_mut(ads);
                match ads.get_mut(key) {
                    Some(known) => Arc::make_mut(known).update(&state),
                    None => drop(ads.insert(key.into(), Arc::new(Evidence::new(&state)))),
                }
            }
            Record::Campaign(state) => match state.paused {
                Some(paused) if self.halted(&state.campaign) != Some(paused) => {
                    Arc::make_mut(&mut self.halted).insert((*state.campaign).into(), paused);
                }
                Some(_) => {}
                None => self.remove(key),
            },
        }
        Ok(())
    }
}

impl Evidence {
    /// What one record alone says.
    fn new(state: &AdState<'_>) -> Evidence {
        let recent = state.positions.iter().map(|it| Cell {
            position: it.position,
            impressions: it.recent_impressions,
            clicks: it.recent_clicks,
        });
        let mut segment = Segment { began_at: state.as_of, at: state.as_of, cells: Vec::new() };
        for cell in recent {
            segment.add(cell);
        }
        Evidence {
            ad: (*state.ad).into(),
            campaign: (*state.campaign).into(),
            totals: totals(state),
            segments: vec![segment],
        }
    }

    /// Adds what has happened since the record before.
    fn update(&mut self, state: &AdState<'_>) {
        let totals = totals(state);
        let mut changes = Vec::new();
        let mut corrections = Vec::new();
        for (position, impressions, clicks) in &totals {
            let before = self.totals.iter().find(|(known, ..)| known == position);
            let (_, were_shown, were_clicked) = before.copied().unwrap_or_default();
            let (shown, clicked) = (impressions - were_shown, clicks - were_clicked);
            let cell = |shown: i64, clicked: i64| Cell {
                position: *position,
                impressions: shown as f64,
                clicks: clicked as f64,
            };
            if shown > 0 || clicked > 0 {
                changes.push(cell(shown.max(0), clicked.max(0)));
            }
            if shown < 0 || clicked < 0 {
                corrections.push(cell(-shown.min(0), -clicked.min(0)));
            }
        }
        self.totals = totals;
        for cell in corrections {
            self.take_back(cell);
        }
        if changes.is_empty() {
            return;
        }
        if self.segments.last().is_none_or(|last| last.is_full(state.as_of)) {
            let (began_at, at) = (state.as_of, state.as_of);
            self.segments.push(Segment { began_at, at, cells: Vec::new() });
        }
        if let Some(last) = self.segments.last_mut() {
            last.fade_to(state.as_of);
            changes.into_iter().for_each(|cell| last.add(cell));
        }
        self.bound();
    }

    /// Takes back what a verdict with hindsight does, from the newest segments that have it.
    fn take_back(&mut self, mut less: Cell) {
        for segment in self.segments.iter_mut().rev() {
            for cell in segment.cells.iter_mut().filter(|cell| cell.position == less.position) {
                let impressions = cell.impressions.min(less.impressions);
                let clicks = cell.clicks.min(less.clicks);
                cell.impressions -= impressions;
                cell.clicks -= clicks;
                less.impressions -= impressions;
                less.clicks -= clicks;
            }
        }
    }

    /// Joins the two neighbours that hold least, the last segment left alone.
    fn bound(&mut self) {
        while self.segments.len() > SEGMENTS_MAX {
            let weight = |at: usize| self.segments[at].weight() + self.segments[at + 1].weight();
            let least = (0..self.segments.len() - 2)
                .min_by(|a, b| weight(*a).total_cmp(&weight(*b)))
                .expect("there are more than two");
            let mut first = self.segments.remove(least);
            let second = &mut self.segments[least];
            first.fade_to(second.at);
            second.fade_to(first.at);
            second.began_at = first.began_at;
            first.cells.into_iter().for_each(|cell| second.add(cell));
        }
    }

    /// The segments from the oldest to the newest, as they count at a time.
    pub fn segments(&self, now_ms: i64) -> Vec<Vec<Cell>> {
        let faded = |segment: &Segment| {
            let factor = fading(now_ms - segment.at);
            let cells = segment.cells.iter().map(|cell| Cell {
                position: cell.position,
                impressions: cell.impressions * factor,
                clicks: cell.clicks * factor,
            });
            cells.collect()
        };
        self.segments.iter().map(faded).collect()
    }
}

impl Segment {
    fn add(&mut self, more: Cell) {
        let known = self.cells.iter().position(|cell| cell.position == more.position);
        let place = match known {
            Some(place) => place,
            None if self.cells.len() < POSITIONS_MAX => {
                self.cells.push(Cell { position: more.position, ..Cell::default() });
                self.cells.len() - 1
            }
            None => {
                self.cells[0].position = 0;
                0
            }
        };
        self.cells[place].impressions += more.impressions;
        self.cells[place].clicks += more.clicks;
    }

    fn fade_to(&mut self, at: i64) {
        if at > self.at {
            let factor = fading(at - self.at);
            for cell in &mut self.cells {
                cell.impressions *= factor;
                cell.clicks *= factor;
            }
            self.at = at;
        }
    }

    fn is_full(&self, at: i64) -> bool {
        let sum = |of: fn(&Cell) -> f64| self.cells.iter().map(of).sum::<f64>();
        sum(|cell| cell.clicks) >= SEGMENT_CLICKS
            || sum(|cell| cell.impressions) >= SEGMENT_IMPRESSIONS
            || at - self.began_at >= SEGMENT_MS
    }

    fn weight(&self) -> f64 {
        self.cells.iter().map(|cell| cell.impressions).sum()
    }
}

/// What is left of a count after a time: half of it after [`HALF_LIFE_MS`].
pub(super) fn fading(age_ms: i64) -> f64 {
    0.5f64.powf(age_ms.max(0) as f64 / HALF_LIFE_MS as f64)
}

fn totals(state: &AdState<'_>) -> Vec<(u16, i64, i64)> {
    let positions = state.positions.iter();
    positions.map(|it| (it.position, it.net_impressions, it.net_clicks)).collect()
}

#[cfg(test)]
mod tests;
