//! Machine-regular clicks: gaps that hardly vary, or that are multiples of one beat.

use super::settings::RegularTiming;

/// The last gaps that are looked at.
const GAPS_MAX: usize = 32;
/// Beats left out in a row at the most.
const MULTIPLES: f64 = 8.0;
/// Share of gaps that must be one beat: else any gaps are multiples of something small.
const BEATS_MIN: f64 = 0.4;

/// Whether clicks at these times, in their order, were made by a timer. Clicks nearer than
/// `double_ms` to the one before are one click.
pub(crate) fn is_regular(
    times: impl Iterator<Item = i64>,
    double_ms: i64,
    rules: &RegularTiming,
) -> bool {
    let mut gaps = [0f64; GAPS_MAX];
    let (mut count, mut before) = (0usize, None);
    for time in times {
        match before {
            Some(before) if time - before <= double_ms => continue,
            Some(before) => {
                gaps[count % GAPS_MAX] = (time - before) as f64;
                count += 1;
            }
            None => {}
        }
        before = Some(time);
    }
    let needed = (rules.gaps as usize).min(GAPS_MAX);
    if count < needed {
        return false;
    }
    let gaps = &gaps[..count.min(GAPS_MAX)];
    variation(gaps) < rules.variation || modal_share(gaps, rules.modal_width) >= rules.modal_share
}

/// Standard deviation by mean (Welford's recurrence).
fn variation(gaps: &[f64]) -> f64 {
    let (mut mean, mut squares, mut count) = (0.0, 0.0, 0.0);
    for gap in gaps {
        count += 1.0;
        let off = gap - mean;
        mean += off / count;
        squares += off * (gap - mean);
    }
    (squares / (count - 1.0)).sqrt() / mean
}

/// The greatest share of gaps that are near a multiple of one of them, which many equal.
fn modal_share(gaps: &[f64], width: f64) -> f64 {
    let count = gaps.len() as f64;
    let share = |beat: f64| {
        let (mut beats, mut near) = (0.0, 0.0);
        for gap in gaps {
            let multiple = (gap / beat).round();
            if (1.0..=MULTIPLES).contains(&multiple)
                && (gap - multiple * beat).abs() <= width * beat
            {
                near += 1.0;
                beats += f64::from(u8::from(multiple == 1.0));
            }
        }
        if beats / count >= BEATS_MIN { near / count } else { 0.0 }
    };
    gaps.iter().map(|gap| share(*gap)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regular(gaps: &[i64]) -> bool {
        let mut time = 0;
        let times = std::iter::once(0).chain(gaps.iter().map(|gap| {
            time += gap;
            time
        }));
        is_regular(times.collect::<Vec<_>>().into_iter(), 2_000, &RegularTiming::default())
    }

    #[test]
    fn a_timer_is_found_from_the_gaps_that_are_needed() {
        let exact = [60_000; 8];
        assert!(regular(&exact));
        assert!(!regular(&exact[..7]), "seven gaps prove nothing");
        // Double-clicks are one click, so these are seven gaps.
        assert!(!regular(&[60_000, 60_000, 60_000, 1_000, 60_000, 60_000, 60_000, 60_000]));
    }

    #[test]
    fn at_the_edge_of_variation() {
        // Two gaps in turn: the sample deviation of n of them is d × sqrt(n / (n − 1)).
        let of = |share: f64| {
            let d = (share * (7f64 / 8.0).sqrt() * 100_000.0) as i64;
            let gaps: Vec<_> = (0..8).map(|i| 100_000 + if i % 2 == 0 { d } else { -d }).collect();
            regular(&gaps)
        };
        assert!(of(0.39) && of(0.399));
        assert!(!of(0.401) && !of(0.5));
    }

    #[test]
    fn beats_left_out_are_still_a_beat() {
        let t = 100_000;
        assert!(regular(&[t, t, 4 * t, t, 7 * t, t, 2 * t, t]));
        // Seven of eight near a multiple is enough, six are not.
        assert!(regular(&[t, t, 4 * t, t, 7 * t, t, t * 5 / 2, t]));
        assert!(!regular(&[t, t, 4 * t, t, 7 * t, t * 5 / 2, t * 7 / 2, t]));
        // Nine beats left out are a pause, not a beat.
        assert!(!regular(&[t, 20 * t, 19 * t, t, 17 * t, t, 33 * t, 41 * t]));
    }

    #[test]
    fn people_are_not_timers() {
        assert!(!regular(&[4_000, 61_000, 13_000, 700_000, 8_000, 95_000, 31_000, 5_200, 240_000]));
        assert!(!regular(&[]));
    }
}
