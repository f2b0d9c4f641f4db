//! Schema, blocks, and inserts that count once.

use std::collections::BTreeMap;

use footfall_event::ads::{AdDelta, Measures, Revision, Touch, query_hash};
use footfall_event::ads::{Attribution, Billing, CostModel, Proof};
use footfall_event::money::{Currency, Money};
use footfall_event::{Activity, Event, Hex64, Id, SessionDelta, Verdict, VerdictReason};
use footfall_warehouse::{
    Error, EventBlock, RecordError, SessionBlock, Settings, VerdictBlock, Warehouse, WindowBlock,
    statements,
};

use crate::child::{self, Engine};
use crate::sample::{DAY, NOON, event, visit};

fn block(range: std::ops::Range<u64>) -> EventBlock {
    let mut block = EventBlock::default();
    for n in range {
        block.push(&event(n, NOON + n as i64).to_json()).unwrap();
    }
    block
}

#[tokio::test]
async fn every_column_arrives() {
    let warehouse = child::database("columns").await;
    let mut block = block(0..1_000);
    assert_eq!(block.len(), 1_000);
    block.insert(&warehouse, "columns").await.unwrap();
    // Compared with what the same records say as JSON, read by ClickHouse itself.
    type Row = (String, String, String, i64, u64, String, String, String, String);
    let rows: Vec<Row> = warehouse
        .client()
        .query(
            "SELECT toString(id), toString(type), path, toUnixTimestamp64Milli(time), visitor, \
             query_normalised, toString(verdict), arrayStringConcat(reasons, ','), props['plan'] FROM events ORDER BY time",
        )
        .fetch_all()
        .await
        .unwrap();
    assert_eq!(rows.len(), 1_000);
    for (n, row) in rows.into_iter().enumerate() {
        let event = event(n as u64, NOON + n as i64);
        let is_search = event.activity == Activity::Search;
        let judged = event.judged.as_ref().unwrap();
        let expected: Row = (
            event.id.to_string(),
            event.activity.as_str().to_owned(),
            event.path.to_string(),
            event.time,
            event.visitor.unwrap().0,
            if is_search { format!("große schuhe {}", n % 5) } else { String::new() },
            judged.verdict.to_string(),
            judged.reasons.iter().map(|reason| reason.to_string()).collect::<String>(),
            if n % 5 == 0 { "pro".to_owned() } else { String::new() },
        );
        assert_eq!(row, expected);
    }
    let odd: (u64, u64, u64, u64, u64) = warehouse
        .client()
        .query(
            "SELECT countIf(isNull(results)), sum(ifNull(results, 0)), countIf(filters['farbe'] = 'rot'), \
             countIf(props['new'] = 'true'), uniqExact(user_agent) FROM events",
        )
        .fetch_one()
        .await
        .unwrap();
    let searches: Vec<u64> = (0..1_000).filter(|n| n % 7 == 0).collect();
    let count = searches.len() as u64;
    let results = searches.iter().map(|n| n % 9).sum();
    assert_eq!(odd, (1_000 - count, results, count, 200, 20));
}

#[tokio::test]
async fn the_same_token_counts_once() {
    let warehouse = child::database("token").await;
    // Over two months, so that the block becomes two parts.
    let mut block = EventBlock::default();
    for n in 0..200u64 {
        block.push_event(&event(n, NOON + n as i64 * DAY / 10)).unwrap();
    }
    let mut visits = SessionBlock::default();
    for n in 0..50u64 {
        visits.push_delta(&visit(n, NOON + n as i64 * DAY / 2)).unwrap();
    }
    for _ in 0..3 {
        block.insert(&warehouse, "events/3/0-199").await.unwrap();
        visits.insert(&warehouse, "sessions/3/0-49").await.unwrap();
    }
    assert_eq!(warehouse.number("SELECT count() FROM events").await.unwrap(), 200);
    assert_eq!(warehouse.number("SELECT toUInt64(sum(visits)) FROM sessions").await.unwrap(), 50);
    // The roll-ups count once, too: those inside the parts, and the tables of their own.
    let by_projection = "SELECT toUInt64(sum(visits)) FROM sessions WHERE site = 'example.com' AND day >= '2000-01-01' SETTINGS force_optimize_projection = 1";
    assert_eq!(warehouse.number(by_projection).await.unwrap(), 50);
    roll_ups_equal_the_rows(&warehouse).await;
    block.insert(&warehouse, "events/3/200-399").await.unwrap();
    assert_eq!(warehouse.number("SELECT count() FROM events").await.unwrap(), 400);
    roll_ups_equal_the_rows(&warehouse).await;
}

