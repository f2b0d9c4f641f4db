//! Where the tools that `make` fetches are.

use std::path::{Path, PathBuf};

/// The folder of fetched tools: `FOOTFALL_TOOLS`, else `.tools` of the repository.
pub fn folder() -> PathBuf {
    match std::env::var_os("FOOTFALL_TOOLS") {
        Some(folder) => PathBuf::from(folder),
        None => repository().join(".tools"),
    }
}

/// The repository's root.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package is in a folder of the repository")
        .to_path_buf()
}

/// A TCP port of the loopback interface that was free a moment ago.
///
/// # Errors
/// When the machine has none left.
pub fn free_port() -> std::io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
