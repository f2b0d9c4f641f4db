//! The one configuration: defaults, then the file, then the environment, then flags. Unknown keys
//! are refused; what is secret never shows in logs or errors.
//!
//! `sections` has the tables of the file that belong to the program; those of the crates are in the
//! crates.

mod secret;
mod sections;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

pub(crate) use self::secret::Secret;
pub(crate) use self::sections::{ClickhouseConfig, KafkaConfig, LogConfig};
use crate::cli::Options;

/// Everything that can be configured.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// The file that this was read from.
    #[serde(skip)]
    pub(crate) file: Option<PathBuf>,
    /// The one folder that holds everything.
    pub(crate) data: PathBuf,
    /// Beacons, API and dashboard.
    pub(crate) listen: SocketAddr,
    /// `/metrics`, `/healthz`, `/readyz`.
    pub(crate) metrics_listen: SocketAddr,
    /// The embedded engine's ClickHouse HTTP interface.
    pub(crate) engine_listen: SocketAddr,
    /// The address under which browsers reach this server; empty: `http://` and `listen`.
    pub(crate) public_url: String,
    /// Put before every topic's name.
    pub(crate) topic_prefix: String,
    /// Rules of invalid traffic (`rules.toml`), followed while the file changes; without: those that
    /// `footfall rules set` has put in force, or the built-in ones.
    pub(crate) rules: Option<PathBuf>,
    /// Offer the demo site under `/demo`; by default `serve` does and `ingest` does not.
    pub(crate) demo: Option<bool>,
    /// The server loop.
    pub(crate) http: crate::http::Settings,
    /// The embedded log.
    pub(crate) log: LogConfig,
    /// Kafka; used when `kafka.brokers` is not empty.
    pub(crate) kafka: KafkaConfig,
    /// ClickHouse; the embedded engine is used when `clickhouse.url` is empty.
    pub(crate) clickhouse: ClickhouseConfig,
    /// The embedded engine.
    pub(crate) engine: footfall_warehouse::engine::Settings,
    /// Accepting events.
    pub(crate) ingest: footfall_ingest::Settings,
    /// Judging, visits, windows, loading.
    pub(crate) aggregate: footfall_aggregator::Settings,
    /// The dashboard.
    pub(crate) dashboard: footfall_dashboard::Settings,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            file: None,
            data: PathBuf::from("./data"),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            metrics_listen: SocketAddr::from(([127, 0, 0, 1], 9180)),
            engine_listen: SocketAddr::from(([127, 0, 0, 1], 8123)),
            public_url: String::new(),
            topic_prefix: "footfall.".to_owned(),
            rules: None,
            demo: None,
            http: crate::http::Settings::default(),
            log: LogConfig::default(),
            kafka: KafkaConfig::default(),
            clickhouse: ClickhouseConfig::default(),
            engine: footfall_warehouse::engine::Settings::default(),
            ingest: footfall_ingest::Settings::default(),
            aggregate: footfall_aggregator::Settings::default(),
            dashboard: footfall_dashboard::Settings::default(),
        }
    }
}

impl Config {
    /// Reads the file (if one is named) and applies the options over it.
    pub(crate) fn load(options: &Options) -> Result<Config> {
        let mut config = match &options.config {
            Some(path) => Config::read(path)?,
            None => Config::default(),
        };
        config.file.clone_from(&options.config);
        config.apply(options);
        config.check()?;
        Ok(config)
    }