/// Compares every sum of the roll-up tables with the rows.
async fn roll_ups_equal_the_rows(warehouse: &Warehouse) {
    for (table, sums, rows, of_rows) in [
        (
            "event_hours",
            "(toInt64(sum(events)), toInt64(sum(new_visitor)), toInt64(sum(cityHash64(toUnixTimestamp(hour), toString(verdict), reason) % 1000 * events)))",
            "events",
            "(toInt64(count()), toInt64(sum(new_visitor)), toInt64(sum(cityHash64(toUnixTimestamp(toStartOfHour(time)), toString(verdict), reasons[1]) % 1000)))",
        ),
        (
            "event_days",
            "(toInt64(sum(events)), toInt64(sum(visitors)), sum(engaged_ms), sum(without_result), sum(value_micros), toInt64(sum(cityHash64(day, subject, currency) % 1000 * events)))",
            "events",
            "(toInt64(countIf(type != 'engagement')), toInt64(sum(new_on_path)), toInt64(sum(engaged_ms)), toInt64(countIf(results = 0)), sum(value_micros), \
             toInt64(sumIf(cityHash64(toDate(time), multiIf(type = 'search', query_normalised, type = 'action', toString(name), path), currency) % 1000, type != 'engagement')))",
        ),
        (
            "visit_hours",
            "(sum(visits), sum(bounces), sum(pageviews), sum(duration_ms), toInt64(sum(toUnixTimestamp(hour) % 1000 * visits)))",
            "sessions",
            "(sum(visits), sum(bounces), sum(pageviews), sum(duration_ms), toInt64(sum(toUnixTimestamp(toStartOfHour(start)) % 1000 * visits)))",
        ),
    ] {
        let mut both = Vec::new();
        for (table, sums) in [(table, sums), (rows, of_rows)] {
            let sql = format!("SELECT toString({sums}) FROM {table}");
            let text: String = warehouse.client().query_raw(&sql).fetch_one().await.unwrap();
            both.push(text);
        }
        assert_eq!(both[0], both[1], "{table} and its rows");
    }
}

#[tokio::test]
async fn an_insert_that_broke_off_before_the_roll_ups_is_completed_by_its_repetition() {
    let warehouse = child::database("broken").await;
    let mut block = block(0..500);
    let alter = |sql: &'static str| warehouse.client().query(sql).execute();
    alter("ALTER TABLE event_days ADD CONSTRAINT never CHECK events < 0").await.unwrap();
    block.insert(&warehouse, "broken/0-499").await.unwrap_err();
    alter("ALTER TABLE event_days DROP CONSTRAINT never").await.unwrap();
    for _ in 0..2 {
        block.insert(&warehouse, "broken/0-499").await.unwrap();
    }
    assert_eq!(warehouse.number("SELECT count() FROM events").await.unwrap(), 500);
    roll_ups_equal_the_rows(&warehouse).await;
}

#[tokio::test]
async fn what_was_stored_before_the_roll_ups_is_added_up_by_their_migration() {
    let warehouse = child::database("before").await;
    block(0..500).insert(&warehouse, "before/0-499").await.unwrap();
    // As if the roll-ups' migration had broken off at any of its statements.
    for broken in ["DROP TABLE event_days_view", "TRUNCATE TABLE visit_hours", "SELECT 1"] {
        warehouse.client().query(broken).execute().await.unwrap();
        warehouse.client().query("TRUNCATE TABLE migrations").execute().await.unwrap();
        warehouse.migrate().await.unwrap();
        roll_ups_equal_the_rows(&warehouse).await;
    }
}

