//! The engine's settings, and the files in which ClickHouse reads them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::EngineError;

/// How the engine runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The data folder; the store is in `clickhouse` below it, the passwords in `secrets`.
    pub data: PathBuf,
    /// `libchdb.so`; when not set it is looked for where `make tools` puts it.
    pub library: Option<PathBuf>,
    /// Memory of the whole engine in bytes; 0 takes half of the machine's, 8 GiB at the most.
    pub memory_bytes_max: u64,
    /// Memory of one query in bytes; 0 takes half of the engine's.
    pub query_memory_bytes_max: u64,
    /// Threads of one query; 0 takes one per processor.
    pub query_threads_max: u32,
    /// A query ends after so many seconds, unless it asks for less.
    pub query_seconds_max: u32,
    /// Queries that run at once; more wait.
    pub queries_max: usize,
    /// Inserts that run at once; more wait.
    pub inserts_max: usize,
    /// Queries of the user `reader` that run at once; more wait.
    pub reader_queries_max: usize,
    /// A query or insert waits so many seconds for its turn, then it is refused.
    pub wait_seconds_max: u64,
    /// Bytes of a query's text.
    pub query_bytes_max: usize,
    /// Bytes of an insert's data.
    pub insert_bytes_max: usize,
    /// Bytes of a result that can't be sent while it is made (JSON, Parquet and the like); while it
    /// is made, the query's memory bounds it.
    pub result_bytes_max: u64,
    /// Open connections.
    pub connections_max: usize,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            data: PathBuf::from("data"),
            library: None,
            memory_bytes_max: 0,
            query_memory_bytes_max: 0,
            query_threads_max: 0,
            query_seconds_max: 300,
            queries_max: 4,
            inserts_max: 2,
            reader_queries_max: 2,
            wait_seconds_max: 30,
            query_bytes_max: 1 << 20,
            insert_bytes_max: 1 << 30,
            result_bytes_max: 128 << 20,
            connections_max: 256,
        }
    }
}

impl Settings {
    /// The store's folder.
    pub fn store(&self) -> PathBuf {
        self.data.join("clickhouse")
    }

    fn memory_bytes(&self) -> u64 {
        if self.memory_bytes_max > 0 {
            return self.memory_bytes_max;
        }
        const MIB: u64 = 1 << 20;
        (machine_memory_bytes() / 2).clamp(512 * MIB, 8 << 30)
    }

    fn query_memory_bytes(&self) -> u64 {
        match self.query_memory_bytes_max {
            0 => self.memory_bytes() / 2,
            bytes => bytes,
        }
    }

    /// Writes ClickHouse's configuration below the store.
    ///
    /// # Errors
    /// When the files can't be written.
    pub(crate) fn write_files(&self) -> Result<PathBuf, EngineError> {
        let folder = self.store().join("configuration");
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).map(|()| path)
        };
        let failed = |source| EngineError::Folder { path: folder.clone(), source };
        fs::create_dir_all(&folder).map_err(failed)?;
        let users = write("users.xml", self.users_xml()).map_err(failed)?;
        write("config.xml", self.config_xml(&users)).map_err(failed)
    }

    /// Small caches and few threads: a machine that counts visits should not give half a gigabyte
    /// to an idle database. None of ClickHouse's own logs: they would outgrow the data.
    fn config_xml(&self, users: &Path) -> String {
        let options = [
            ("users_config", users.display().to_string()),
            ("max_server_memory_usage", self.memory_bytes().to_string()),
            ("mark_cache_size", (64 << 20).to_string()),
            ("primary_index_cache_size", (32 << 20).to_string()),
            ("index_mark_cache_size", (8 << 20).to_string()),
            ("uncompressed_cache_size", "0".to_owned()),
            ("index_uncompressed_cache_size", "0".to_owned()),
            ("query_condition_cache_size", (8 << 20).to_string()),
            ("compiled_expression_cache_size", (16 << 20).to_string()),
            ("mmap_cache_size", "100".to_owned()),
            ("background_pool_size", "2".to_owned()),
            ("background_merges_mutations_concurrency_ratio", "2".to_owned()),
            ("background_schedule_pool_size", "4".to_owned()),
            ("max_thread_pool_size", "500".to_owned()),
            ("max_thread_pool_free_size", "16".to_owned()),
            ("max_io_thread_pool_free_size", "0".to_owned()),
            ("jemalloc_max_background_threads_num", "1".to_owned()),
        ];
        let lines: String = options
            .iter()
            .map(|(name, value)| format!("  <{name}>{}</{name}>\n", xml(value)))
            .collect();
        format!("<clickhouse>\n{lines}</clickhouse>\n")
    }

    /// Everything but reaching out of the store: no files, no addresses, no other servers.
    fn users_xml(&self) -> String {
        let threads = match self.query_threads_max {
            0 => String::new(),
            threads => format!("<max_threads>{threads}</max_threads>"),
        };
        format!(
            "<clickhouse>
  <profiles><default>
    <max_memory_usage>{memory}</max_memory_usage>
    <max_execution_time>{seconds}</max_execution_time>
    {threads}
    <log_queries>0</log_queries>
    <constraints>
      <max_memory_usage><min>1</min><max>{memory}</max></max_memory_usage>
      <max_execution_time><min>1</min><max>{longest}</max></max_execution_time>
    </constraints>
  </default></profiles>
  <users><default>
    <password></password>
    <networks><ip>::1</ip><ip>127.0.0.1</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
    <grants>
      <query>GRANT ALL ON *.*</query>
      <query>REVOKE SOURCES ON *.*</query>
    </grants>
  </default></users>
  <quotas><default></default></quotas>
</clickhouse>
",
            memory = self.query_memory_bytes(),
            seconds = self.query_seconds_max,
            longest = self.query_seconds_max.max(3_600),
        )
    }
}

fn xml(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The machine's memory, or what a container may use of it.
fn machine_memory_bytes() -> u64 {
    let kib = |line: &str| line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    let machine = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| text.lines().find(|line| line.starts_with("MemTotal:")).and_then(kib))
        .map_or(4 << 30, |kib| kib * 1_024);
    let container = fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(u64::MAX);
    machine.min(container)
}

/// The package of the library for this machine, as the package manager's folder.
const PACKAGE: &str = if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
    "lib-linux-x64-gnu"
} else if cfg!(all(target_os = "linux", target_arch = "aarch64")) {
    "lib-linux-arm64-gnu"
} else if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
    "lib-darwin-arm64"
} else {
    "lib-darwin-x64"
};

/// The engine library: as configured, else below `FOOTFALL_TOOLS`, else in `.tools` beside the
/// current folder or the program, or beside a folder above them.
///
/// # Errors
/// When it is in none of these places.
pub fn find_library(configured: Option<&Path>) -> Result<PathBuf, EngineError> {
    let inside =
        |tools: &Path| tools.join("npm/node_modules/@chdb").join(PACKAGE).join("libchdb.so");
    let mut places = Vec::new();
    match (configured, std::env::var_os("FOOTFALL_TOOLS")) {
        (Some(path), _) => places.push(path.to_owned()),
        (None, Some(tools)) => places.push(inside(Path::new(&tools))),
        (None, None) => {
            let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
            for start in starts.iter().flatten() {
                places.extend(start.ancestors().map(|folder| inside(&folder.join(".tools"))));
            }
        }
    }
    places.iter().find(|path| path.is_file()).cloned().ok_or(EngineError::LibraryMissing {
        looked_first: places.into_iter().next().unwrap_or_default(),
    })
}