    fn read(path: &Path) -> Result<Config> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("the configuration {} can't be read", path.display()))?;
        toml::from_str(&text).map_err(|error| {
            // The excerpt that the error shows may hold a password: keep message and line only.
            let before = error.span().map_or("", |span| &text[..span.start]);
            let line = before.matches('\n').count() + 1;
            anyhow::anyhow!("{}, line {line}: {}", path.display(), error.message())
        })
    }

    fn apply(&mut self, options: &Options) {
        fn set<T: Clone>(value: &mut T, option: &Option<T>) {
            if let Some(option) = option {
                value.clone_from(option);
            }
        }
        set(&mut self.data, &options.data);
        set(&mut self.listen, &options.listen);
        set(&mut self.metrics_listen, &options.metrics_listen);
        set(&mut self.engine_listen, &options.engine_listen);
        set(&mut self.topic_prefix, &options.topic_prefix);
        set(&mut self.public_url, &options.public_url);
        if options.rules.is_some() {
            self.rules.clone_from(&options.rules);
        }
        set(&mut self.kafka.brokers, &options.kafka);
        set(&mut self.clickhouse.url, &options.clickhouse.clone().map(Secret));
        set(&mut self.clickhouse.cluster, &options.clickhouse_cluster);
    }

    fn check(&self) -> Result<()> {
        ensure!(
            (1..=256).contains(&self.log.partitions),
            "log.partitions is {}, expected 1 to 256",
            self.log.partitions
        );
        ensure!(
            self.public_url.is_empty()
                || self.public_url.starts_with("http://")
                || self.public_url.starts_with("https://"),
            "public_url is {:?}, expected http://… or https://…",
            self.public_url
        );
        let prefix_ok = self
            .topic_prefix
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
        ensure!(
            prefix_ok && self.topic_prefix.len() <= 200,
            "topic_prefix is {:?}, expected letters, digits, '.', '-' and '_'",
            self.topic_prefix
        );
        Ok(())
    }

    /// The address under which browsers reach this server, without a final slash.
    pub(crate) fn public_url(&self) -> String {
        if self.public_url.is_empty() {
            format!("http://{}", self.listen)
        } else {
            self.public_url.trim_end_matches('/').to_owned()
        }
    }

    /// Whether Kafka is used instead of the embedded log.
    pub(crate) fn uses_kafka(&self) -> bool {
        !self.kafka.brokers.is_empty()
    }

    /// Whether a ClickHouse server is used instead of the embedded engine.
    pub(crate) fn uses_clickhouse_server(&self) -> bool {
        !self.clickhouse.url.expose().is_empty()
    }
}

/// A duration such as `500ms`, `60s`, `5m`, `1h`, `2d`.
///
/// # Errors
/// A sentence that says what would be right.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let expected = || format!("{text:?} is not a duration: expected such as 500ms, 60s, 5m or 1h");
    let number: u64 = number.parse().map_err(|_| expected())?;
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(expected()),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, options: &Options) -> Result<Config> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Config::load(&Options { config: Some(file.path().to_owned()), ..options.clone() })
    }

    #[test]
    fn the_file_is_over_the_defaults_and_options_over_the_file() {
        let options = Options { topic_prefix: Some("b.".into()), ..Options::default() };
        let config = load("topic_prefix = 'a.'\nlisten = '127.0.0.1:1'", &options).unwrap();
        assert_eq!(config.topic_prefix, "b.");
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.metrics_listen.port(), 9180);
    }

    #[test]
    fn unknown_keys_are_refused_with_their_line() {
        for text in ["\nlitsen = 1", "[log]\npartition = 1", "[ingest]\nnope = 1"] {
            let error = load(text, &Options::default()).unwrap_err().to_string();
            assert!(error.contains("line 2") && error.contains("unknown field"), "{error}");
        }
    }

    #[test]
    fn secrets_are_never_shown() {
        let text = "[clickhouse]\nurl = 'http://u:hunter2@h'\npassword = 'hunter2'\n\
                    [kafka]\nbrokers = 'k:9092'\n'sasl.password' = 'hunter2'";
        let config = load(text, &Options::default()).unwrap();
        assert_eq!(config.kafka.options["sasl.password"].expose(), "hunter2");
        for shown in [format!("{config:?}"), serde_json::to_string(&config).unwrap()] {
            assert!(!shown.contains("hunter2"), "{shown}");
        }
        let error = load("[clickhouse]\npassword = 'hunter2\n", &Options::default()).unwrap_err();
        assert!(!format!("{error:#}").contains("hunter2"), "{error:#}");
    }

    #[test]
    fn durations() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7_200)));
        for bad in ["", "5", "s", "-1s", "1.5h", "99999999999999999999s", "5 s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}
