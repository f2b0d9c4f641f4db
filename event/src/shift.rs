//! Whether clicks come at another rate than is usual at this hour of the week: an exponentially
//! weighted mean of each of the week's 168 hours, and a sum of what exceeds it (a one-sided CUSUM).
//!
//! The rules judge by it, hour after hour; the evidence of a click reckons it again from what is
//! stored. So it stands here, where both find it.
//!
//! Source: statistical process control, CUSUM with h = `alarm` and k = `slack`.

use serde::{Deserialize, Serialize};

/// Hours of a week.
const HOURS: usize = 168;
/// How much the newest hour weighs in what is usual.
const WEIGHT: f64 = 0.3;
/// No hour is like another by more than this part.
const UNEVEN: f64 = 0.2;

/// When hours differ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Deviations that are taken as noise.
    pub slack: f64,
    /// The sum that is a shift.
    pub alarm: f64,
    /// Hours of history that are needed to judge.
    pub hours: u32,
}

/// What one hour made of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hour {
    /// Its clicks.
    pub clicks: u32,
    /// The clicks that are usual at this hour; `None` while there is too little history.
    pub usual: Option<f64>,
    /// The sum after it, in deviations.
    pub sum: f64,
    /// Whether it is at the alarm.
    pub is_shift: bool,
}

/// The hours of one placement until now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Hours {
    /// Clicks by hour of the week, faded; negative where never seen. Empty at first.
    usual: Vec<f32>,
    seen: u32,
    sum: f64,
}

impl Hours {
    /// An hour with so many clicks is over. `hour` counts hours since 1970; the week begins on a
    /// Monday, 00:00 UTC.
    pub fn close(&mut self, hour: i64, clicks: u32, limits: Limits) -> Hour {
        // 1970 began on a Thursday.
        let of_week = (hour + 3 * 24).rem_euclid(HOURS as i64) as usize;
        if self.usual.is_empty() {
            self.usual = vec![-1.0; HOURS];
        }
        let count = f64::from(clicks);
        let usual = self.expected(of_week).filter(|_| self.seen >= limits.hours);
        self.seen = self.seen.saturating_add(1);
        let mut is_shift = false;
        if let Some(usual) = usual {
            // Counting noise, and that of hours.
            let noise = (usual + 1.0 + (UNEVEN * usual).powi(2)).sqrt();
            let deviation = (count - usual) / noise;
            // Twice the alarm at the most: whoever stops is forgiven in a finite time.
            self.sum = (self.sum + deviation - limits.slack).clamp(0.0, 2.0 * limits.alarm);
            is_shift = self.sum >= limits.alarm;
        }
        if !is_shift {
            let before = seen(self.usual[of_week]).unwrap_or(count);
            self.usual[of_week] = ((1.0 - WEIGHT) * before + WEIGHT * count) as f32;
        }
        Hour { clicks, usual, sum: self.sum, is_shift }
    }

    /// What the same hour of the weeks before had, or of the days before while there is no week.
    fn expected(&self, of_week: usize) -> Option<f64> {
        let days = (1..7).filter_map(|day| seen(self.usual[(of_week + 24 * day) % HOURS]));
        let days: Vec<f64> = days.collect();
        let mean = || days.iter().sum::<f64>() / days.len() as f64;
        seen(self.usual[of_week]).or_else(|| (!days.is_empty()).then(mean))
    }
}

fn seen(value: f32) -> Option<f64> {
    (value >= 0.0).then_some(f64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { slack: 0.5, alarm: 5.0, hours: 24 };

    #[test]
    fn an_hour_is_compared_with_the_same_hour_of_the_days_before() {
        let mut hours = Hours::default();
        let usual = |hour: i64| if hour % 24 == 12 { 400 } else { 40 };
        for hour in 0..72 {
            let found = hours.close(hour, usual(hour), LIMITS);
            assert_eq!(found.usual.is_some(), hour >= 24, "{hour}");
            assert_eq!((found.sum, found.is_shift), (0.0, false), "{hour}");
        }
        let found = hours.close(72, 45, LIMITS);
        assert!((found.usual.unwrap() - 40.0).abs() < 0.01 && found.sum == 0.0, "{found:?}");
        let found = hours.close(73, 200, LIMITS);
        // Noise is the root of 40 + 1 + 64: (200 - 40) / 10.25 - 0.5 deviations are past the most.
        assert_eq!((found.sum, found.is_shift), (10.0, true));
        // What is a shift does not become usual; the sum goes down hour by hour.
        let sums: Vec<_> =
            (74..96).map(|hour| hours.close(hour, usual(hour), LIMITS).sum).collect();
        assert!(sums.windows(2).all(|pair| pair[1] < pair[0] || pair == [0.0, 0.0]), "{sums:?}");
        assert_eq!(hours.close(73 + 168, 40, LIMITS).usual, Some(40.0));
    }

    #[test]
    fn the_sum_at_the_edge_of_the_alarm() {
        let after = |clicks: u32| {
            let mut hours = Hours::default();
            for hour in 0..24 {
                hours.close(hour, 100, LIMITS);
            }
            hours.close(24, clicks, LIMITS)
        };
        // Noise is the root of 100 + 1 + 400, 22.4: 5.5 deviations are 123.1 clicks.
        assert!(!after(223).is_shift && after(223).sum > 4.99, "{:?}", after(223));
        assert!(after(224).is_shift);
    }
}