#[tokio::test]
async fn a_visit_that_moves_leaves_its_exit_page() {
    let warehouse = child::database("exits").await;
    let mut visits = SessionBlock::default();
    for n in 0..10u64 {
        let first = visit(n, NOON);
        let mut moved = visit(n, NOON);
        (moved.visits, moved.bounces, moved.pageviews, moved.visitors) = (0, -1, 1, 0);
        (moved.exit, moved.left) = ("/thanks".into(), first.exit.clone());
        (moved.exit_visitors, moved.left_visitors) = (1, -1);
        visits.push_delta(&SessionDelta { exit_visitors: 1, ..first }).unwrap();
        visits.push_delta(&moved).unwrap();
    }
    assert_eq!(visits.len(), 30);
    visits.insert(&warehouse, "sessions/0/0-19").await.unwrap();
    let sums = "SELECT toUInt64(groupArray((exit, a, b)) = [('/thanks', 10, 10)]) FROM (SELECT exit, sum(exits) AS a, sum(exit_visitors) AS b FROM sessions GROUP BY exit HAVING a != 0 OR b != 0)";
    assert_eq!(warehouse.number(sums).await.unwrap(), 1);
    // All other dimensions of the rows are the visit's.
    let rest = "SELECT toUInt64(count()) FROM (SELECT country, entry, sum(visits) AS v, sum(exits) AS e, sum(pageviews) AS p FROM sessions GROUP BY country, entry HAVING v != e OR p != 2 * v)";
    assert_eq!(warehouse.number(rest).await.unwrap(), 0);
}

fn delta(n: i64, query: &str) -> AdDelta<'static> {
    let measures = Measures {
        impressions: 10 * n,
        net_impressions: 9 * n,
        measurable: 8 * n,
        viewable: 7 * n,
        clicks: 3,
        net_clicks: 1,
        invalid_clicks: BTreeMap::from([
            (VerdictReason::BotAgent, 1),
            (VerdictReason::DuplicateClick, 1),
        ]),
        click_conversions_micros: 1_500_000,
        view_conversions_micros: -500_000,
        revenue_micros: -7,
        cost_micros: 250_000,
        cost_per_mille_micros: 3_000_000,
    };
    AdDelta {
        v: 1,
        minute: NOON + n * 60_000,
        site: "example.com".into(),
        campaign: "spring".into(),
        ad: format!("ad-{n}").into(),
        placement: "top".into(),
        position: n as u16,
        query: query.to_owned().into(),
        query_hash: query_hash(query),
        currency: Currency::parse("EUR"),
        measures,
    }
}

