use super::*;

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

fn at(preset: Preset, zone_name: &str, now: &str) -> Period {
    let oldest = Some("2026-02-03".parse().unwrap());
    Period::resolve(preset, Compare::Previous, &zone(zone_name), ms(now), oldest)
}

/// `first..last | previous first..last | end of the comparison, local`
fn check(preset: Preset, zone_name: &str, now: &str, expected: &str) {
    let period = at(preset, zone_name, now);
    let show = |range: &Range| format!("{}..{}", range.first, range.last);
    let previous = period.previous.as_ref().map_or("none".to_owned(), |range| {
        let end = instant(range.to).to_zoned(period.zone.clone());
        format!("{} until {}", show(range), end.strftime("%F %H:%M"))
    });
    assert_eq!(format!("{} | {previous}", show(&period.current)), expected);
}

#[test]
fn presets_and_the_period_before_up_to_the_same_minute() {
    let now = "2026-11-21T09:42:00Z"; // 10:42 in Berlin
    let berlin = "Europe/Berlin";
    check(
        Preset::Today,
        berlin,
        now,
        "2026-11-21..2026-11-21 | 2026-11-20..2026-11-20 until 2026-11-20 10:42",
    );
    check(
        Preset::Yesterday,
        berlin,
        now,
        "2026-11-20..2026-11-20 | 2026-11-19..2026-11-19 until 2026-11-20 00:00",
    );
    check(
        Preset::Days(28),
        berlin,
        now,
        "2026-10-25..2026-11-21 | 2026-09-27..2026-10-24 until 2026-10-24 10:42",
    );
    check(
        Preset::Month,
        berlin,
        now,
        "2026-11-01..2026-11-21 | 2026-10-01..2026-10-21 until 2026-10-21 10:42",
    );
    check(
        Preset::LastMonth,
        berlin,
        now,
        "2026-10-01..2026-10-31 | 2026-09-01..2026-09-30 until 2026-10-01 00:00",
    );
    check(
        Preset::Year,
        berlin,
        now,
        "2026-01-01..2026-11-21 | 2025-01-01..2025-11-21 until 2025-11-21 10:42",
    );
    check(Preset::All, berlin, now, "2026-02-03..2026-11-21 | none");
    // Just after midnight in Auckland it is still the day before in UTC.
    check(
        Preset::Today,
        "Pacific/Auckland",
        "2026-11-20T11:05:00Z",
        "2026-11-21..2026-11-21 | 2026-11-20..2026-11-20 until 2026-11-20 00:05",
    );
    // 31 March: February ends earlier.
    check(
        Preset::Month,
        "UTC",
        "2026-03-31T12:00:00Z",
        "2026-03-01..2026-03-31 | 2026-02-01..2026-02-28 until 2026-02-28 12:00",
    );
    // A leap day has no counterpart a year before.
    check(
        Preset::Year,
        "UTC",
        "2028-02-29T12:00:00Z",
        "2028-01-01..2028-02-29 | 2027-01-01..2027-02-28 until 2027-02-28 12:00",
    );
}

#[test]
fn days_with_a_clock_change_have_23_and_25_hours() {
    for (day, zone, hours) in [
        ("2026-03-29T12:00:00Z", "Europe/Berlin", 23),
        ("2026-10-25T12:00:00Z", "Europe/Berlin", 25),
        ("2026-10-25T12:00:00Z", "UTC", 24),
        // Half an hour: the 25th bucket is short.
        ("2026-04-05T01:00:00Z", "Australia/Lord_Howe", 25),
        // Midnight does not exist on this day in Cairo: it begins at 01:00.
        ("2026-04-24T12:00:00Z", "Africa/Cairo", 23),
    ] {
        let period = at(Preset::Today, zone, day);
        let buckets = period.buckets(Unit::Hour);
        assert_eq!(buckets.len(), hours, "{zone} {day}");
        assert_eq!(buckets[0].from, period.current.from);
        assert_eq!(buckets.last().unwrap().to, period.current.to);
        assert!(buckets.windows(2).all(|pair| pair[0].to == pair[1].from));
    }
}

#[test]
fn the_comparison_of_a_day_after_the_clock_change_ends_at_the_same_local_time() {
    // 02:30 did not exist in Berlin on 29 March: the comparison ends at 03:30.
    let period = at(Preset::Today, "Europe/Berlin", "2026-03-30T00:30:00Z");
    assert_eq!(period.previous.unwrap().to, ms("2026-03-29T01:30:00Z"));
}

#[test]
fn buckets_pair_with_those_of_the_period_before() {
    let period = at(Preset::Days(28), "Europe/Berlin", "2026-11-21T09:42:00Z");
    let days = period.buckets(Unit::Day);
    assert_eq!(days.len(), 28);
    assert_eq!(days[0].previous, Some(ms("2026-09-26T22:00:00Z")));
    // 25 October is a Sunday: a week of one day, then four that begin on Monday, the last short.
    let weeks = period.buckets(Unit::Week);
    let firsts: Vec<_> = weeks.iter().map(|b| b.date(&period.zone).to_string()).collect();
    assert_eq!(firsts, ["2026-10-25", "2026-10-26", "2026-11-02", "2026-11-09", "2026-11-16"]);
    assert_eq!(weeks[1].previous, Some(ms("2026-09-27T22:00:00Z")));
    let months = at(Preset::Year, "UTC", "2026-11-21T09:42:00Z").buckets(Unit::Month);
    assert_eq!(months.len(), 11);
    assert_eq!(months[10].previous, Some(ms("2025-11-01T00:00:00Z")));
}

#[test]
fn edges_are_sorted_and_hold_every_bucket() {
    for preset in [Preset::Today, Preset::Days(91), Preset::LastMonth, Preset::Months12] {
        let period = at(preset, "America/St_Johns", "2026-03-20T03:10:00Z");
        for unit in Unit::ALL.into_iter().filter(|unit| unit.fits(period.days())) {
            let edges = period.edges(unit);
            assert!(edges.is_sorted());
            for bucket in period.buckets(unit) {
                assert!(edges.contains(&bucket.from));
                assert!(bucket.previous.is_none_or(|from| edges.contains(&from)));
            }
        }
    }
}

#[test]
fn earlier_and_later() {
    let period = at(Preset::Days(7), "UTC", "2026-11-21T09:42:00Z");
    let earlier = Preset::Custom("2026-11-08".parse().unwrap(), "2026-11-14".parse().unwrap());
    assert_eq!(period.step(-1), Some(earlier));
    assert_eq!(period.step(1), None);
    let month = at(Preset::LastMonth, "UTC", "2026-11-21T09:42:00Z");
    let november = Preset::Custom("2026-11-01".parse().unwrap(), "2026-11-21".parse().unwrap());
    assert_eq!(month.step(1), Some(november));
}
