//! What can be configured about the dashboard.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Settings of the dashboard. Times carry their unit in the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Ask for a sign-in. The program sets it whenever it listens on anything but loopback; it can
    /// be demanded on loopback too. Without it, only requests to a loopback name are answered.
    pub require_login: bool,
    /// The address under which people reach it, for links and for the snippet to paste
    /// (`https://stats.example.com`). Empty: the program fills in the listener's.
    pub base_url: String,
    /// Folder of the secret that signs sessions. Without one, sessions end with the process.
    pub secrets_dir: Option<PathBuf>,
    /// Days after which a session ends.
    pub session_days_max: u32,
    /// Sign-in attempts per client address and minute.
    pub login_attempts_max: u32,
    /// Seconds that one query may take in the warehouse; a panel that needs longer fails alone.
    pub query_seconds_max: u32,
    /// Queries that run at the same time, over all viewers.
    pub queries_max: usize,
    /// Queries of one page that run at the same time.
    pub queries_per_page_max: usize,
    /// Rows of one exported table.
    pub export_rows_max: u32,
    /// Feeds that are followed over HTTP at the same time, over all clients.
    pub feeds_max: usize,
    /// Seconds that the loader may be behind before the page says so.
    pub delay_seconds_noted: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            require_login: false,
            base_url: String::new(),
            secrets_dir: None,
            session_days_max: 30,
            login_attempts_max: 20,
            query_seconds_max: 3,
            queries_max: 8,
            queries_per_page_max: 2,
            export_rows_max: 10_000,
            feeds_max: 64,
            delay_seconds_noted: 10,
        }
    }
}
