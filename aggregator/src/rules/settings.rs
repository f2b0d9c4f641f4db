//! The sections of `rules.toml`: each threshold with its meaning and the range in which it makes
//! sense.

use serde::{Deserialize, Serialize};

/// One threshold, for documentation and for the page of a click.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Section in `rules.toml`: the word of the reason that it decides.
    pub section: &'static str,
    /// Key in the section.
    pub key: &'static str,
    /// Its value.
    pub value: String,
    /// What it means.
    pub meaning: &'static str,
}

/// A value out of its range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{section}.{key} is {value}: from {least} to {most} is right ({meaning})")]
pub struct OutOfRange {
    section: &'static str,
    key: &'static str,
    value: String,
    least: String,
    most: String,
    meaning: &'static str,
}

macro_rules! sections {
    ($($(#[$doc:meta])* $section:ident: $name:ident {
        $($meaning:literal $key:ident: $type:ty = $default:literal in $least:literal, $most:literal;)+
    })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub struct $name {
                $(#[doc = $meaning] pub $key: $type,)+
            }

            impl Default for $name {
                fn default() -> $name {
                    $name { $($key: $default,)+ }
                }
            }
        )+

        /// All thresholds.
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Thresholds {
            $($(#[$doc])* pub $section: $name,)+
        }

        impl Thresholds {
            /// The names of the sections.
            pub const SECTIONS: &'static [&'static str] = &[$(stringify!($section)),+];

            /// Whether all values are in their ranges.
            ///
            /// # Errors
            /// The first that is not.
            pub fn check(&self) -> Result<(), OutOfRange> {
                $($(
                    if !($least..=$most).contains(&self.$section.$key) {
                        return Err(OutOfRange {
                            section: stringify!($section),
                            key: stringify!($key),
                            value: self.$section.$key.to_string(),
                            least: $least.to_string(),
                            most: $most.to_string(),
                            meaning: $meaning,
                        });
                    }
                )+)+
                Ok(())
            }

            /// All of them, in the order of the file.
            pub fn list(&self) -> Vec<Threshold> {
                vec![$($(Threshold {
                    section: stringify!($section),
                    key: stringify!($key),
                    value: self.$section.$key.to_string(),
                    meaning: $meaning,
                },)+)+]
            }
        }
    };
}

sections! {
    /// When a first judgement is settled. It can't differ by site.
    hindsight: Hindsight {
        "seconds after a click until everything that belongs to it is taken as known"
            settle_s: i64 = 180 in 60, 540;
        "seconds after a click until it is taken into the comparison of placements"
            compare_s: i64 = 300 in 60, 540;
        "seconds after which a verdict does not change any more"
            final_s: i64 = 600 in 60, 600;
    }
    /// How limits of a network grow with the people behind it.
    shared_address: SharedAddress {
        "live visitors of a network that together have the limit of one household; twice as many have twice the limit"
            household: u32 = 4 in 1, 100;
        "people from which on a network is a shared address, whose repetitions mean nothing"
            shared: u32 = 9 in 2, 1000;
        "impressions of a network that stand for one person where more are shown than its visitors explain"
            impressions: u32 = 30 in 1, 10_000;
    }
    /// When a network is put on the blocklist.
    blocking: Blocking {
        "invalid clicks of a household within half a day, for what its network did, from which on it is blocked; 0: never"
            clicks: u32 = 30 in 0, 100_000;
        "hours after the click for which it is blocked; its hash lives no longer than a day or two"
            hours: i64 = 12 in 1, 48;
    }
    /// The second click of a double-click.
    double_click: DoubleClick {
        "milliseconds after the click before within which it is a double-click"
            within_ms: i64 = 2000 in 100, 60_000;
    }
    /// The same visitor and ad again.
    visitor_ad_duplicate: VisitorAdDuplicate {
        "seconds within which a visitor's second click on an ad is not billed"
            within_s: i64 = 3600 in 1, 86_400;
    }
    /// The same visitor, ad and placement shown again and again.
    duplicate_impression: DuplicateImpression {
        "impressions within a minute that are counted; more are repetitions"
            per_minute: u32 = 6 in 1, 1000;
    }
    /// Clicks of one network.
    network_rate: NetworkRate {
        "clicks of a household within a minute"
            per_minute: u32 = 20 in 1, 100_000;
        "clicks of a household within an hour"
            per_hour: u32 = 30 in 1, 100_000;
        "clicks of a household within a day"
            per_day: u32 = 60 in 1, 1_000_000;
    }
    /// Clicks of one network on one campaign.
    campaign_rate: CampaignRate {
        "clicks of a household on one campaign within a day, repetitions within an hour left out"
            per_day: u32 = 3 in 1, 100_000;
        "clicks by impressions of the network below which no number is too many"
            ratio: f64 = 0.05 in 0.001, 1.0;
    }
    /// Many agents, no life.
    churn: Churn {
        "visitors of one network that click within an hour without any other sign of life"
            visitors: u32 = 8 in 2, 10_000;
        "share of these among the network's clicking visitors"
            share: f64 = 0.8 in 0.1, 1.0;
    }
    /// Machine-regular clicks of one visitor or household.
    regular_timing: RegularTiming {
        "gaps between clicks that are needed to judge"
            gaps: u32 = 8 in 4, 1000;
        "standard deviation of the gaps by their mean, below which they are regular"
            variation: f64 = 0.4 in 0.01, 0.6;
        "share of gaps near a multiple of the most frequent one, from which on they are regular with beats left out"
            modal_share: f64 = 0.85 in 0.5, 1.0;
        "how near, as a part of the most frequent gap"
            modal_width: f64 = 0.03 in 0.001, 0.2;
    }
    /// Clicks on most of what is shown.
    clicks_everything: ClicksEverything {
        "different ads clicked within a day"
            ads: u32 = 6 in 2, 1000;
        "clicks by impressions"
            ratio: f64 = 0.5 in 0.05, 10.0;
    }
    /// Sooner than a person.
    fast_click: FastClick {
        "milliseconds after the impression before which nobody clicks"
            sooner_ms: i64 = 800 in 50, 10_000;
    }
    /// Clicks on ads that were never in view, in one placement.
    hidden_ad: HiddenAd {
        "share of such clicks that is usual, until a campaign shows another"
            usual: f64 = 0.06 in 0.001, 0.5;
        "share in a placement that hides its ads"
            strange: f64 = 0.9 in 0.1, 0.999;
        "evidence needed, as the logarithm of the odds"
            alarm: f64 = 9.0 in 1.0, 50.0;
    }
    /// Clicks without impressions, in one placement.
    click_flooding: ClickFlooding {
        "share of such clicks that is usual, until a campaign shows another"
            usual: f64 = 0.1 in 0.001, 0.5;
        "share in a placement that makes clicks up"
            strange: f64 = 0.95 in 0.1, 0.999;
        "evidence needed, as the logarithm of the odds"
            alarm: f64 = 10.0 in 1.0, 50.0;
    }
    /// Clicks faster than people, in one placement.
    fast_clicks: FastClicks {
        "share of such clicks that is usual, until a campaign shows another"
            usual: f64 = 0.03 in 0.001, 0.5;
        "share in a placement that clicks by itself"
            strange: f64 = 0.8 in 0.1, 0.999;
        "evidence needed, as the logarithm of the odds"
            alarm: f64 = 7.0 in 1.0, 50.0;
    }
    /// Few networks making a placement's clicks.
    concentration: Concentration {
        "seconds between two clicks of a network after which it has come back; for collusion too"
            apart_s: i64 = 3600 in 60, 43_200;
        "share of clicks by networks that clicked there before that is usual, until a campaign shows another"
            usual: f64 = 0.15 in 0.001, 0.5;
        "share in a placement that is clicked by few"
            strange: f64 = 0.75 in 0.1, 0.999;
        "evidence needed, as the logarithm of the odds"
            alarm: f64 = 8.0 in 1.0, 50.0;
    }
    /// The same networks at several publishers.
    collusion: Collusion {
        "other publishers where a household clicked earlier on the same day, from which on it wanders"
            publishers: u32 = 1 in 1, 100;
        "share of clicks by wandering households that is usual, until other publishers show another"
            usual: f64 = 0.1 in 0.001, 0.5;
        "share at a publisher that works with others; where another share is usual, by the same odds"
            strange: f64 = 0.7 in 0.1, 0.999;
        "evidence needed, as the logarithm of the odds"
            alarm: f64 = 10.0 in 1.0, 50.0;
        "similarity (Jaccard) of two publishers' clicking networks from which on they work together"
            similarity: f64 = 0.25 in 0.01, 1.0;
        "clicking networks of each publisher that are needed to compare"
            networks: u32 = 25 in 5, 100_000;
    }
    /// Clicks of visitors who do nothing else, in one placement.
    lifeless: Lifeless {
        "share of such clicks that is usual, until a campaign shows another"
            usual: f64 = 0.15 in 0.001, 0.5;
        "share in a placement that machines visit"
            strange: f64 = 0.95 in 0.1, 0.999;
        "evidence needed, as the logarithm of the odds"
            alarm: f64 = 12.0 in 1.0, 50.0;
    }
    /// Click-through rates by position.
    placement_ctr: PlacementCtr {
        "probability of so many clicks in a comparable place, below which it is an outlier"
            probability: f64 = 0.0001 in 0.000_000_001, 0.1;
        "clicks within the hour that are needed to judge"
            clicks: u32 = 30 in 5, 100_000;
        "share of false alarms among all that is accepted (Benjamini–Hochberg)"
            false_discovery: f64 = 0.01 in 0.0001, 0.5;
    }
    /// Clicks by hour of the week.
    rate_shift: RateShift {
        "deviations that are taken as noise"
            slack: f64 = 0.5 in 0.1, 3.0;
        "sum of deviations beyond the slack that is a shift"
            alarm: f64 = 5.0 in 2.0, 50.0;
        "hours of history that are needed to judge"
            hours: u32 = 24 in 4, 10_000;
    }
    /// Bursts of strangers.
    new_visitor_burst: NewVisitorBurst {
        "standard deviations above the placement's usual share"
            deviations: f64 = 4.0 in 2.0, 20.0;
        "clicks within the hour that are needed to judge"
            clicks: u32 = 30 in 5, 100_000;
    }
    /// Entropy of addresses.
    address_entropy: AddressEntropy {
        "standard deviations below comparable placements"
            deviations: f64 = 4.0 in 2.0, 20.0;
        "clicks within the hour that are needed to judge"
            clicks: u32 = 50 in 10, 100_000;
    }
    /// Conversions by click.
    conversion_rate: ConversionRate {
        "probability of so few conversions in a comparable place, below which it is an outlier"
            probability: f64 = 0.0001 in 0.000_000_001, 0.1;
        "clicks within the day that are needed to judge"
            clicks: u32 = 100 in 10, 100_000;
        "conversions of the whole campaign that are needed to judge"
            conversions: u32 = 20 in 5, 100_000;
    }
    /// Time from click to conversion.
    conversion_timing: ConversionTiming {
        "conversions that are needed to judge"
            conversions: u32 = 20 in 5, 100_000;
        "share of conversions 3 to 10 s after the click that is a glut"
            glut: f64 = 0.3 in 0.05, 1.0;
        "share of conversions later than an hour that is flat (usual: 0.25)"
            flat: f64 = 0.75 in 0.3, 1.0;
    }
    /// Two places at once.
    impossible_travel: ImpossibleTravel {
        "kilometres per hour that nobody travels"
            km_per_hour: f64 = 1000.0 in 100.0, 40_000.0;
        "kilometres between countries below which nothing is judged, since only the country is known"
            km: f64 = 1500.0 in 50.0, 20_000.0;
    }
    /// Time zone and country.
    geo_mismatch: GeoMismatch {
        "kilometres between the time zone's place and the country above which they disagree"
            km: f64 = 1500.0 in 100.0, 20_000.0;
    }
}
