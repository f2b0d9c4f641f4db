//! The site's page over millions of stored events, beside the sum of its raw queries.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::child::{Running, processor_time};
use super::{Row, grouped};

const SITE: &str = "bench.example";
const VIEWS: usize = 60;
/// How long to wait for the tables, and for the merges that filling has begun.
const PATIENCE: Duration = Duration::from_secs(60);

/// Events over the last 28 days in the order of their time, as they come, made by the engine itself:
/// a fifth of them searches, actions and engagements; Zipf-like pages; three page views a visit;
/// every page view and action by a visitor who is new to it.
fn fill_sql(from: usize, to: usize, stored: usize) -> [String; 2] {
    // Within the hour of its place, so that no minute is like the next.
    let time = |number: &str, of: usize| {
        format!(
            "now64(3, 'UTC') - toIntervalSecond(60 + intDiv(({of} - 1 - {number}) * (28 * 86400 - 3600), {of}) + intHash64({number}) % 3600)"
        )
    };
    let path = "concat('/page/', toString(toUInt32(exp(log(20000) * (intHash32(number + 7) / 4294967296)))))";
    let events = format!(
        "INSERT INTO footfall.events (id, site, type, time, received_at, verdict, rules, new_visitor, new_on_path, \
         session, visitor, network, url, host, path, query, query_normalised, name, engaged_ms, browser, os, device, country) \
         SELECT generateUUIDv4(), '{SITE}', \
         multiIf(number % 20 = 1, 'search', number % 20 = 3, 'action', number % 20 IN (5, 7), 'engagement', 'pageview') AS kind, \
         {} AS at, at, if(intHash32(number) % 50 = 0, 'invalid', 'valid'), 1, number % 4 = 0, number % 20 NOT IN (1, 5, 7), \
         intDiv(number, 3), intHash64(intDiv(number, 4)), intHash64(intDiv(number, 8)), concat('https://{SITE}', {path}), '{SITE}', {path}, \
         if(kind = 'search', concat('query ', toString(intHash32(number) % 3000)), ''), \
         if(kind = 'search', concat('query ', toString(intHash32(number) % 3000)), ''), \
         if(kind = 'action', concat('action ', toString(number % 17)), ''), if(kind = 'engagement', 20000, 0), \
         arrayElement(['Chrome', 'Safari', 'Firefox', 'Edge'], 1 + number % 4), arrayElement(['Windows', 'iOS', 'Android', 'Linux'], 1 + intDiv(number, 3) % 4), \
         arrayElement(['desktop', 'mobile', 'tablet'], 1 + number % 3), arrayElement(['DE', 'AT', 'CH', 'US', 'GB', 'FR'], 1 + intHash32(number) % 6) \
         FROM numbers({from}, {})",
        time("intDiv(number, 3)", stored.div_ceil(3)),
        to - from
    );
    let sessions = format!(
        "INSERT INTO footfall.sessions (site, session, visitor, start, verdict, host, entry, exit, source, channel, referrer_host, utm_campaign, \
         browser, os, device, screen, language, country, region, city, visits, bounces, pageviews, duration_ms, engaged_ms, \
         visitors, source_visitors, channel_visitors, campaign_visitors, entry_visitors, exit_visitors, exits) \
         SELECT '{SITE}', number, intHash64(intDiv(number * 3, 4)), {}, if(intHash32(number) % 50 = 0, 'invalid', 'valid'), '{SITE}', \
         {path}, {path}, concat('source ', toString(intHash32(number + 1) % 96)), \
         arrayElement(['Direct', 'Organic Search', 'Referral', 'Organic Social'], 1 + number % 4), '', \
         if(number % 10 = 0, concat('campaign ', toString(number % 30)), ''), \
         arrayElement(['Chrome', 'Safari', 'Firefox', 'Edge'], 1 + number % 4), arrayElement(['Windows', 'iOS', 'Android', 'Linux'], 1 + intDiv(number, 3) % 4), \
         arrayElement(['desktop', 'mobile', 'tablet'], 1 + number % 3), 'xl', 'de', \
         arrayElement(['DE', 'AT', 'CH', 'US', 'GB', 'FR'], 1 + intHash32(number) % 6), concat('region ', toString(number % 60)), concat('city ', toString(number % 900)), \
         1, number % 5 < 2, 3, 160000, 60000, number % 4 = 0, number % 4 = 0, number % 4 = 0, number % 4 = 0, number % 4 = 0, number % 4 = 0, 1 \
         FROM numbers({}, {})",
        time("number", stored.div_ceil(3)),
        from / 3,
        (to - from) / 3
    );
    [events, sessions]
}

