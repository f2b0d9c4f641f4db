use footfall_event::ads::performance::{CampaignState, PositionState};

use super::*;

fn state(impressions: i64, clicks: i64, as_of: i64) -> Record<'static> {
    Record::Ad(AdState {
        v: 1,
        site: "s.test".into(),
        campaign: "c".into(),
        ad: "a".into(),
        placement: "p".into(),
        total: Default::default(),
        positions: vec![PositionState {
            position: 1,
            net_impressions: impressions,
            net_clicks: clicks,
            recent_impressions: impressions as f64,
            recent_clicks: clicks as f64,
        }],
        as_of,
    })
}

fn apply(performance: &mut Performance, record: &Record<'_>) {
    let json = serde_json::to_vec(record).unwrap();
    performance.apply(record.key().as_bytes(), &json).unwrap();
}

fn sum(performance: &Performance, now: i64) -> (f64, f64, usize) {
    let evidence = performance.placement("p").unwrap().values().next().unwrap();
    let segments = evidence.segments(now);
    let cells = segments.iter().flatten();
    let sums = cells.fold((0.0, 0.0), |(n, c), cell| (n + cell.impressions, c + cell.clicks));
    (sums.0, sums.1, segments.len())
}

#[test]
fn differences_add_up_to_the_records_and_fade() {
    let mut performance = Performance::default();
    for step in 1..=40 {
        apply(&mut performance, &state(step * 500, step * 5, 0));
    }
    let (impressions, clicks, segments) = sum(&performance, 0);
    assert_eq!((impressions, clicks), (20_000.0, 200.0));
    assert_eq!(segments, SEGMENTS_MAX);
    let (later, ..) = sum(&performance, HALF_LIFE_MS);
    assert!((later - 10_000.0).abs() < 1e-6, "{later}");
    // A correction takes back.
    apply(&mut performance, &state(20_000, 190, 0));
    assert_eq!(sum(&performance, 0).1, 190.0);
    let key = state(0, 0, 0).key();
    performance.apply(key.as_bytes(), b"").unwrap();
    assert!(performance.placement("p").unwrap().is_empty());
    assert!(performance.apply(b"ad/x", b"{").is_err());
}

#[test]
fn campaigns_are_halted_and_released() {
    let mut performance = Performance::default();
    let state = |paused| {
        Record::Campaign(CampaignState {
            v: 1,
            campaign: "c".into(),
            spent: Vec::new(),
            budget: None,
            paused,
            as_of: 0,
        })
    };
    apply(&mut performance, &state(Some(Paused::Budget)));
    assert_eq!(performance.halted("c"), Some(Paused::Budget));
    apply(&mut performance, &state(None));
    assert_eq!(performance.halted("c"), None);
}
