//! One visit: what happens next, and after how long. It decides; [`super::world`] writes the events.

use super::dice::Dice;
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
        }
    }

    /// What happens now, and how many milliseconds later this is to be called again; `None`: never.
    pub(super) fn step(&mut self, pages: &Pages) -> (Act, Option<f64>) {
        let step = self.steps;
        self.steps += 1;
        let (act, after_ms) = match self.next {
            Next::View => {
                self.view_step = step;
                (Act::View { page: self.page, from: self.previous }, self.viewed(pages))
            }
            Next::Search => {
                let (query, results) = super::pages::search(&mut self.dice);
                self.next = Next::Engagement;
                (Act::Search { query, results }, self.rest_ms)
            }
            Next::Action => (self.act(pages), self.rest_ms),
            Next::Engagement => (self.engaged(), self.leave(pages)),
            Next::End => unreachable!("a visit that has ended is not called again"),
        };
        (act, (self.next != Next::End).then_some(after_ms))
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
        if self.page == pages.basket {
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
