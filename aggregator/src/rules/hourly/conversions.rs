//! Conversions of a placement's clicks: how many, and how long after their click.

use serde::{Deserialize, Serialize};

use crate::rules::settings::Thresholds;

/// Conversions of about a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Conversions {
    pub(crate) clicks: f64,
    /// All, within 3 to 10 s, later than an hour.
    pub(crate) all: f64,
    pub(crate) glut: f64,
    pub(crate) flat: f64,
}

impl Conversions {
    /// A conversion so many milliseconds after its click.
    pub(crate) fn add(&mut self, after_ms: i64) {
        self.all += 1.0;
        self.glut += f64::from(u8::from((3_000..=10_000).contains(&after_ms)));
        self.flat += f64::from(u8::from(after_ms > 3_600_000));
    }

    /// Adds others.
    pub(super) fn take_in(&mut self, other: Conversions) {
        self.clicks += other.clicks;
        self.all += other.all;
        self.glut += other.glut;
        self.flat += other.flat;
    }

    /// Whether the times are not those of people.
    pub(super) fn claimed(&self, rules: &Thresholds) -> bool {
        let limit = &rules.conversion_timing;
        self.all >= f64::from(limit.conversions)
            && (self.glut / self.all >= limit.glut || self.flat / self.all >= limit.flat)
    }

    /// An hour later it weighs a little less: a day's worth in all.
    pub(super) fn fade(&mut self) {
        const KEPT: f64 = 1.0 - 1.0 / 24.0;
        for value in [&mut self.clicks, &mut self.all, &mut self.glut, &mut self.flat] {
            *value *= KEPT;
        }
    }
}
