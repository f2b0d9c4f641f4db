//! The schema: numbered SQL files, applied in order, each once.
//!
//! A file holds statements, separated by a line that ends with `;`. The same files serve one
//! server and a cluster through a few placeholders:
//!
//! | placeholder | one server | cluster |
//! |---|---|---|
//! | `{table:events}` | `footfall.events` | `footfall.events_local` |
//! | `{engine:events}` | `MergeTree` | `ReplicatedMergeTree('…/events', '{replica}')` |
//! | `{engine:event_days:Summing}` | `SummingMergeTree` | `ReplicatedSummingMergeTree('…', …)` |
//! | `{all:events}` | `footfall.events` | `footfall.events`, which is Distributed |
//! | `{on_cluster}` | nothing | `ON CLUSTER 'name'` |
//! | `{distributed:events:cityHash64(id)}` | nothing | the Distributed table over `events_local` |
//! | `{withdrawn:events}` | nothing | drops that Distributed table, which holds nothing itself |
//!
//! The sharding key depends on the row alone: a repeated block puts each row on the same shard
//! again, where its token is known.
//!
//! Statements must be repeatable (`IF NOT EXISTS`): a migration that broke off begins again.

use crate::error::Error;
use crate::{Settings, Warehouse};

/// One file of `migrations/`.
struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "events", sql: include_str!("../migrations/001_events.sql") },
    Migration { version: 2, name: "sessions", sql: include_str!("../migrations/002_sessions.sql") },
    Migration { version: 3, name: "ads", sql: include_str!("../migrations/003_ads.sql") },
    Migration { version: 4, name: "roll_ups", sql: include_str!("../migrations/004_roll_ups.sql") },
    Migration { version: 5, name: "replays", sql: include_str!("../migrations/005_replays.sql") },
];

const VERSIONS_TABLE: &str = "CREATE TABLE IF NOT EXISTS {table:migrations} {on_cluster}
(
    version UInt32 COMMENT 'Number of the file in warehouse/migrations',
    name String COMMENT 'Its name',
    applied_at DateTime('UTC') DEFAULT now() COMMENT 'When it was applied'
)
ENGINE = {engine:migrations}
ORDER BY version
COMMENT 'Migrations of the schema that were applied';
";

impl Warehouse {
    /// Makes or updates the schema. Safe to call at every start.
    ///
    /// # Errors
    /// When ClickHouse can't be reached or refuses a statement, or when the schema was made by a
    /// newer program.
    pub async fn migrate(&self) -> Result<(), Error> {
        let template = Template::new(self.settings());
        self.execute(&template.database_statement()).await?;
        for statement in template.statements(VERSIONS_TABLE) {
            self.execute(&statement).await?;
        }
        let table = template.table("migrations");
        let applied = self
            .fetch_versions(&format!("SELECT DISTINCT version FROM {table} ORDER BY version"))
            .await?;
        let known = MIGRATIONS.len() as u32;
        if let Some(&found) = applied.last().filter(|&&version| version > known) {
            return Err(Error::NewerSchema { found, known });
        }
        for migration in MIGRATIONS.iter().filter(|m| !applied.contains(&m.version)) {
            for statement in template.statements(migration.sql) {
                self.execute(&statement).await?;
            }
            let Migration { version, name, .. } = migration;
            self.execute(&format!(
                "INSERT INTO {table} (version, name) VALUES ({version}, '{name}')"
            ))
            .await?;
            tracing::info!(version, name, "applied a migration");
        }
        Ok(())
    }
}

/// Every statement that [`Warehouse::migrate`] would send to an empty ClickHouse, in order.
pub fn statements(settings: &Settings) -> Vec<String> {
    let template = Template::new(settings);
    let files = MIGRATIONS.iter().map(|migration| migration.sql);
    std::iter::once(template.database_statement())
        .chain(
            std::iter::once(VERSIONS_TABLE).chain(files).flat_map(|sql| template.statements(sql)),
        )
        .collect()
}

/// Fills in the placeholders.
struct Template<'a> {
    database: &'a str,
    cluster: Option<&'a str>,
}

impl<'a> Template<'a> {
    fn new(settings: &'a Settings) -> Template<'a> {
        Template { database: &settings.database, cluster: settings.cluster.as_deref() }
    }

    fn on_cluster(&self) -> String {
        self.cluster.map(|name| format!("ON CLUSTER {}", quoted(name))).unwrap_or_default()
    }

    fn database_statement(&self) -> String {
        let database = identifier(self.database);
        format!("CREATE DATABASE IF NOT EXISTS {database} {}", self.on_cluster())
            .trim_end()
            .to_owned()
    }

    /// The table that holds the data.
    fn table(&self, name: &str) -> String {
        let local = if self.cluster.is_some() { "_local" } else { "" };
        format!("{}.{}", identifier(self.database), identifier(&format!("{name}{local}")))
    }

    /// The table through which all shards' rows are read and written.
    fn all(&self, name: &str) -> String {
        format!("{}.{}", identifier(self.database), identifier(name))
    }

    /// `kind`: `Summing`, or nothing for the plain engine. Its own arguments follow in the file.
    fn engine(&self, name: &str, kind: &str) -> String {
        match self.cluster {
            None => format!("{kind}MergeTree"),
            Some(_) => format!(
                "Replicated{kind}MergeTree({}, '{{replica}}')",
                quoted(&format!("/clickhouse/tables/{{shard}}/{}/{name}", self.database))
            ),
        }
    }

    fn distributed(&self, name: &str, key: &str) -> String {
        let Some(cluster) = self.cluster else { return String::new() };
        let database = identifier(self.database);
        format!(
            "CREATE TABLE IF NOT EXISTS {database}.{} {} AS {}\nENGINE = Distributed({}, {}, {}, {key});",
            identifier(name),
            self.on_cluster(),
            self.table(name),
            quoted(cluster),
            quoted(self.database),
            quoted(&format!("{name}_local")),
        )
    }

    fn withdrawn(&self, name: &str) -> String {
        if self.cluster.is_none() {
            return String::new();
        }
        let (database, table) = (identifier(self.database), identifier(name));
        format!("DROP TABLE IF EXISTS {database}.{table} {};", self.on_cluster())
    }

    /// The statements of a file, without comment lines between them.
    fn statements(&self, sql: &str) -> Vec<String> {
        let filled = self.fill(sql);
        filled
            .split_inclusive(";\n")
            .map(|part| part.trim().trim_end_matches(';').to_owned())
            .filter(|part| part.lines().any(|line| !line.is_empty() && !line.starts_with("--")))
            .collect()
    }

    fn fill(&self, sql: &str) -> String {
        let mut out = String::with_capacity(sql.len());
        let mut rest = sql;
        while let Some(start) = rest.find('{') {
            out.push_str(&rest[..start]);
            let end = start + rest[start..].find('}').expect("a placeholder ends in our own files");
            let mut words = rest[start + 1..end].splitn(3, ':');
            let kind = words.next().unwrap_or_default();
            let (name, key) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            match kind {
                "table" => out.push_str(&self.table(name)),
                "engine" => out.push_str(&self.engine(name, key)),
                "all" => out.push_str(&self.all(name)),
                "on_cluster" => out.push_str(&self.on_cluster()),
                "withdrawn" => out.push_str(&self.withdrawn(name)),
                "distributed" => out.push_str(&self.distributed(name, key)),
                other => unreachable!("placeholder {other} in our own files"),
            }
            rest = &rest[end + 1..];
        }
        out.push_str(rest);
        out
    }
}

fn identifier(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}
