//! `rules.toml`: tiers and thresholds, with overrides per site and campaign.
//!
//! A rule set is made once from text and never changes; its version is part of every judgement, so
//! that each verdict can be explained by the file that made it.

use footfall_event::ads::name_hash;
use footfall_event::verdict::Tier;
use footfall_event::{Verdict, VerdictReason};
use hashbrown::HashMap;
use serde::Deserialize;

use super::Reasons;
use super::settings::{OutOfRange, Thresholds};

/// The rules that are in force unless an operator says otherwise.
pub const DEFAULT: &str = include_str!("../../rules.toml");

/// Why a text is not a rule set.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// Not TOML, an unknown key, or a value of the wrong type.
    #[error("{0}")]
    Form(String),
    /// A value that makes no sense.
    #[error("{place}{error}")]
    Range {
        /// Which part of the file, empty for the base.
        place: String,
        /// What is wrong.
        error: Box<OutOfRange>,
    },
    /// A tier for a reason that does not exist.
    #[error("{place}tiers.{word}: there is no such reason; the reasons are {known}")]
    Reason {
        /// Which part of the file.
        place: String,
        /// The word.
        word: String,
        /// The words that exist.
        known: String,
    },
    /// A version that is not positive.
    #[error("version is {0}: a number from 1 on is right, and another one after every change")]
    Version(i64),
    /// An override for nobody.
    #[error("override {0}: one of site and campaign must be named, and not both")]
    Scope(usize),
    /// Something that can't differ by site or campaign.
    #[error("override {number}: {section} is the same for everybody and belongs outside overrides")]
    Shared {
        /// Which override, from 1.
        number: usize,
        /// The section.
        section: &'static str,
    },
}

/// Tiers and thresholds for one site, one campaign or everybody.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    tiers: [Tier; VerdictReason::ALL.len()],
    filters: Reasons,
    flags: Reasons,
    /// The thresholds.
    pub thresholds: Thresholds,
    /// Autonomous systems taken for hosting beside the built-in list.
    pub hosting: Vec<u32>,
    /// Autonomous systems never taken for hosting.
    pub not_hosting: Vec<u32>,
}

/// A rule set.
#[derive(Clone, Debug)]
pub struct RuleSet {
    version: u32,
    all: Vec<Rules>,
    of_site: HashMap<u64, u32>,
    of_campaign: HashMap<u64, u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    #[serde(default)]
    tiers: HashMap<String, Tier>,
    #[serde(default)]
    datacentre_network: Datacentres,
    #[serde(default)]
    thresholds: Thresholds,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Datacentres {
    also: Vec<u32>,
    never: Vec<u32>,
}

impl Rules {
    fn new(part: Part, place: &str) -> Result<Rules, RuleError> {
        part.thresholds.check().map_err(|error| RuleError::Range {
            place: place.to_owned(),
            error: Box::new(error),
        })?;
        let mut tiers = [Tier::Off; VerdictReason::ALL.len()];
        for reason in VerdictReason::ALL {
            tiers[*reason as usize] = reason.tier();
        }
        for (word, tier) in part.tiers {
            let Some(reason) = VerdictReason::parse(&word) else {
                let known: Vec<_> = VerdictReason::ALL.iter().map(|r| r.as_str()).collect();
                let place = place.to_owned();
                return Err(RuleError::Reason { place, word, known: known.join(", ") });
            };
            tiers[reason as usize] = tier;
        }
        let of = |wanted| {
            let all = VerdictReason::ALL.iter().copied();
            all.filter(|reason| tiers[*reason as usize] == wanted).collect()
        };
        Ok(Rules {
            filters: of(Tier::Filter),
            flags: of(Tier::Flag),
            tiers,
            thresholds: part.thresholds,
            hosting: part.datacentre_network.also,
            not_hosting: part.datacentre_network.never,
        })
    }

    /// What a reason decides.
    pub fn tier(&self, reason: VerdictReason) -> Tier {
        self.tiers[reason as usize]
    }

    /// Without the reasons that are switched off.
    pub fn active(&self, reasons: Reasons) -> Reasons {
        reasons.intersection(self.filters.union(self.flags))
    }

    /// The reason under which an invalid event is counted: the first that makes it invalid.
    pub fn first_invalid(&self, reasons: Reasons) -> Option<VerdictReason> {
        reasons.intersection(self.filters).iter().next()
    }

