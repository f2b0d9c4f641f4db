//! Connections to the engine inside this process: one runs one statement at a time.
//!
//! Each kind of work has its own, so that a long query never stands before an insert. A
//! connection keeps the settings of its last statement; it is used again only by a statement that
//! sets at least the same ones, else a fresh one takes its place (half a millisecond), so that no
//! setting outlives its statement.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::library::{Connection, Library};

/// What a statement wants of its connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Database for names without one.
    pub(crate) database: String,
    /// Settings, by name.
    pub(crate) settings: BTreeMap<String, String>,
}

/// Connections for one kind of work.
pub(crate) struct Pool {
    library: &'static Library,
    arguments: Vec<String>,
    idle: Mutex<Vec<Pooled>>,
    permits: Arc<Semaphore>,
    wait: Duration,
}

struct Pooled {
    connection: Connection,
    has: Wanted,
}

impl Pool {
    pub(crate) fn new(
        library: &'static Library,
        arguments: Vec<String>,
        connections_max: usize,
        wait: Duration,
    ) -> Pool {
        let permits = Arc::new(Semaphore::new(connections_max.max(1)));
        Pool { library, arguments, idle: Mutex::default(), permits, wait }
    }

    /// Waits for a turn; `None` when none came in time.
    pub(crate) async fn turn(self: &Arc<Self>) -> Option<Turn> {
        let permit = tokio::time::timeout(self.wait, self.permits.clone().acquire_owned()).await;
        Some(Turn { pool: Arc::clone(self), _permit: permit.ok()?.ok()? })
    }

    /// Gives no more turns, waits for those that are out, and closes all connections.
    pub(crate) async fn close(&self, permits: usize, patience: Duration) -> bool {
        let all = u32::try_from(permits.max(1)).unwrap_or(u32::MAX);
        let ended = tokio::time::timeout(patience, self.permits.acquire_many(all)).await.is_ok();
        self.permits.close();
        self.idle().clear();
        ended
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Pooled>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle connection that can be brought to what is wanted, else a fresh one.
    fn take(&self, wanted: &Wanted) -> Result<Pooled, String> {
        let mut idle = self.idle();
        let same = idle.iter().position(|pooled| pooled.has == *wanted);
        let fits = |pooled: &Pooled| {
            pooled.has.settings.keys().all(|name| wanted.settings.contains_key(name))
        };
        if let Some(place) = same.or_else(|| idle.iter().position(fits)) {
            return Ok(idle.swap_remove(place));
        }
        let replaced = idle.pop();
        drop(idle);
        drop(replaced);
        let connection = self
            .library
            .connect(&self.arguments)
            .ok_or("Code: 210. DB::Exception: The engine gave no connection. (NETWORK_ERROR)")?;
        let has = Wanted { database: "default".to_owned(), settings: BTreeMap::new() };
        Ok(Pooled { connection, has })
    }
}

/// The right to use one connection. Everything here blocks: use it outside the async threads.
pub(crate) struct Turn {
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Turn {
    /// Runs `work` on a connection that has what is wanted. `work` says with its result whether
    /// the connection is as it was (`true`) or must not be used again.
    pub(crate) fn run<T>(
        &self,
        wanted: &Wanted,
        work: impl FnOnce(&mut Connection) -> (Result<T, String>, bool),
    ) -> Result<T, String> {
        let mut pooled = self.pool.take(wanted)?;
        bring(&mut pooled, wanted)?;
        let (result, reusable) = work(&mut pooled.connection);
        if reusable {
            self.pool.idle().push(pooled);
        }
        result
    }
}

/// Sets what is wanted and differs. On an error the connection is dropped by the caller.
fn bring(pooled: &mut Pooled, wanted: &Wanted) -> Result<(), String> {
    if pooled.has.database != wanted.database {
        let name = wanted.database.replace('\\', "\\\\").replace('`', "\\`");
        pooled.connection.query(&format!("USE `{name}`"), "Null", &[])?;
    }
    let differing: Vec<String> = wanted
        .settings
        .iter()
        .filter(|(name, value)| pooled.has.settings.get(*name) != Some(*value))
        .map(|(name, value)| {
            format!("{name} = '{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
        })
        .collect();
    if !differing.is_empty() {
        pooled.connection.query(&format!("SET {}", differing.join(", ")), "Null", &[])?;
    }
    pooled.has.clone_from(wanted);
    Ok(())
}
