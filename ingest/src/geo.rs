//! Where an address is: country, region, city, autonomous system.
//!
//! The databases are read when the first public address comes, so that a server at rest doesn't
//! hold them. Without databases everything works and nothing is known. Answers are kept by
//! address, bounded, in memory only.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use maxminddb::{PathElement, Reader};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};

mod asn;
mod files;

use asn::AsnTable;

/// Answers that are kept; each takes some 300 bytes.
const CACHE_ENTRIES: usize = 32_768;

/// `[ingest.geo]`: the databases. Empty lists: those that were fetched beside the program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GeoSettings {
    /// Don't look addresses up at all.
    pub off: bool,
    /// City databases (`.mmdb`, MaxMind's form or DB-IP's), asked in this order.
    pub city: Vec<PathBuf>,
    /// Databases of autonomous systems (`.mmdb`, or `.csv` with first and last address, number
    /// and organisation), asked in this order.
    pub asn: Vec<PathBuf>,
}

/// The place of an address. Empty where nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Name of the region.
    pub region: String,
    /// Name of the city.
    pub city: String,
    /// Autonomous system number; 0 when not known.
    pub asn: u32,
    /// Its organisation.
    pub as_organization: Arc<str>,
}

/// Looks addresses up.
pub struct Geo {
    city: Vec<PathBuf>,
    asn: Vec<PathBuf>,
    databases: OnceLock<Databases>,
    nowhere: Arc<Place>,
    cache: Cache<IpAddr, Arc<Place>>,
}

struct Databases {
    city: Vec<Reader<Vec<u8>>>,
    asn: Vec<Asn>,
}

enum Asn {
    Mmdb(Reader<Vec<u8>>),
    Table(AsnTable),
}

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum GeoError {
    /// It can't be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not in a known format.
    #[error("{}: {message}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
}

impl Geo {
    /// Finds the databases and says once which are missing. They are read later.
    pub fn new(settings: &GeoSettings) -> Geo {
        let (mut city, mut asn) = (settings.city.clone(), settings.asn.clone());
        if settings.off {
            city.clear();
            asn.clear();
        } else {
            if city.is_empty() {
                city = files::find(&files::CITY);
            }
            if asn.is_empty() {
                asn = files::find(&files::ASN);
            }
            for (what, files) in [("city", &city), ("ASN", &asn)] {
                if files.is_empty() {
                    tracing::warn!(
                        "no {what} database was found: `make tools` fetches one, or name a file under [ingest.geo]"
                    );
                }
            }
        }
        Geo {
            city,
            asn,
            databases: OnceLock::new(),
            nowhere: Arc::default(),
            cache: Cache::new(CACHE_ENTRIES),
        }
    }

    /// A `Geo` that knows nothing.
    pub fn none() -> Geo {
        Geo::new(&GeoSettings { off: true, ..GeoSettings::default() })
    }

    /// Reads every database, to see whether it can be used. Returns the files.
    ///
    /// # Errors
    /// The first that can't.
    pub fn check(&self) -> Result<Vec<&Path>, GeoError> {
        for path in &self.city {
            read_mmdb(path)?;
        }
        for path in &self.asn {
            read_asn(path)?;
        }
        Ok(self.city.iter().chain(&self.asn).map(PathBuf::as_path).collect())
    }

    /// The place of an address.
    pub fn place(&self, address: IpAddr) -> Arc<Place> {
        if !is_public(address) || (self.city.is_empty() && self.asn.is_empty()) {
            return self.nowhere.clone();
        }
        if let Some(known) = self.cache.get(&address) {
            return known;
        }
        let place = Arc::new(self.databases().place(address));
        self.cache.insert(address, place.clone());
        place
    }

    fn databases(&self) -> &Databases {
        self.databases.get_or_init(|| Databases {
            city: usable(&self.city, read_mmdb),
            asn: usable(&self.asn, read_asn),
        })
    }
}

/// The databases that can be used; the log says which can't.
fn usable<T>(files: &[PathBuf], read: impl Fn(&Path) -> Result<T, GeoError>) -> Vec<T> {
    let keep = |file: &PathBuf| match read(file) {
        Ok(database) => Some(database),
        Err(error) => {
            tracing::warn!(%error, "a geo database can't be used");
            None
        }
    };
    files.iter().filter_map(keep).collect()
}

fn read_mmdb(path: &Path) -> Result<Reader<Vec<u8>>, GeoError> {
    let bytes =
        std::fs::read(path).map_err(|source| GeoError::Read { path: path.to_owned(), source })?;
    Reader::from_source(bytes)
        .map_err(|error| GeoError::Format { path: path.to_owned(), message: error.to_string() })
}