    /// What all reasons together decide: the worst holds.
    pub fn verdict(&self, reasons: Reasons) -> Verdict {
        if !reasons.intersection(self.filters).is_empty() {
            Verdict::Invalid
        } else if !reasons.intersection(self.flags).is_empty() {
            Verdict::Flagged
        } else {
            Verdict::Valid
        }
    }
}

impl Default for RuleSet {
    fn default() -> RuleSet {
        RuleSet::parse(DEFAULT).expect("a test parses the built-in rules")
    }
}

impl RuleSet {
    /// Reads `rules.toml`.
    ///
    /// # Errors
    /// When it is not TOML, names an unknown key or reason, or a value makes no sense. The message
    /// names the key and says what would be right.
    pub fn parse(text: &str) -> Result<RuleSet, RuleError> {
        let form = |error: toml::de::Error| RuleError::Form(error.to_string().trim().to_owned());
        let mut base: toml::Table = toml::from_str(text).map_err(form)?;
        let version = match base.remove("version") {
            Some(toml::Value::Integer(version)) => version,
            _ => 0,
        };
        let number =
            u32::try_from(version).ok().filter(|v| *v > 0).ok_or(RuleError::Version(version))?;
        let overrides = match base.remove("override") {
            None => Vec::new(),
            Some(toml::Value::Array(overrides)) => overrides,
            Some(_) => {
                return Err(RuleError::Form("override must be written as [[override]]".to_owned()));
            }
        };
        let mut set = RuleSet {
            version: number,
            all: vec![part(&base, "")?],
            of_site: HashMap::new(),
            of_campaign: HashMap::new(),
        };
        for (index, over) in overrides.into_iter().enumerate() {
            set.add_override(index + 1, &base, over)?;
        }
        Ok(set)
    }

    fn add_override(
        &mut self,
        number: usize,
        base: &toml::Table,
        over: toml::Value,
    ) -> Result<(), RuleError> {
        let toml::Value::Table(mut over) = over else { return Err(RuleError::Scope(number)) };
        let mut name = |key| match over.remove(key) {
            Some(toml::Value::String(name)) if !name.is_empty() => Some(name),
            _ => None,
        };
        let (site, campaign) = (name("site"), name("campaign"));
        if let Some(section) = ["hindsight"].into_iter().find(|section| {
            let thresholds = over.get("thresholds").and_then(toml::Value::as_table);
            thresholds.is_some_and(|thresholds| thresholds.contains_key(*section))
        }) {
            return Err(RuleError::Shared { number, section });
        }
        let mut whole = base.clone();
        merge(&mut whole, over);
        let at = u32::try_from(self.all.len()).expect("a file has fewer overrides");
        match (site, campaign) {
            (Some(site), None) => {
                self.all.push(part(&whole, &format!("override for site {site}: "))?);
                self.of_site.insert(name_hash(&site), at);
            }
            (None, Some(campaign)) => {
                self.all.push(part(&whole, &format!("override for campaign {campaign}: "))?);
                self.of_campaign.insert(name_hash(&campaign), at);
            }
            _ => return Err(RuleError::Scope(number)),
        }
        Ok(())
    }

    /// Its number.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The rules for an event of a site and campaign, by their hashes. A campaign's own rules win
    /// over its site's.
    pub fn of(&self, site: u64, campaign: u64) -> &Rules {
        if self.all.len() == 1 {
            return &self.all[0];
        }
        let at = self.of_campaign.get(&campaign).or_else(|| self.of_site.get(&site));
        &self.all[at.map_or(0, |at| *at as usize)]
    }

    /// The rules for everybody.
    pub fn base(&self) -> &Rules {
        &self.all[0]
    }

    /// The same rules with one signal switched off: what it alone contributes.
    #[must_use]
    pub fn without(&self, reason: VerdictReason) -> RuleSet {
        let mut set = self.clone();
        for rules in &mut set.all {
            rules.tiers[reason as usize] = Tier::Off;
            rules.filters.remove(reason);
            rules.flags.remove(reason);
        }
        set
    }
}

fn part(table: &toml::Table, place: &str) -> Result<Rules, RuleError> {
    let part = serde_path_to_error::deserialize(table.clone()).map_err(
        |error: serde_path_to_error::Error<toml::de::Error>| {
            let path = error.path().to_string();
            let message = error.into_inner().to_string();
            RuleError::Form(format!("{place}{path}: {}", message.trim()))
        },
    )?;
    Rules::new(part, place)
}

/// Lays one table over another.
fn merge(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => merge(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
#[path = "ruleset_tests.rs"]
mod tests;