#[tokio::test]
async fn windows_and_verdicts_arrive_once() {
    let warehouse = child::database("windows").await;
    let mut by_ad = WindowBlock::by_ad();
    let mut by_search = WindowBlock::by_search();
    let mut verdicts = VerdictBlock::default();
    for n in 1..=3 {
        by_ad.push(&serde_json::to_vec(&delta(n, "")).unwrap()).unwrap();
        let searched = AdDelta { placement: "".into(), position: 0, ..delta(n, "rote schuhe") };
        by_search.push(&serde_json::to_vec(&searched).unwrap()).unwrap();
        let revision = Revision {
            v: 1,
            site: "example.com".into(),
            id: Id::from_u128(n as u128),
            time: NOON,
            rules: 1,
            verdict: Verdict::Invalid,
            reasons: vec![VerdictReason::DuplicateClick, VerdictReason::NoImpression],
            decided_at: NOON + n,
        };
        verdicts.push(&serde_json::to_vec(&revision).unwrap()).unwrap();
    }
    for _ in 0..2 {
        by_ad.insert(&warehouse, "ad-windows/0/0-2").await.unwrap();
        by_search.insert(&warehouse, "search-windows/0/0-2").await.unwrap();
        verdicts.insert(&warehouse, "verdicts/0/0-2").await.unwrap();
    }
    let sums = "sum(impressions) = 60 AND sum(net_impressions) = 54 AND sum(measurable) = 48 AND sum(viewable) = 42 \
        AND sum(clicks) = 9 AND sum(net_clicks) = 3 AND sumMap(invalid_clicks) = map('bot_agent', 3, 'duplicate_click', 3) \
        AND sum(conversions) = 3 AND sum(revenue_micros) = -21 AND round(sum(cost), 6) = 0.759 AND any(currency) = 'EUR' \
        AND min(minute) = '2026-11-20 12:01:00'";
    let check = async |sql: String| assert_eq!(warehouse.number(&sql).await.unwrap(), 1, "{sql}");
    check(format!("SELECT toUInt64({sums} AND groupArray(position) = [1, 2, 3] AND any(placement) = 'top') FROM (SELECT * , conversions, cost FROM ad_windows ORDER BY minute)")).await;
    let hash = query_hash("rote schuhe").0;
    check(format!("SELECT toUInt64({sums} AND any(query_hash) = {hash} AND any(query) = 'rote schuhe') FROM search_windows")).await;
    check("SELECT toUInt64(count() = 3 AND any(reasons) = ['duplicate_click', 'no_impression'] AND max(decided_at) = '2026-11-20 12:00:00.003' AND any(verdict) = 'invalid') FROM verdicts".to_owned()).await;
    // What other rules say stands apart.
    let mut replay = VerdictBlock::of_replay();
    let revision = Revision {
        v: 1,
        site: "example.com".into(),
        id: Id::from_u128(1),
        time: NOON,
        rules: 2,
        verdict: Verdict::Flagged,
        reasons: vec![VerdictReason::NoImpression],
        decided_at: NOON + DAY,
    };
    replay.push(&serde_json::to_vec(&revision).unwrap()).unwrap();
    for _ in 0..2 {
        replay.insert(&warehouse, "replay/2/0").await.unwrap();
    }
    check(
        "SELECT toUInt64(count() = 1 AND any(rules) = 2 AND any(verdict) = 'flagged') FROM replays"
            .to_owned(),
    )
    .await;
    assert_eq!(warehouse.number("SELECT count() FROM verdicts").await.unwrap(), 3);
    // The roll-ups count once, too.
    let by_day = "SELECT toUInt64(sum(clicks)) FROM ad_windows WHERE site = 'example.com' AND day >= '2000-01-01' GROUP BY ad, placement ORDER BY ad LIMIT 1 SETTINGS force_optimize_projection = 1";
    assert_eq!(warehouse.number(by_day).await.unwrap(), 3);
    let by_query = "SELECT toUInt64(sum(clicks)) FROM search_windows WHERE site = 'example.com' AND day >= '2000-01-01' GROUP BY query_hash SETTINGS force_optimize_projection = 1";
    assert_eq!(warehouse.number(by_query).await.unwrap(), 9);
}

#[tokio::test]
async fn what_ad_events_carry_arrives() {
    let warehouse = child::database("ads").await;
    let billing = Billing {
        model: CostModel::Cpc,
        price: Money { micros: 250_000, currency: Currency::parse("EUR").unwrap() },
    };
    let touch = Touch {
        click: Id::from_u128(5),
        at: NOON - 9,
        site: "news.example".into(),
        campaign: "spring".into(),
        ad: "a1".into(),
        placement: "top".into(),
        position: 2,
        impression: Some(Id::from_u128(6)),
        query_hash: Hex64(7),
        billing: Some(billing),
        attribution: Attribution::default(),
    };
    let mut block = EventBlock::default();
    let mut of = |activity, change: &dyn Fn(&mut Event<'static>)| {
        let mut event = event(1, NOON);
        event.activity = activity;
        (event.campaign, event.billing) = ("spring".into(), Some(billing));
        change(&mut event);
        block.push(&event.to_json()).unwrap();
    };
    of(Activity::Click, &|event| {
        (event.proof, event.impression_at) = (Proof::Expired, NOON - 5);
        event.found = vec![VerdictReason::NotRunning, VerdictReason::PositionUnknown];
    });
    of(Activity::Impression, &|event| {
        (event.target, event.measurable) = ("shop.example".into(), true);
    });
    of(Activity::Conversion, &|event| {
        event.touches = vec![touch.clone(), touch.clone()];
        event.view_through = Some(touch.clone());
    });
    block.insert(&warehouse, "ads").await.unwrap();
    let sql = "SELECT toUInt64(count()) FROM events WHERE campaign = 'spring' AND billing_model = 'cpc' AND price_micros = 250000 AND price_currency = 'EUR' AND (\
        (type = 'click' AND proof = 'expired' AND toUnixTimestamp64Milli(impression_at) = toUnixTimestamp64Milli(time) - 5 AND found = ['not_running', 'position_unknown'] AND touches = '') \
        OR (type = 'impression' AND target = 'shop.example' AND measurable AND proof = '') \
        OR (type = 'conversion' AND JSONExtractString(touches, 2, 'placement') = 'top' AND JSONExtractInt(view_through, 'position') = 2))";
    assert_eq!(warehouse.number(sql).await.unwrap(), 3);
}

