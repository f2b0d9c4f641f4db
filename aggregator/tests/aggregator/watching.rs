//! The watch's queries on a real ClickHouse.

use footfall_aggregator::alerts::watch::unusual;
use footfall_event::alert::AlertKind;

use crate::engine::{Engine, block_on};

const NOW_MS: i64 = 1_795_255_200_000;

#[test]
fn traffic_and_clicks_far_from_their_habit_are_found() {
    let engine = Engine::start();
    let warehouse = engine.warehouse();
    let run = |sql: String| block_on(warehouse.client().query(&sql).execute()).unwrap();
    // Views per quarter of an hour: this week's and those of the three weeks before.
    for (site, weeks) in [
        ("up.test", [900, 100, 110, 90]),
        ("down.test", [10, 200, 190, 210]),
        ("as.test", [100; 4]),
    ] {
        for (week, views) in weeks.into_iter().enumerate() {
            let at = NOW_MS / 1_000 - 60 - 900 - 7 * 86_400 * week as i64;
            run(format!(
                "INSERT INTO events (id, site, type, time, verdict) SELECT generateUUIDv4(), \
                 '{site}', 'pageview', toDateTime64({at} + number % 900, 3, 'UTC'), 'valid' \
                 FROM numbers({views})"
            ));
            // Just outside of the stretch, and of bots: not counted.
            run(format!(
                "INSERT INTO events (id, site, type, time, verdict) SELECT generateUUIDv4(), \
                 '{site}', 'pageview', toDateTime64({at} + if(number < 500, -1, 60), 3, 'UTC'), \
                 if(number < 500, 'valid', 'invalid') FROM numbers(1000)"
            ));
        }
    }
    let minute = NOW_MS / 1_000 - 300;
    run(format!(
        "INSERT INTO ad_windows (minute, site, campaign, ad, clicks, net_clicks) VALUES \
         ({minute}, 'up.test', 'burst', 'a', 100, 40), ({minute} - 3600, 'up.test', 'burst', 'a', 1000, 980), \
         ({minute}, 'up.test', 'calm', 'a', 100, 98), ({minute} - 3600, 'up.test', 'calm', 'a', 1000, 980)"
    ));
    let mut found: Vec<_> = block_on(unusual(&warehouse, NOW_MS))
        .unwrap()
        .into_iter()
        .map(|alert| (alert.kind, alert.site, alert.campaign))
        .collect();
    found.sort();
    let expected = [
        (AlertKind::FraudBurst, "up.test", "burst"),
        (AlertKind::TrafficSpike, "up.test", ""),
        (AlertKind::TrafficDrop, "down.test", ""),
    ]
    .map(|(kind, site, campaign)| (kind, site.to_owned(), campaign.to_owned()));
    assert_eq!(found, expected);
}
