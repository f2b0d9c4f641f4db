//! Roll-ups, which always equal the sums of the rows.

use footfall_warehouse::{EventBlock, Warehouse};

use crate::child;
use crate::sample::{DAY, NOON, event};
use crate::store::block;

/// Compares every sum of the roll-up tables with the rows.
pub(crate) async fn roll_ups_equal_the_rows(warehouse: &Warehouse) {
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
