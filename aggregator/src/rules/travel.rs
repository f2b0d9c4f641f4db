//! Impossible travel: one account, two places, too little time.

use super::settings::ImpossibleTravel;
use super::zones;

/// Where an account clicked.
pub(crate) type Country = [u8; 2];

/// The country of a text; `None` when it is none.
pub(crate) fn country(text: &str) -> Option<Country> {
    text.as_bytes().try_into().ok().filter(|code: &Country| code.iter().all(u8::is_ascii_uppercase))
}

/// Whether nobody gets from one place to the other in this time.
pub(crate) fn is_impossible(
    (before, from): (i64, Country),
    (now, to): (i64, Country),
    rules: &ImpossibleTravel,
) -> bool {
    let text = |country: &Country| std::str::from_utf8(country).unwrap_or("").to_owned();
    let Some(km) = zones::between(&text(&from), &text(&to)) else { return false };
    let hours = (now - before).max(0) as f64 / 3_600_000.0;
    km > rules.km && km > rules.km_per_hour * hours
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn just_possible_and_just_not() {
        let rules = ImpossibleTravel::default();
        let at = |text: &str, hours: f64| ((hours * 3_600_000.0) as i64, country(text).unwrap());
        let impossible = |to: &str, hours: f64| is_impossible(at("DE", 0.0), at(to, hours), &rules);
        // 8,900 km from Berlin to Tokyo.
        assert!(impossible("JP", 8.8) && !impossible("JP", 9.1));
        // Near countries may be the next village.
        assert!(!impossible("FR", 0.0) && !impossible("DE", 0.0));
        assert!(!impossible("XX", 0.0), "an unknown place proves nothing");
        assert_eq!((country("de"), country(""), country("DEU")), (None, None, None));
    }
}
