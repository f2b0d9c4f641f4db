//! The schema: its migrations, and its statements for servers and clusters.

use footfall_warehouse::{Error, Settings, statements};

use crate::child;

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
