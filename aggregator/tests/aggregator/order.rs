//! Whatever the order of arrival within the lateness, the repeats and the batches: the totals are
//! those of the naive implementation.

use footfall_event::Activity;
use proptest::prelude::*;

use crate::world::{Act, HOUR, MIDNIGHT, MINUTE, World, expected, limits};

fn activity() -> impl Strategy<Value = Activity> {
    prop_oneof![
        4 => Just(Activity::Pageview),
        3 => Just(Activity::Engagement),
        1 => Just(Activity::Search),
        1 => Just(Activity::Action),
        1 => Just(Activity::Click),
    ]
}

prop_compose! {
    fn act()(
        person in 1u64..3,
        activity in activity(),
        // Whole minutes and a few halves: gaps of exactly 30:00 happen often.
        half_minutes in -300i64..300,
        delay in 0i64..HOUR,
        engaged in 0u32..3,
        bot in prop::bool::weighted(0.2),
    ) -> Act {
        let time = MIDNIGHT + half_minutes * MINUTE / 2;
        // By the time: which of two page views of the same millisecond is first is not defined.
        let path = (half_minutes.rem_euclid(7) % 3) as u8;
        let source = (half_minutes.rem_euclid(11) % 3) as u8;
        Act {
            id: 0, person, activity, time, received_at: time + delay, path, source, bot,
            engaged_ms: if activity == Activity::Engagement { engaged * 1_000 } else { 0 },
        }
    }
}

/// Acts in the order of their receipt (no more than the lateness after they happened), some twice.
fn arrivals() -> impl Strategy<Value = Vec<Act>> {
    let repeats = prop::collection::vec((any::<prop::sample::Index>(), 0i64..HOUR), 0..6);
    (prop::collection::vec(act(), 1..40), repeats).prop_map(|(mut acts, repeats)| {
        for (index, act) in acts.iter_mut().enumerate() {
            // Scattered, so that ids don't follow the times.
            act.id = (index as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        }
        let again = repeats.iter().map(|(index, delay)| {
            let act = index.get(&acts).clone();
            Act { received_at: act.time + delay, ..act }
        });
        let again: Vec<Act> = again.collect();
        acts.extend(again);
        acts.sort_by_key(|act| (act.received_at, act.id));
        acts
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn arrival_repeats_and_batches_do_not_change_totals(
        acts in arrivals(),
        cuts in prop::collection::vec(1usize..12, 1..6),
    ) {
        let mut world = World::new(limits());
        let mut rest = acts.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break }
            let (batch, later) = rest.split_at((*cut).min(rest.len()));
            world.batch(batch);
            rest = later;
        }
        let distinct: std::collections::HashSet<u128> = acts.iter().map(|act| act.id).collect();
        prop_assert_eq!(world.stats.stored, distinct.len() as u64);
        prop_assert_eq!(world.stats.repeats, (acts.len() - distinct.len()) as u64);
        prop_assert_eq!(world.stats.late, 0);
        let totals = world.totals();
        let expected = expected(&acts);
        prop_assert_eq!(&totals.visits, &expected.visits);
        prop_assert_eq!(totals, expected);
    }
}