fn read_asn(path: &Path) -> Result<Asn, GeoError> {
    if path.extension().is_some_and(|extension| extension == "csv") {
        let text = std::fs::read_to_string(path)
            .map_err(|source| GeoError::Read { path: path.to_owned(), source })?;
        return AsnTable::parse(&text)
            .map(Asn::Table)
            .map_err(|message| GeoError::Format { path: path.to_owned(), message });
    }
    read_mmdb(path).map(Asn::Mmdb)
}

impl Databases {
    fn place(&self, address: IpAddr) -> Place {
        let mut place = Place::default();
        for database in &self.city {
            fill_city(database, address, &mut place);
            if !place.country.is_empty() {
                break;
            }
        }
        for database in &self.asn {
            match database {
                Asn::Table(table) => {
                    if let Some((asn, organization)) = table.get(address) {
                        (place.asn, place.as_organization) = (asn, organization.clone());
                    }
                }
                Asn::Mmdb(database) => fill_asn(database, address, &mut place),
            }
            if place.asn != 0 {
                break;
            }
        }
        place
    }
}

/// Both forms: DB-IP's flat one, and MaxMind's with names by language.
fn fill_city(database: &Reader<Vec<u8>>, address: IpAddr, place: &mut Place) {
    let v6_in_v4 = address.is_ipv6() && database.metadata().ip_version == 4;
    if v6_in_v4 {
        return;
    }
    let Ok(found) = database.lookup(address) else { return };
    let text = |path: &[PathElement<'_>]| {
        found.decode_path::<&str>(path).ok().flatten().map(str::to_owned)
    };
    use PathElement::{Index, Key};
    let first =
        |paths: [&[PathElement<'_>]; 2]| paths.into_iter().find_map(text).unwrap_or_default();
    place.country = first([&[Key("country_code")], &[Key("country"), Key("iso_code")]]);
    place.region =
        first([&[Key("state1")], &[Key("subdivisions"), Index(0), Key("names"), Key("en")]]);
    place.city = first([&[Key("city")], &[Key("city"), Key("names"), Key("en")]]);
}

fn fill_asn(database: &Reader<Vec<u8>>, address: IpAddr, place: &mut Place) {
    if address.is_ipv6() && database.metadata().ip_version == 4 {
        return;
    }
    let Ok(found) = database.lookup(address) else { return };
    let number = found.decode_path(&[PathElement::Key("autonomous_system_number")]);
    let name = found.decode_path::<&str>(&[PathElement::Key("autonomous_system_organization")]);
    place.asn = number.ok().flatten().unwrap_or(0);
    place.as_organization = name.ok().flatten().unwrap_or_default().into();
}

/// Whether an address can be in a database at all.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast())
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_databases_nothing_is_known() {
        let geo = Geo::none();
        assert_eq!(*geo.place("8.8.8.8".parse().unwrap()), Place::default());
        assert_eq!(geo.check().unwrap(), Vec::<&Path>::new());
    }

    #[test]
    fn a_broken_database_is_named() {
        let file = tempfile::Builder::new().suffix(".mmdb").tempfile().unwrap();
        std::fs::write(file.path(), b"not a database").unwrap();
        let settings = GeoSettings {
            city: vec![file.path().to_owned()],
            asn: vec!["/nonexistent/asn.csv".into()],
            ..GeoSettings::default()
        };
        let geo = Geo::new(&settings);
        let error = geo.check().unwrap_err().to_string();
        assert!(error.contains(file.path().to_str().unwrap()), "{error}");
        assert_eq!(*geo.place("8.8.8.8".parse().unwrap()), Place::default());
    }

    /// With the databases that `make tools` fetches, if they are here.
    #[test]
    fn the_fetched_databases_know_well_known_addresses() {
        let tools = std::env::var_os("FOOTFALL_TOOLS").map(PathBuf::from);
        let tools =
            tools.unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../.tools").into());
        let all = |names: [&str; 2]| names.map(|name| tools.join("npm/node_modules").join(name));
        let (city, asn) = (all(files::CITY).to_vec(), all(files::ASN).to_vec());
        let fetched = city.iter().chain(&asn).all(|file| file.is_file());
        let geo = Geo::new(&GeoSettings { off: false, city, asn });
        if !fetched {
            eprintln!("skipped: the geo databases were not fetched (`make tools`)");
            return;
        }
        geo.check().unwrap();
        let google = geo.place("8.8.8.8".parse().unwrap());
        assert_eq!((&*google.country, google.asn), ("US", 15_169));
        assert!(google.as_organization.contains("Google"), "{google:?}");
        let v6 = geo.place("2001:4860:4860::8888".parse().unwrap());
        assert_eq!(v6.asn, 15_169);
        assert!(!v6.country.is_empty());
        let home = geo.place("91.64.0.1".parse().unwrap());
        assert_eq!(home.country, "DE");
        assert!(!home.region.is_empty() && !home.city.is_empty(), "{home:?}");
        assert_eq!(*geo.place("192.168.1.1".parse().unwrap()), Place::default());
    }
}
