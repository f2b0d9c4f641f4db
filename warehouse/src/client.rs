//! The connection to ClickHouse: a server, or the embedded engine behind the same HTTP interface.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How to reach ClickHouse.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Address of the HTTP interface, `http://host:port`.
    pub url: String,
    /// User.
    pub user: String,
    /// Password.
    #[serde(skip_serializing)]
    pub password: String,
    /// Database; made by [`Warehouse::migrate`] if it does not exist.
    pub database: String,
    /// Name of a cluster: tables become Replicated and Distributed, `ON CLUSTER`.
    pub cluster: Option<String>,
    /// A query of the dashboard is given up after so many seconds, by ClickHouse itself.
    pub query_seconds_max: u32,
    /// An insert is given up after so many seconds; it is then repeated with its token.
    pub insert_seconds_max: u32,
    /// A statement that changes the schema is given up after so many seconds.
    pub migrate_seconds_max: u32,
    /// A query may use so many bytes of ClickHouse's memory; 0 leaves it to ClickHouse.
    pub query_memory_bytes_max: u64,
    /// A query may use so many threads; 0 leaves it to ClickHouse.
    pub query_threads_max: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            url: "http://127.0.0.1:8123".to_owned(),
            user: "footfall".to_owned(),
            password: String::new(),
            database: "footfall".to_owned(),
            cluster: None,
            query_seconds_max: 15,
            insert_seconds_max: 60,
            migrate_seconds_max: 600,
            query_memory_bytes_max: 0,
            query_threads_max: 0,
        }
    }
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("url", &self.url)
            .field("user", &self.user)
            .field("password", &"(set)")
            .field("database", &self.database)
            .field("cluster", &self.cluster)
            .finish_non_exhaustive()
    }
}

/// A connection to ClickHouse; cheap to clone. Nothing is sent before the first call.
#[derive(Clone)]
pub struct Warehouse {
    settings: std::sync::Arc<Settings>,
    /// For queries: with limits, in the database.
    queries: clickhouse::Client,
    /// For inserts: every setting that exactly-once needs is explicit.
    inserts: clickhouse::Client,
    /// For the schema: no database, no limits but time.
    schema: clickhouse::Client,
}

/// One insert: everything that a repetition needs, byte for byte.
pub(crate) struct Insert {
    pub(crate) table: &'static str,
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: usize,
    /// The block in the Native format.
    pub(crate) body: Bytes,
}

impl Warehouse {
    /// A connection with these settings.
    pub fn connect(settings: Settings) -> Warehouse {
        let base = clickhouse::Client::default()
            .with_url(&settings.url)
            .with_user(&settings.user)
            .with_password(&settings.password);
        let database = base.clone().with_database(&settings.database);
        let mut queries = database
            .clone()
            .with_setting("max_execution_time", settings.query_seconds_max.to_string())
            .with_setting("optimize_use_projections", "1")
            // Each panel's projection is tiny: reading through several parts at once is what
            // costs, and results are summed anyway.
            .with_setting("optimize_aggregation_in_order", "0");
        if settings.query_memory_bytes_max > 0 {
            queries.set_setting("max_memory_usage", settings.query_memory_bytes_max.to_string());
        }
        if settings.query_threads_max > 0 {
            queries.set_setting("max_threads", settings.query_threads_max.to_string());
        }
        let mut inserts = database
            // Defaults of these differ between versions of ClickHouse: say each.
            .with_setting("async_insert", "0")
            .with_setting("insert_deduplicate", "1")
            .with_setting("deduplicate_blocks_in_dependent_materialized_views", "1")
            .with_setting("max_execution_time", settings.insert_seconds_max.to_string())
            // A block stays one block, however large: its token names all of it.
            .with_setting("max_insert_block_size", "1048576")
            .with_setting("min_insert_block_size_rows", "1048576")
            .with_setting("min_insert_block_size_bytes", "1073741824")
            // An import of old history may touch many months at once.
            .with_setting("max_partitions_per_insert_block", "1000");
        if settings.cluster.is_some() {
            inserts.set_setting("distributed_foreground_insert", "1");
            inserts.set_setting("insert_distributed_one_random_shard", "0");
        }
        let schema =
            base.with_setting("max_execution_time", settings.migrate_seconds_max.to_string());
        Warehouse { settings: std::sync::Arc::new(settings), queries, inserts, schema }
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The client for queries: in the database, with limits on time and memory. Rows are checked
    /// against the schema.
    pub fn client(&self) -> &clickhouse::Client {
        &self.queries
    }

    /// Whether ClickHouse answers queries now.
    ///
    /// # Errors
    /// When it does not, or not within five seconds.
    pub async fn ping(&self) -> Result<(), Error> {
        let limit = Duration::from_secs(5);
        match tokio::time::timeout(limit, self.schema.query("SELECT 1").execute()).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Error::Timeout(limit)),
        }
    }

    /// Runs a query that returns one number.
    ///
    /// # Errors
    /// As any query.
    pub async fn number(&self, sql: &str) -> Result<u64, Error> {
        Ok(self.queries.query(sql).fetch_one::<u64>().await?)
    }

    /// Runs a statement of the schema, outside any database.
    pub(crate) async fn execute(&self, statement: &str) -> Result<(), Error> {
        let limit = Duration::from_secs(u64::from(self.settings.migrate_seconds_max) + 5);
        // `?` would be taken for a placeholder.
        let query = self.schema.query_raw(statement).execute();
        match tokio::time::timeout(limit, query).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(Error::Timeout(limit)),
        }
    }

    /// Versions of the migrations that were applied.
    pub(crate) async fn fetch_versions(&self, statement: &str) -> Result<Vec<u32>, Error> {
        Ok(self.schema.query(statement).fetch_all::<u32>().await?)
    }

    pub(crate) async fn insert(&self, insert: &Insert, token: &str) -> Result<(), Error> {
        let started = Instant::now();
        let (table, columns) = (insert.table, insert.columns.join(", "));
        let statement = format!("INSERT INTO {table} ({columns}) FORMAT Native");
        let send = async {
            let mut request = self
                .inserts
                .insert_formatted_with(statement)
                .with_setting("insert_deduplication_token", token);
            request.send(insert.body.clone()).await?;
            request.end().await
        };
        let limit = Duration::from_secs(u64::from(self.settings.insert_seconds_max) + 5);
        let result = match tokio::time::timeout(limit, send).await {
            Ok(result) => result.map_err(Error::from),
            Err(_) => Err(Error::Timeout(limit)),
        };
        crate::metrics::record_insert(insert, started.elapsed(), &result);
        result
    }
}
