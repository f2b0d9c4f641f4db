//! The hourly comparisons at their edges.

use super::*;

fn place(clicks: u32, impressions: u32) -> History {
    let mut place = History::default();
    place.hour.clicks[1] = clicks;
    place.hour.impressions[1] = impressions;
    place
}

fn flags(places: &mut [History], hour: i64) -> Vec<Vec<VerdictReason>> {
    let mut all: Vec<_> = places.iter_mut().collect();
    close(&mut all, hour, &Thresholds::default());
    places.iter().map(|place| place.flags.iter().collect()).collect()
}

#[test]
fn a_click_through_rate_far_above_the_others_is_an_outlier() {
    let peers = || [place(100, 10_000), place(90, 10_000), place(112, 10_000), place(105, 10_000)];
    let with = |odd: History| {
        let mut places = peers().to_vec();
        places.push(odd);
        flags(&mut places, 0).pop().unwrap()
    };
    assert_eq!(with(place(200, 10_000)), [VerdictReason::PlacementCtr]);
    assert_eq!(with(place(115, 10_000)), []);
    // Twenty-nine clicks are too few to judge, whatever the rate; thirty are enough.
    assert_eq!(with(place(29, 100)), []);
    assert_eq!(with(place(30, 100)), [VerdictReason::PlacementCtr]);
    // Two peers are no comparison.
    assert_eq!(flags(&mut [place(100, 10_000), place(90, 10_000), place(999, 10_000)], 0)[2], []);
}

#[test]
fn clicks_from_few_addresses_stand_out() {
    let of = |networks: u32, clicks: u32| {
        let mut place = History::default();
        for click in 0..clicks {
            place.hour.click(0, 1 + click % networks, false);
        }
        place
    };
    let with = |odd: History| {
        let mut places = vec![of(95, 100), of(97, 100), of(100, 100), of(96, 100), odd];
        flags(&mut places, 0).pop().unwrap()
    };
    assert_eq!(with(of(10, 100)), [VerdictReason::AddressEntropy]);
    assert_eq!(with(of(90, 100)), []);
    assert_eq!(with(of(2, 49)), [], "49 clicks are too few");
    assert_eq!(with(of(2, 50)), [VerdictReason::AddressEntropy]);
}

#[test]
fn a_shift_is_seen_against_the_same_hours() {
    let mut history = [History::default()];
    let mut run = |hour: i64, clicks: u32| {
        history[0].hour.clicks[0] = clicks;
        let mut all: Vec<_> = history.iter_mut().collect();
        close(&mut all, hour, &Thresholds::default());
        history[0].flags.contains(VerdictReason::RateShift)
    };
    // Three days that are busy at noon.
    let usual = |hour: i64| if hour % 24 == 12 { 400 } else { 40 };
    for hour in 0..72 {
        assert!(!run(hour, usual(hour)), "{hour}");
    }
    assert!(!run(72, 45), "within noise");
    assert!(run(73, 200), "five times as many");
    for hour in 74..108 {
        run(hour, usual(hour));
    }
    assert!(!run(108, 400), "noon is always busy");
}

#[test]
fn strangers_in_masses() {
    let run = |clicks: u32, new: u32| {
        let mut history = [History::default()];
        for (clicks, new) in [(100, 40), (100, 40), (100, 40), (clicks, new)] {
            history[0].hour.clicks[0] = clicks;
            history[0].hour.new = new;
            let mut all: Vec<_> = history.iter_mut().collect();
            close(&mut all, 0, &Thresholds::default());
        }
        history[0].flags.contains(VerdictReason::NewVisitorBurst)
    };
    assert!(!run(100, 40));
    // The deviation of 100 clicks at 40 % is 4.9 %: 59 are within four of them, 60 are not.
    assert!(!run(100, 59));
    assert!(run(100, 60));
    assert!(!run(29, 29), "too few to judge");
}

#[test]
fn conversions_that_stay_away_or_come_like_clockwork() {
    let of = |clicks: f64, times: &[i64]| {
        let mut place = History {
            conversions: Conversions { clicks, ..Default::default() },
            ..Default::default()
        };
        times.iter().for_each(|after| place.conversions.add(*after));
        place
    };
    let minute = [60_000; 30];
    let honest = || of(1_000.0, &minute);
    let with =
        |odd: History| flags(&mut [honest(), honest(), honest(), honest(), odd], 0).pop().unwrap();
    assert_eq!(with(of(1_000.0, &[])), [VerdictReason::ConversionRate]);
    assert_eq!(with(of(1_000.0, &minute[..25])), []);
    assert_eq!(with(of(99.0, &[])), [], "too few clicks to judge");
    let timed = |glut: usize, flat: usize| {
        let mut times = vec![60_000; 20 - glut - flat];
        times.extend(vec![3_000; glut / 2]);
        times.extend(vec![10_000; glut - glut / 2]);
        times.extend(vec![3_600_001; flat]);
        with(of(700.0, &times))
    };
    assert_eq!(timed(5, 0), []);
    assert_eq!(timed(6, 0), [VerdictReason::ConversionTiming]);
    assert_eq!(timed(0, 14), []);
    assert_eq!(timed(0, 15), [VerdictReason::ConversionTiming]);
    assert_eq!(with(of(700.0, &[5_000; 19])), [], "nineteen conversions are too few");
}
