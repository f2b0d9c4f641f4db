//! Which autonomous systems host servers, and in which of them people are met all the same.

use std::sync::LazyLock;

use hashbrown::HashMap;

use super::ruleset::Rules;

/// What an autonomous system is known for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hosting {
    /// Nothing of the kind.
    No,
    /// Servers only.
    Yes,
    /// Servers, and exits of VPNs, private relays and company proxies.
    Shared,
}

static LIST: LazyLock<HashMap<u32, Hosting>> = LazyLock::new(|| {
    let lines = include_str!("../../data/hosting.tsv").lines();
    let rows = lines.filter(|line| !line.starts_with('#')).map(|line| {
        let mut cells = line.split('\t');
        let number = cells.next().and_then(|cell| cell.parse().ok());
        let kind = if cells.next() == Some("shared") { Hosting::Shared } else { Hosting::Yes };
        (number.expect("a test reads the built-in list"), kind)
    });
    rows.collect()
});

/// What an autonomous system is by a rule set. The operator's own lists win.
pub(crate) fn of(rules: &Rules, asn: u32) -> Hosting {
    if asn == 0 || rules.not_hosting.contains(&asn) {
        Hosting::No
    } else if rules.hosting.contains(&asn) {
        Hosting::Yes
    } else {
        LIST.get(&asn).copied().unwrap_or(Hosting::No)
    }
}

/// How many systems the built-in list names.
pub(crate) fn listed() -> usize {
    LIST.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    #[test]
    fn the_list_is_read_and_the_operator_has_the_last_word() {
        let base = RuleSet::default();
        assert!(listed() > 100);
        // Hetzner; Datacamp, who carry VPNs; Deutsche Telekom; unknown.
        for (asn, hosting) in
            [(24940, Hosting::Yes), (60068, Hosting::Shared), (3320, Hosting::No), (0, Hosting::No)]
        {
            assert_eq!(of(base.base(), asn), hosting, "{asn}");
        }
        let text = "version = 3\ndatacentre_network = { also = [3320], never = [24940] }";
        let own = RuleSet::parse(text).unwrap();
        assert_eq!(of(own.base(), 3320), Hosting::Yes);
        assert_eq!(of(own.base(), 24940), Hosting::No);
    }
}
