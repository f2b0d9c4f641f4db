//! `footfall advertiser|campaign|ad|placement`. What is asked for is checked by
//! [`footfall_event::catalog::edit`], as on every other way.

pub(crate) mod ad;
pub(crate) mod advertiser;
pub(crate) mod campaign;
pub(crate) mod import;
pub(crate) mod placement;

use footfall_event::money::Money;

use super::random_hex;

/// The id that was given, or a new one.
fn id_or_new(id: Option<String>) -> String {
    id.unwrap_or_else(|| random_hex(6))
}

/// An amount as people write it.
fn amount(money: Money) -> String {
    let (whole, rest) = (money.micros / 1_000_000, (money.micros % 1_000_000).abs());
    let mut cents = format!("{rest:06}");
    while cents.len() > 2 && cents.ends_with('0') {
        cents.pop();
    }
    format!("{whole}.{cents} {}", money.currency.as_str())
}

#[cfg(test)]
mod tests {
    use footfall_event::money::Currency;

    use super::*;

    #[test]
    fn amounts_are_written_as_people_do() {
        let currency = Currency::parse("EUR").expect("three letters");
        for (micros, text) in
            [(0, "0.00 EUR"), (250_000, "0.25 EUR"), (12_500_000, "12.50 EUR"), (1, "0.000001 EUR")]
        {
            assert_eq!(amount(Money { micros, currency }), text);
        }
    }
}
