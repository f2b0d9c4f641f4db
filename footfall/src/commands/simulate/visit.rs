//! One visit: what happens next, and after how long. It decides; [`super::world`] writes the events.

use std::collections::VecDeque;

use super::dice::Dice;
use super::market::{Interest, Market, Shown};
use super::pages::{Kind, Pages};
use super::people::Person;

/// What happens at a moment.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// A page is shown, reached from the page before (none: from elsewhere).
    View { page: usize, from: Option<usize> },
    /// Time on the page so far.
    Engagement { page: usize, engaged_ms: u64, scroll_pct: u8 },
    /// The results of a search are shown.
    Search { query: String, results: u32 },
    /// Something that the shop names.
    Action { page: usize, name: &'static str, value_cents: Option<u32> },
    /// An ad is shown.
    Impression { page: usize, shown: Shown },
    /// It was in view for long enough.
    Viewable { page: usize, shown: Shown, viewable_ms: u64, visible_pct: u8 },
    /// A link to an ad is followed; `seen`: by somebody to whom it was shown.
    Click { page: usize, shown: Shown, seen: bool },
    /// What advertisers pay for happened.
    Conversion { page: usize, value_cents: u32 },
}

/// A visit in progress.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    dice: Dice,
    pub(super) person: Person,
    /// Seed of the visit's ids.
    pub(super) seed: u64,
    /// Events so far.
    pub(super) steps: u32,
    /// Number of the event that showed the current page.
    pub(super) view_step: u32,
    /// Index into the origins; decided on arrival.
    pub(super) origin: u64,
    page: usize,
    previous: Option<usize>,
    /// Reading time left on the page, milliseconds.
    rest_ms: f64,
    basket_cents: u32,
    next: Next,
    /// What happens about ads on the page, before `next`, each at so many milliseconds.
    about_ads: VecDeque<(f64, Act)>,
    /// When `next` comes, by the same clock.
    next_ms: f64,
    /// Impressions so far.
    impressions: u32,
    /// The page to which a click on an ad leads.
    clicked: Option<usize>,
    /// What was searched last.
    query: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    View,
    Search,
    Action,
    Engagement,
    End,
}

/// Half of the pages are read for longer.
const DWELL_MEDIAN_MS: f64 = 22_000.0;
const DWELL_SIGMA: f64 = 1.0;
const DWELL_MAX_MS: f64 = 600_000.0;

/// Ads begin to render so long after the page.
const IMPRESSION_MS: f64 = 150.0;
/// Half of the clicks come later after the impression.
const CLICK_MEDIAN_MS: f64 = 6_000.0;
const CLICK_SIGMA: f64 = 0.8;

impl Visit {
    /// The visit of a seed by a person.
    pub(super) fn new(seed: u64, person: Person, pages: &Pages) -> Visit {
        let mut dice = Dice::new(seed);
        let origin = dice.roll();
        let page = pages.popular(&mut dice);
        Visit {
            dice,
            person,
            seed,
            steps: 0,
            view_step: 0,
            origin,
            page,
            previous: None,
            rest_ms: 0.0,
            basket_cents: 0,
            next: Next::View,
            about_ads: VecDeque::new(),
            next_ms: 0.0,
            impressions: 0,
            clicked: None,
            query: String::new(),
        }
    }

    /// What happens now, and how many milliseconds later this is to be called again; `None`: never.
    /// Without a market there are no ads.
    pub(super) fn step(&mut self, pages: &Pages, market: Option<&Market>) -> (Act, Option<f64>) {
        let step = self.steps;
        self.steps += 1;
        if let Some((at, act)) = self.about_ads.pop_front() {
            let after_ms = match self.about_ads.front() {
                Some((next, _)) => Some(next - at),
                None if self.next == Next::End => None,
                None => Some(self.next_ms - at),
            };
            return (act, after_ms);
        }
        let (act, after_ms) = match self.next {
            Next::View => {
                self.view_step = step;
                (Act::View { page: self.page, from: self.previous }, self.viewed(pages))
            }
            Next::Search => {
                let (query, results) = super::pages::search(&mut self.dice);
                self.next = Next::Engagement;
                self.query.clone_from(&query);
                (Act::Search { query, results }, self.rest_ms)
            }
            Next::Action => (self.act(pages), self.rest_ms),
            Next::Engagement => (self.engaged(), self.leave(pages)),
            Next::End => unreachable!("a visit that has ended is not called again"),
        };
        if let Some(market) = market {
            match &act {
                Act::View { page, .. } if self.next != Next::Search => {
                    self.show_ads(*page, pages, market, after_ms);
                }
                Act::Search { .. } => self.show_ads(pages.results, pages, market, after_ms),
                Act::Action { page, name: "order", value_cents: Some(value_cents) } => {
                    let conversion = Act::Conversion { page: *page, value_cents: *value_cents };
                    self.about_ads.push_back((20.0, conversion));
                    self.next_ms = after_ms.max(20.0);
                }
                _ => {}
            }
            if let Some((at, _)) = self.about_ads.front() {
                return (act, Some(*at));
            }
        }
        (act, (self.next != Next::End).then_some(after_ms))
    }

