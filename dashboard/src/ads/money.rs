//! Money of ads: per currency, never added up over currencies.

use std::collections::BTreeMap;

use crate::format;

/// What was spent and earned in one currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amounts {
    /// Billionths of the unit, so that prices per thousand are divided once, at the end.
    pub(crate) cost_nanos: i64,
    /// Millionths of the unit.
    pub(crate) revenue_micros: i64,
}

/// By currency code.
pub(crate) type Purse = BTreeMap<String, Amounts>;

impl Amounts {
    /// The cost in millionths.
    pub(crate) fn cost_micros(self) -> i64 {
        micros(self.cost_nanos)
    }
}

/// Billionths as millionths, rounded half to even.
pub(crate) fn micros(nanos: i64) -> i64 {
    let (whole, rest) = (nanos.div_euclid(1_000), nanos.rem_euclid(1_000));
    whole + i64::from(rest > 500 || (rest == 500 && whole % 2 != 0))
}

/// Adds one purse to another.
pub(crate) fn add(to: &mut Purse, more: &Purse) {
    for (currency, amounts) in more {
        let sum = to.entry(currency.clone()).or_default();
        sum.cost_nanos = sum.cost_nanos.saturating_add(amounts.cost_nanos);
        sum.revenue_micros = sum.revenue_micros.saturating_add(amounts.revenue_micros);
    }
}

/// `€4,583.04 + CHF 12.00`, of the costs that are not zero; `None` when there are none.
pub(crate) fn costs(purse: &Purse) -> Option<String> {
    joined(purse.iter().map(|(currency, amounts)| (currency, amounts.cost_micros())))
}

/// The same of revenues.
pub(crate) fn revenues(purse: &Purse) -> Option<String> {
    joined(purse.iter().map(|(currency, amounts)| (currency, amounts.revenue_micros)))
}

/// Amounts in millionths, with a plus between currencies.
pub(crate) fn joined<'a>(amounts: impl Iterator<Item = (&'a String, i64)>) -> Option<String> {
    let parts: Vec<_> = amounts
        .filter(|(_, micros)| *micros != 0)
        .map(|(currency, micros)| format::money(micros, currency))
        .collect();
    (!parts.is_empty()).then(|| parts.join(" + "))
}

/// Cost per `per` of something that there were `count` of (1,000 for eCPM), per currency. `None`
/// when there were none.
pub(crate) fn cost_per(purse: &Purse, count: i64, per: i64) -> Option<String> {
    if count <= 0 {
        return None;
    }
    let each = |amounts: &Amounts| {
        let micros = i128::from(amounts.cost_nanos) * i128::from(per) / i128::from(count) / 1_000;
        i64::try_from(micros).unwrap_or(i64::MAX)
    };
    joined(purse.iter().map(|(currency, amounts)| (currency, each(amounts))))
}

/// The currency of which most was spent.
pub(crate) fn main_currency(purse: &Purse) -> Option<&str> {
    purse
        .iter()
        .filter(|(_, amounts)| amounts.cost_nanos != 0)
        .max_by_key(|(_, amounts)| amounts.cost_nanos)
        .map(|(currency, _)| currency.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purse(entries: &[(&str, i64, i64)]) -> Purse {
        entries
            .iter()
            .map(|&(currency, cost_nanos, revenue_micros)| {
                (currency.to_owned(), Amounts { cost_nanos, revenue_micros })
            })
            .collect()
    }

    #[test]
    fn half_goes_to_the_even_neighbour() {
        for (nanos, expected) in
            [(1_499, 1), (1_500, 2), (2_500, 2), (2_501, 3), (-1_500, -2), (-2_500, -2), (0, 0)]
        {
            assert_eq!(micros(nanos), expected, "{nanos}");
        }
    }

    #[test]
    fn currencies_stand_beside_each_other() {
        let mut sum = purse(&[("EUR", 1_500_000_000, 0)]);
        add(&mut sum, &purse(&[("EUR", 500_000_000, 3_000_000), ("CHF", 250_000_000, 0)]));
        assert_eq!(costs(&sum).unwrap(), "CHF 0.25 + €2.00");
        assert_eq!(revenues(&sum).unwrap(), "€3.00");
        assert_eq!(cost_per(&sum, 1_000, 1_000).unwrap(), "CHF 0.25 + €2.00");
        assert_eq!(cost_per(&sum, 0, 1), None);
        assert_eq!(main_currency(&sum), Some("EUR"));
        assert_eq!(costs(&Purse::new()), None);
    }
}
