//! Where time zones and countries are, as far as the time-zone database says: enough to tell that
//! a browser in Asia/Shanghai and an address in Portugal don't fit, and no more.

use std::sync::LazyLock;

use hashbrown::HashMap;

/// Latitude and longitude in degrees.
type Place = (f64, f64);

struct Zones {
    places: HashMap<&'static str, Place>,
    countries: HashMap<&'static str, Vec<Place>>,
}

static ZONES: LazyLock<Zones> = LazyLock::new(|| {
    let mut zones = Zones { places: HashMap::new(), countries: HashMap::new() };
    for line in include_str!("../../data/zones.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut cells = line.split('\t');
        let mut cell = || cells.next().expect("a test reads the built-in list");
        let (zone, latitude, longitude, countries) = (cell(), cell(), cell(), cell());
        let number = |text: &str| text.parse().expect("a test reads the built-in list");
        let place = (number(latitude), number(longitude));
        zones.places.insert(zone, place);
        for country in countries.split(',') {
            zones.countries.entry(country).or_default().push(place);
        }
    }
    zones
});

/// Kilometres between two places on the globe (haversine, mean radius).
fn distance(a: Place, b: Place) -> f64 {
    const EARTH_KM: f64 = 6_371.0;
    let (latitude_a, latitude_b) = (a.0.to_radians(), b.0.to_radians());
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let across = half((b.1 - a.1).to_radians());
    let h = half(latitude_b - latitude_a) + latitude_a.cos() * latitude_b.cos() * across;
    2.0 * EARTH_KM * h.min(1.0).sqrt().asin()
}

/// Kilometres from a time zone's place to the nearest place of a country; `None` when one of them
/// is not known.
pub(crate) fn off_country(zone: &str, country: &str) -> Option<f64> {
    let place = *ZONES.places.get(zone)?;
    let places = ZONES.countries.get(country)?;
    places.iter().map(|other| distance(place, *other)).reduce(f64::min)
}

/// Kilometres between the nearest places of two countries; `None` when one of them is not known.
pub(crate) fn between(a: &str, b: &str) -> Option<f64> {
    if a == b {
        return Some(0.0);
    }
    let (a, b) = (ZONES.countries.get(a)?, ZONES.countries.get(b)?);
    let pairs = a.iter().flat_map(|a| b.iter().map(|b| distance(*a, *b)));
    pairs.reduce(f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_an_atlas() {
        let close =
            |found: Option<f64>, km: f64| assert!((found.unwrap() - km).abs() < 60.0, "{found:?}");
        assert_eq!(off_country("Europe/Berlin", "DE"), Some(0.0));
        close(off_country("Europe/Vienna", "DE"), 480.0);
        close(off_country("Asia/Tokyo", "DE"), 8_900.0);
        close(between("JP", "PT"), 11_100.0);
        assert_eq!(between("DE", "DE"), Some(0.0));
        // Browsers still say so.
        assert_eq!(off_country("Asia/Calcutta", "IN"), Some(0.0));
        for (zone, country) in [("Mars/Base", "DE"), ("Europe/Berlin", "XX"), ("", "")] {
            assert_eq!(off_country(zone, country), None);
        }
    }
}