    /// Decides what happens about the ads of the page, in the time that is spent on it.
    fn show_ads(&mut self, page: usize, pages: &Pages, market: &Market, stay_ms: f64) {
        self.next_ms = stay_ms;
        let ads = market.show(page, pages, &self.query, &mut self.dice, &mut self.impressions);
        if self.person.is_bot {
            // It runs no scripts, so it has no impressions; it finds links.
            if let Some(shown) = ads.into_iter().next()
                && Market::bot_clicks(&mut self.dice)
            {
                self.about_ads.push_back((stay_ms * 0.5, Act::Click { page, shown, seen: false }));
            }
            return;
        }
        let mut acts: Vec<(f64, Act)> = Vec::new();
        let mut click: Option<(f64, Shown)> = None;
        for shown in ads {
            acts.push((IMPRESSION_MS, Act::Impression { page, shown: shown.clone() }));
            let interest = Market::interest(&shown, &mut self.dice);
            let seen_ms = IMPRESSION_MS + 1_000.0 + self.dice.exponential(2_500.0);
            if interest == Interest::Overlooked || seen_ms >= stay_ms {
                continue;
            }
            let visible_pct = (50 + self.dice.below(51)) as u8;
            let viewable =
                Act::Viewable { page, shown: shown.clone(), viewable_ms: 1_000, visible_pct };
            acts.push((seen_ms, viewable));
            let click_ms = IMPRESSION_MS + self.dice.log_normal(CLICK_MEDIAN_MS, CLICK_SIGMA);
            if interest == Interest::Clicked && click_ms < stay_ms && click.is_none() {
                click = Some((click_ms, shown));
            }
        }
        if let Some((at, shown)) = click {
            // The page is left for the ad's.
            acts.retain(|(then, _)| *then < at);
            self.clicked = Some(market.target(&shown));
            self.next = Next::Engagement;
            self.rest_ms = at;
            self.next_ms = at + 100.0;
            acts.push((at, Act::Click { page, shown, seen: true }));
        }
        acts.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        self.about_ads.extend(acts.into_iter().filter(|(at, _)| *at <= self.next_ms));
    }

    /// Decides what is done on the page that was just shown.
    fn viewed(&mut self, pages: &Pages) -> f64 {
        if self.person.is_bot {
            // Bots fetch the next page and run no scripts.
            let page = pages.popular(&mut self.dice);
            self.go(page, 0.08);
            return self.dice.exponential(1_500.0).min(30_000.0);
        }
        let dwell_ms =
            self.dice.log_normal(DWELL_MEDIAN_MS, DWELL_SIGMA).clamp(1_000.0, DWELL_MAX_MS);
        self.rest_ms = dwell_ms;
        if self.page == pages.results {
            self.next = Next::Search;
            return 40.0;
        }
        let acts = match pages.get(self.page).kind {
            Kind::Product => self.dice.chance(0.12),
            Kind::SignUp => self.dice.chance(0.5),
            Kind::Basket => false,
            Kind::Plain => self.page == pages.thanks && self.basket_cents > 0,
        };
        if acts {
            self.next = Next::Action;
            self.rest_ms = dwell_ms * 0.4;
            return dwell_ms * 0.6;
        }
        self.next = Next::Engagement;
        dwell_ms
    }

    fn act(&mut self, pages: &Pages) -> Act {
        self.next = Next::Engagement;
        let page = self.page;
        let (name, value_cents) = match pages.get(page).kind {
            Kind::Product => {
                self.basket_cents += pages.get(page).price_cents;
                ("add_to_basket", Some(pages.get(page).price_cents))
            }
            Kind::SignUp => ("sign-up", None),
            Kind::Plain | Kind::Basket => ("order", Some(std::mem::take(&mut self.basket_cents))),
        };
        Act::Action { page, name, value_cents }
    }

    fn engaged(&mut self) -> Act {
        // Nobody looks all the time.
        let share = 0.4 + 0.6 * self.dice.unit();
        let engaged_ms = (self.rest_ms * share) as u64;
        let scroll_pct = (20 + self.dice.below(81)) as u8;
        Act::Engagement { page: self.page, engaged_ms, scroll_pct }
    }

    /// Decides where the visit goes from its page.
    fn leave(&mut self, pages: &Pages) -> f64 {
        let entry = self.previous.is_none();
        if let Some(page) = self.clicked.take() {
            self.go(page, 0.0);
        } else if self.page == pages.basket {
            self.go(pages.checkout, 0.4);
        } else if self.page == pages.checkout {
            self.go(pages.thanks, 0.35);
        } else if self.basket_cents > 0 && self.dice.chance(0.5) {
            self.go(pages.basket, 0.1);
        } else if self.page != pages.results && self.dice.chance(0.08) {
            self.go(pages.results, 0.0);
        } else if self.dice.chance(0.02) {
            self.go(pages.sign_up, 0.0);
        } else {
            let page = pages.popular(&mut self.dice);
            self.go(page, if entry { 0.45 } else { 0.28 });
        }
        120.0
    }

    /// Goes to a page, or ends the visit with a probability.
    fn go(&mut self, page: usize, end: f64) {
        if self.dice.chance(end) {
            self.next = Next::End;
            return;
        }
        self.previous = Some(self.page);
        self.page = page;
        self.next = Next::View;
    }
}