/// The page's time over `stored` events.
pub(crate) fn measure(stored: usize) -> Result<Vec<Row>> {
    let serve = Running::serve()?;
    serve.run(&["site", "add", SITE])?;
    let agent = ureq::Agent::new_with_defaults();
    wait_until_ready(&serve)?;
    const STEP: usize = 500_000;
    for from in (0..stored).step_by(STEP) {
        for sql in fill_sql(from, (from + STEP).min(stored), stored) {
            serve.sql(&agent, &sql)?;
        }
    }
    let merges_began = Instant::now();
    while serve.sql(&agent, "SELECT count() FROM system.merges")? != "0"
        && merges_began.elapsed() < PATIENCE
    {
        std::thread::sleep(Duration::from_millis(200));
    }
    let url = format!("http://{}/sites/{SITE}?period=28d", serve.address("listen")?);
    let mut times = Vec::with_capacity(VIEWS);
    let mut before = Duration::ZERO;
    for view in 0..VIEWS + 5 {
        if view == 5 {
            before = processor_time(serve.pid())?;
        }
        let start = Instant::now();
        let html = agent.get(&url).call()?.body_mut().read_to_string()?;
        ensure!(html.contains("/page/1"), "the page shows no figures");
        if view >= 5 {
            times.push(start.elapsed());
        }
    }
    let processor = (processor_time(serve.pid())? - before) / VIEWS as u32;
    times.sort();
    let p95 = times[times.len() * 95 / 100];
    let raw = raw_queries(&serve, &agent)?;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let ratio = ms(times[times.len() / 2]) / ms(raw);
    Ok(vec![
        Row {
            figure: "page over stored events, p95, ms",
            ours: format!(
                "{:.0} (p50 {:.0}, processor {:.0})",
                ms(p95),
                ms(times[times.len() / 2]),
                ms(processor)
            ),
            baseline: format!("{} events stored", grouped(stored as f64)),
            target: "< 150",
            holds: ms(p95) < 150.0,
        },
        Row {
            figure: "page, p50, beside the sum of its raw queries",
            ours: format!("{ratio:.2} ×"),
            baseline: format!("{:.0} ms for its queries one by one", ms(raw)),
            target: "≤ 1.5 ×",
            holds: ratio <= 1.5,
        },
    ])
}

/// Waits for the tables, which come after the listeners.
fn wait_until_ready(serve: &Running) -> Result<()> {
    let url = format!("http://{}/readyz", serve.address("metrics")?);
    let began = Instant::now();
    while ureq::get(&url).call().is_err() {
        ensure!(began.elapsed() < PATIENCE, "serve does not become ready");
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The median over some runs of the sum of the page's queries, sent one by one to the engine.
fn raw_queries(serve: &Running, agent: &ureq::Agent) -> Result<Duration> {
    let queries = footfall_dashboard::page_queries(SITE, crate::commands::now_ms())?;
    let mut sums = Vec::new();
    for _ in 0..15 {
        let mut sum = Duration::ZERO;
        for query in &queries {
            let start = Instant::now();
            serve.sql(agent, query)?;
            sum += start.elapsed();
        }
        sums.push(sum);
    }
    sums.sort();
    Ok(sums[sums.len() / 2])
}
