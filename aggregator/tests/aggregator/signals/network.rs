//! What one network does: too much, too regularly, on everything, as too many.

use footfall_event::time::DAY_MS;
use footfall_event::{Event, VerdictReason as R};

use super::Row;
use super::make::{NOON, SECOND, by, click, elsewhere, impression, people};
use crate::world::{HOUR, MIDNIGHT, MINUTE};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = rates();
    rows.extend(campaigns());
    rows.extend(agents());
    rows.extend(timers());
    rows.extend(everything());
    rows
}

/// So many clicks of `live` people at these moments, each on an ad and a campaign of its own.
fn clicks(count: u128, live: u64, at: impl Fn(i64) -> i64) -> Vec<Event<'static>> {
    let clicks = (1..=count).map(|n| {
        let event = click(n, NOON + at(n as i64 - 1));
        elsewhere(n as u64, by(1, 1 + n as u64 % live.max(1), event))
    });
    people(live).chain(clicks).collect()
}

fn rates() -> Vec<Row> {
    let row = |name: String, count: u128, live: u64, gap: i64, found: Vec<u128>| {
        // At moments that no timer makes.
        let events = clicks(count, live, |n| n * gap + n * n * 7_919 % (gap / 2));
        Row::new(R::NetworkRate, name, events, found)
    };
    let mut rows = Vec::new();
    // All of a minute's clicks are found, not only the one too many.
    for (count, live, found) in [(19, 4, 0), (20, 4, 0), (21, 4, 21), (22, 4, 22)] {
        let name = format!("{count} in a minute by a household");
        rows.push(row(name, count, live, 2 * SECOND, (1..=found).collect()));
    }
    for (count, live, found) in [(21, 5, 0), (25, 5, 0), (26, 5, 26), (40, 8, 0), (41, 8, 41)] {
        let name = format!("{count} in a minute by {live} people");
        rows.push(row(name, count, live, SECOND, (1..=found).collect()));
    }
    // Of an hour's, those of the five minutes before the one too many.
    for (count, found) in [(29, vec![]), (30, vec![]), (31, vec![29, 30, 31])] {
        let name = format!("{count} in an hour by a household");
        rows.push(row(name, count, 4, 100 * SECOND, found));
    }
    // Two or three in an hour are few, but a day (a UTC day, for which the hash lives) has many hours.
    for (count, found) in [(59, vec![]), (60, vec![]), (61, vec![61])] {
        let name = format!("{count} in a day by a household");
        let events = clicks(count, 4, |n| n * 22 * MINUTE + n * n * 7_919 % MINUTE - 11 * HOUR);
        rows.push(Row::new(R::NetworkRate, name, events, found));
    }
    rows
}

fn campaigns() -> Vec<Row> {
    let drip = |count: u128, live: u64, shown: u128, found: &[u128]| {
        let name = format!("{count} clicks on a campaign by {live} people, {shown} impressions");
        let clicks = (1..=count).map(|n| {
            let event = click(n, NOON + (n as i64 - 1).pow(2) * 10 * MINUTE);
            Event { ad: format!("ad-{n}").into(), ..event }
        });
        let shows = (0..shown).map(|n| elsewhere(n as u64, impression(1_000 + n, NOON - HOUR)));
        let events = people(live).chain(shows).chain(clicks);
        Row::new(R::CampaignRate, name, events, found.iter().copied())
    };
    let again = (1..=6).map(|n| click(n, NOON + n as i64 * 7 * MINUTE));
    let later = |fourth: i64| {
        let of = |n: i64, at| Event { ad: format!("ad-{n}").into(), ..click(n as u128, at) };
        let mut events: Vec<_> = (1..=3).map(|n| of(n, NOON + n * n * MINUTE)).collect();
        events.push(of(4, fourth));
        events
    };
    vec![
        drip(2, 1, 0, &[]),
        drip(3, 1, 0, &[]),
        drip(4, 1, 0, &[4]),
        drip(5, 1, 0, &[4, 5]),
        drip(4, 4, 0, &[4]),
        // Six people may click four times, eight six times.
        drip(4, 5, 0, &[4]),
        drip(4, 6, 0, &[]),
        drip(6, 8, 0, &[]),
        drip(7, 8, 0, &[7]),
        // One click for twenty impressions is no drip.
        drip(4, 1, 79, &[4]),
        drip(4, 1, 80, &[]),
        drip(5, 1, 80, &[5]),
        Row::new(R::CampaignRate, "the same ad within the hour is a repetition", again, []),
        Row::new(R::CampaignRate, "the fourth on the same day", later(MIDNIGHT + DAY_MS - 1), [4]),
        // Its hash is another one.
        Row::new(R::CampaignRate, "the fourth after midnight", later(MIDNIGHT + DAY_MS), []),
    ]
}

