//! Blocks, and inserts that count once.

use footfall_event::{Activity, SessionDelta};
use footfall_warehouse::{Error, EventBlock, RecordError, SessionBlock, Settings, Warehouse};

use crate::child::{self, Engine};
use crate::roll_ups::roll_ups_equal_the_rows;
use crate::sample::{DAY, NOON, event, visit};

pub(crate) fn block(range: std::ops::Range<u64>) -> EventBlock {
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

/// ClickHouse remembers a block's token a moment before the block is stored: killed in between, it
/// would take the repetition for one too many.
#[tokio::test]
async fn a_token_is_forgotten_when_its_block_was_not_stored() {
    let engine = Engine::start().await;
    let warehouse = engine.warehouse("footfall");
    warehouse.migrate().await.unwrap();
    warehouse.client().query("SYSTEM STOP MERGES").execute().await.unwrap();
    let (mut first, mut second) = (block(0..300), block(300..500));
    first.insert(&warehouse, "a").await.unwrap();
    second.insert(&warehouse, "b").await.unwrap();
    engine.supervisor.shutdown().await;
    // The last parts as they are before they have their names.
    let mut unnamed = 0;
    for group in std::fs::read_dir(engine.data.path().join("clickhouse/store")).unwrap() {
        for table in std::fs::read_dir(group.unwrap().path()).unwrap() {
            let table = table.unwrap().path();
            let log = table.join("deduplication_logs/deduplication_log_1.txt");
            let text = std::fs::read_to_string(log).unwrap_or_default();
            let last = text.lines().last().and_then(|line| line.split('\t').nth(1));
            let Some(part) = last else { continue };
            std::fs::rename(table.join(part), table.join(format!("tmp_insert_{part}"))).unwrap();
            unnamed += 1;
        }
    }
    assert!(unnamed >= 3, "{unnamed}: rows and roll-ups");
    let engine = Engine::start_on(engine.data).await;
    let warehouse = engine.warehouse("footfall");
    assert_eq!(warehouse.number("SELECT count() FROM events").await.unwrap(), 300);
    first.insert(&warehouse, "a").await.unwrap();
    second.insert(&warehouse, "b").await.unwrap();
    assert_eq!(warehouse.number("SELECT count() FROM events").await.unwrap(), 500);
    roll_ups_equal_the_rows(&warehouse).await;
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