#[tokio::test]
async fn a_token_is_remembered_after_a_crash() {
    let engine = Engine::start().await;
    let warehouse = engine.warehouse("footfall");
    warehouse.migrate().await.unwrap();
    let mut first = block(0..500);
    first.insert(&warehouse, "a").await.unwrap();
    let process = rustix::process::Pid::from_raw(engine.process()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
    // What the loader does: repeat until it is stored.
    let mut failures = 0;
    loop {
        match first.insert(&warehouse, "a").await {
            Ok(()) if failures > 0 => break,
            Ok(()) => {}
            Err(error) => {
                assert!(error.is_retriable(), "{error}");
                failures += 1;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(warehouse.number("SELECT count() FROM events").await.unwrap(), 500);
    engine.supervisor.shutdown().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_commit_counts_once() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let warehouse = child::database("lost").await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let target = warehouse.settings().url.trim_start_matches("http://").to_owned();
    // Passes everything on, but cuts the first connection when the answer comes.
    tokio::spawn(async move {
        for n in 0.. {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = tokio::net::TcpStream::connect(&target).await.unwrap();
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.split();
                let (mut from_server, mut to_server) = server.split();
                let up = tokio::io::copy(&mut from_client, &mut to_server);
                let down = async {
                    let mut piece = vec![0; 65_536];
                    loop {
                        let length = from_server.read(&mut piece).await.unwrap_or(0);
                        if n == 0 || length == 0 {
                            return;
                        }
                        to_client.write_all(&piece[..length]).await.unwrap();
                    }
                };
                tokio::select! { _ = up => {}, () = down => {} }
            });
        }
    });
    let through = Warehouse::connect(Settings { url: proxy, ..warehouse.settings().clone() });
    let mut block = block(0..300);
    let error = block.insert(&through, "lost/0-299").await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)) && error.is_retriable(), "{error:?}");
    let stored = warehouse.number("SELECT count() FROM events").await.unwrap();
    assert_eq!(stored, 300, "the first insert was committed before its answer was lost");
    block.insert(&through, "lost/0-299").await.unwrap();
    assert_eq!(warehouse.number("SELECT count() FROM events").await.unwrap(), 300);
}

#[tokio::test]
async fn bad_records_are_refused_and_leave_the_block_alone() {
    let mut block = block(0..3);
    let mut not_judged = event(1, NOON);
    not_judged.judged = None;
    assert!(matches!(block.push(&not_judged.to_json()), Err(RecordError::NotJudged)));
    assert!(matches!(block.push(b"{}"), Err(RecordError::Event(_))));
    assert!(matches!(SessionBlock::default().push(b"[1]"), Err(RecordError::Json(_))));
    assert_eq!(block.len(), 3);
    let warehouse = child::database("bad").await;
    block.insert(&warehouse, "bad").await.unwrap();
    assert_eq!(warehouse.number("SELECT count() FROM events").await.unwrap(), 3);
    block.clear();
    assert!(block.is_empty());
    block.insert(&warehouse, "empty").await.unwrap();
    // A block that was used before starts afresh: dictionaries, maps and lists.
    block.push_event(&event(5, NOON + 9)).unwrap();
    block.insert(&warehouse, "again").await.unwrap();
    let path: String = warehouse
        .client()
        .query("SELECT path FROM events WHERE received_at = fromUnixTimestamp64Milli(?)")
        .bind(NOON + 9 + 40)
        .fetch_one()
        .await
        .unwrap();
    assert_eq!(path, "/articles/5");
}