fn agents() -> Vec<Row> {
    let row = |count: u128, live: u64, found: &[u128]| {
        let name = format!("{count} agents, {live} of them alive");
        let clicks = (1..=count).map(|n| {
            let event = click(n, NOON + (n as i64).pow(2) * 2 * SECOND);
            elsewhere(n as u64, by(1, n as u64, event))
        });
        Row::new(R::Churn, name, people(live).chain(clicks), found.iter().copied())
    };
    vec![
        row(7, 0, &[]),
        row(8, 0, &[1, 2, 3, 4, 5, 6, 7, 8]),
        row(9, 0, &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        // Eight of nine and of ten are enough, eight of eleven are not.
        row(9, 1, &[2, 3, 4, 5, 6, 7, 8, 9]),
        row(10, 2, &[3, 4, 5, 6, 7, 8, 9, 10]),
        row(11, 3, &[]),
    ]
}

fn timers() -> Vec<Row> {
    let row = |name: &str, gaps: &[i64], found: &[u128]| {
        let mut time = 0;
        let mut times = vec![0];
        for gap in gaps {
            time += gap;
            times.push(time);
        }
        let events = clicks(times.len() as u128, 1, |n| times[n as usize]);
        Row::new(R::RegularTiming, name, events, found.iter().copied())
    };
    // Two gaps in turn: the sample deviation of eight is d × √(8 / 7).
    let jitter = |d: i64| [MINUTE + d, MINUTE - d].repeat(4);
    let t = 25 * SECOND;
    vec![
        row("seven gaps", &[MINUTE; 7], &[]),
        row("eight gaps", &[MINUTE; 8], &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        row("nine gaps", &[MINUTE; 9], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        row(
            "a double-click is one click",
            &{
                let mut gaps = [MINUTE; 8];
                gaps[3] = 2 * SECOND;
                gaps
            },
            &[],
        ),
        // 0.4 of a minute × √(7 / 8) = 22,449.9 ms.
        row("varying just little enough", &jitter(22_449), &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        row("varying just too much", &jitter(22_450), &[]),
        // Beats left out: seven of eight near a multiple are enough, six are not.
        row(
            "seven of eight are beats",
            &[t, t, 4 * t, t, 5 * t, t, t * 5 / 2, t],
            &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        ),
        row("six of eight are beats", &[t, t, 4 * t, t, 5 * t, t * 5 / 2, t * 3 / 2, t], &[]),
        row("people", &[4_000, 61_000, 13_000, 99_000, 8_000, 95_000, 31_000, 5_200, 40_000], &[]),
    ]
}

fn everything() -> Vec<Row> {
    let row = |ads: u128, shown: u128, live: u64, found: bool| {
        let name = format!("{ads} ads of {shown} impressions, {live} people");
        let shows = (0..shown).map(|n| elsewhere(n as u64, impression(1_000 + n, NOON - HOUR)));
        let clicks =
            (1..=ads).map(|n| elsewhere(n as u64, click(n, NOON + (n as i64).pow(2) * 5 * SECOND)));
        let events = shows.chain(people(live)).chain(clicks);
        let all = 1..=if found { ads } else { 0 };
        Row::new(R::ClicksEverything, name, events, all)
    };
    vec![
        row(5, 5, 1, false),
        row(6, 6, 1, true),
        row(7, 7, 1, true),
        row(6, 11, 1, true),
        row(6, 12, 1, true),
        row(6, 13, 1, false),
        row(6, 6, 4, true),
        row(6, 6, 5, false),
        // Where the script doesn't run, nobody knows what was shown.
        row(6, 0, 1, false),
    ]
}