#[tokio::test]
async fn unknown_tables_and_unreachable_servers_are_told_apart() {
    let warehouse = child::database("errors").await;
    let error = warehouse.number("SELECT count() FROM nothing").await.unwrap_err();
    assert!(matches!(error, Error::Server { code: 60, .. }), "{error:?}");
    assert!(!error.is_retriable());
    let settings =
        Settings { url: format!("http://{}", child::free_address()), ..Settings::default() };
    let error = Warehouse::connect(settings).ping().await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)), "{error:?}");
    assert!(error.is_retriable());
}

#[tokio::test]
async fn migrations_apply_once_and_describe_every_column() {
    let warehouse = child::database("migrations").await;
    warehouse.migrate().await.unwrap();
    assert_eq!(warehouse.number("SELECT count() FROM migrations").await.unwrap(), 5);
    let without = "SELECT count() FROM system.columns WHERE database = currentDatabase() AND comment = '' AND table NOT LIKE '%\\_view'";
    assert_eq!(warehouse.number(without).await.unwrap(), 0);
    let tables =
        "SELECT count() FROM system.tables WHERE database = currentDatabase() AND comment = ''";
    assert_eq!(warehouse.number(tables).await.unwrap(), 0);
    warehouse
        .client()
        .query("INSERT INTO migrations (version, name) VALUES (99, 'future')")
        .execute()
        .await
        .unwrap();
    let error = warehouse.migrate().await.unwrap_err();
    assert!(matches!(error, Error::NewerSchema { found: 99, known: 5 }), "{error}");
}

/// The statements for a cluster can't run here: the engine's parser checks them, and a file shows
/// what they are. `FOOTFALL_GOLDEN=write` writes the file anew.
#[tokio::test]
async fn the_statements_for_a_cluster_are_as_expected() {
    let warehouse = child::database("cluster").await;
    for (cluster, file) in [(None, "server.sql"), (Some("visits".to_owned()), "cluster.sql")] {
        let settings = Settings { cluster, ..Settings::default() };
        let all = statements(&settings);
        for statement in &all {
            let quoted = statement.replace('\\', "\\\\").replace('\'', "\\'");
            let check = format!("SELECT length(formatQuery('{quoted}')) > 0");
            let parsed = warehouse.client().query_raw(&check).fetch_one::<u8>().await;
            assert_eq!(parsed.unwrap(), 1, "{statement}");
        }
        let text = all.iter().map(|statement| format!("{statement};\n\n")).collect::<String>();
        let path = format!("{}/tests/golden/{file}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("FOOTFALL_GOLDEN").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap();
        assert!(
            text == expected,
            "{path} differs; look, then write it anew with FOOTFALL_GOLDEN=write"
        );
    }
}

#[tokio::test]
async fn rows_go_after_their_retention() {
    let warehouse = child::database("retention").await;
    let mut block = EventBlock::default();
    block.set_retention_days(1);
    block.push_event(&event(1, NOON - 4_000 * DAY)).unwrap();
    block.set_retention_days(0);
    block.push_event(&event(2, NOON - 3_990 * DAY)).unwrap();
    block.insert(&warehouse, "old").await.unwrap();
    warehouse.client().query("OPTIMIZE TABLE events FINAL").execute().await.unwrap();
    assert_eq!(warehouse.number("SELECT count() FROM events").await.unwrap(), 1);
    for table in ["event_hours", "event_days"] {
        let optimize = format!("OPTIMIZE TABLE {table} FINAL");
        warehouse.client().query(&optimize).execute().await.unwrap();
    }
    roll_ups_equal_the_rows(&warehouse).await;
}
