//! Why an event is flagged or invalid: a closed list, and beside each reason what people are told,
//! whom they may ask, and how much it decides.
//!
//! The aggregator's rules find the reasons, this file says what they mean. The documentation of
//! invalid traffic is made from it, so it can't say anything else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Verdict;

/// How hard the traffic tries to look human: the classes of the Media Rating Council.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// General invalid traffic: found by lists and by what one event or a few say.
    Givt,
    /// Sophisticated invalid traffic: found by looking at many events together.
    Sivt,
}

impl Class {
    /// The usual abbreviation.
    pub const fn as_str(self) -> &'static str {
        match self {
            Class::Givt => "GIVT",
            Class::Sivt => "SIVT",
        }
    }
}

/// What a reason makes of an event.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Nothing: the signal is switched off.
    Off,
    /// It counts and is shown as flagged.
    Flag,
    /// It is invalid: not in net figures, never billed.
    Filter,
}

impl Tier {
    /// The word in the rules.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tier::Off => "off",
            Tier::Flag => "flag",
            Tier::Filter => "filter",
        }
    }

    /// The verdict of an event that has this reason alone.
    pub const fn verdict(self) -> Verdict {
        match self {
            Tier::Off => Verdict::Valid,
            Tier::Flag => Verdict::Flagged,
            Tier::Filter => Verdict::Invalid,
        }
    }
}

macro_rules! reasons {
    ($($variant:ident = $word:literal, $class:ident, $tier:ident;
        $sentence:literal, $told:literal, $source:literal;)+) => {
        /// Why an event is flagged or invalid, in the rules' order: an invalid click counts under
        /// the first.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
            JsonSchema,
        )]
        pub enum VerdictReason {
            $(#[doc = $sentence] #[serde(rename = $word)] $variant,)+
        }

        impl VerdictReason {
            /// All of them, in their order.
            pub const ALL: &'static [VerdictReason] = &[$(VerdictReason::$variant),+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(VerdictReason::$variant => $word,)+ }
            }

            /// The reason of a word; `None` for any other word.
            pub fn parse(word: &str) -> Option<VerdictReason> {
                match word { $($word => Some(VerdictReason::$variant),)+ _ => None }
            }

            /// General or sophisticated.
            pub const fn class(self) -> Class {
                match self { $(VerdictReason::$variant => Class::$class,)+ }
            }

            /// What it decides unless the rules say otherwise.
            pub const fn tier(self) -> Tier {
                match self { $(VerdictReason::$variant => Tier::$tier,)+ }
            }

            /// One sentence that a stranger can check.
            pub const fn sentence(self) -> &'static str {
                match self { $(VerdictReason::$variant => $sentence,)+ }
            }

            /// What an advertiser is told about it.
            pub const fn told(self) -> &'static str {
                match self { $(VerdictReason::$variant => $told,)+ }
            }

            /// Where the rule comes from.
            pub const fn source(self) -> &'static str {
                match self { $(VerdictReason::$variant => $source,)+ }
            }
        }
    };
}

// The order: what the event itself says, then the impression and the visitor, then the network,
// then what only many events show, then what is only worth a look.
reasons! {
    BotAgent = "bot_agent", Givt, Filter;
        "The user agent declares itself a bot, crawler or automated client.",
        "A program clicked that says so itself, such as a search engine's crawler.",
        "IAB/ABC practice; the open list crawler-user-agents";
    Blocklisted = "blocklisted", Givt, Filter;
        "The address, network, visitor, agent, referrer or placement is on the blocklist.",
        "It comes from where invalid clicks came before, so it is not billed from the first one on.",
        "Own: the operator's list, and what rules put on it";
    Automated = "automated", Givt, Filter;
        "The browser says that it is driven by automation (navigator.webdriver).",
        "A browser under a program's control clicked, not a person.",
        "W3C WebDriver; MRC: non-browser and automated activity";
    NotRunning = "not_running", Givt, Filter;
        "The ad was paused, ended or over its budget when it was clicked.",
        "The campaign was not running at that moment, so the click is free.",
        "Terms of delivery: nothing is billed outside of flight and budget";
    Expired = "expired", Givt, Filter;
        "The signed link was made more than 24 hours before the click.",
        "The link was kept and used later than a day after the ad was shown.",
        "Kevel: impressions expire after 24 h";
    PlacementSize = "placement_size", Givt, Filter;
        "The placement is too small to be seen (0×0 or 1×1 pixels).",
        "The ad's place was invisible by its size.",
        "MRC: invalid placements";
    DoubleClick = "double_click", Givt, Filter;
        "The same visitor had clicked the same ad a moment before: a double-click.",
        "A person double-clicked; one of the two clicks is billed.",
        "Google Ads: the second click of a double-click is invalid";
    DuplicateClick = "duplicate_click", Givt, Filter;
        "The impression had been clicked before.",
        "One display of an ad is billed for one click, however often its link is used.",
        "Kevel: unique clicks per impression";
    VisitorAdDuplicate = "visitor_ad_duplicate", Givt, Filter;
        "The same visitor had clicked the same ad within the hour before.",
        "The same visitor came back to the same ad; within an hour one click is billed.",
        "VTEX Ads: 1 h; 24metrics: 24 h";
    DuplicateImpression = "duplicate_impression", Givt, Filter;
        "The same visitor had been shown the same ad in the same place within the minute before, many times over.",
        "Displays repeated faster than anybody looks are billed once.",
        "VTEX Ads: 1 min per visitor, device and ad";
    DatacentreNetwork = "datacentre_network", Givt, Filter;
        "The click comes from a hosting network, where servers are and people are not.",
        "The click came from a rented server. VPN exits and company proxies are excepted while they show human activity.",
        "MRC; TAG data centre IP list; Google: 8.9 % of DoubleClick's clicks in May 2015";
    NetworkRate = "network_rate", Givt, Filter;
        "More clicks from one network than its visitors can make.",
        "One address clicked far too often for the number of people behind it.",
        "Voluum: 60 events a minute; scaled by distinct visitors for shared addresses";
    CampaignRate = "campaign_rate", Sivt, Filter;
        "More clicks on one campaign from one network in a day than its visitors would make.",
        "The same few people clicked this campaign again and again, as a competitor would.",
        "TrafficGuard: 3 per 2 h; ClickCease: 3 and more";
    Churn = "churn", Sivt, Filter;
        "Many user agents of one network click within the hour, and none of them does anything else.",
        "One address pretended to be many visitors.",
        "Variation of agents per address; 24metrics";
    RegularTiming = "regular_timing", Givt, Filter;
        "Clicks come at machine-regular intervals.",
        "The clicks were made by a timer.",
        "MRC names clicks at exact intervals as general invalid traffic; thresholds are our own";
    ClicksEverything = "clicks_everything", Sivt, Filter;
        "The visitor clicks on most of the ads that it is shown, on many different ones.",
        "Somebody, or something, clicked on every ad in sight.",
        "Our own";
    FastClick = "fast_click", Givt, Flag;
        "The click came sooner after the impression than a person can see and decide.",
        "The click came in less than a blink after the ad appeared; in masses such clicks are not billed.",
        "Voluum: 800 ms";
    HiddenAd = "hidden_ad", Sivt, Filter;
        "The clicked ad was never in view, and in this placement that is the rule.",
        "The placement reports clicks on ads that nobody could see: hidden or stacked ads.",
        "MRC: hidden and stacked ads";
    ClickFlooding = "click_flooding", Sivt, Filter;
        "The click belongs to no impression, and in this placement that has become the rule.",
        "The placement reports clicks for which no ad was shown.",
        "AppsFlyer: click flooding; Revive #1215: CTR 814 %";
    FastClicks = "fast_clicks", Sivt, Filter;
        "The click came faster than a person's, and in this placement that has become the rule.",
        "The placement's clicks come at once when the ad appears.",
        "Voluum: 800 ms; sequential test of our own";
    Concentration = "concentration", Sivt, Filter;
        "The same network clicks in this placement again and again, and in this placement that has become the rule.",
        "Few addresses make most of the placement's clicks.",
        "Metwally et al., SLEUTH; sequential test of our own";
    Collusion = "collusion", Sivt, Filter;
        "The network clicks at several publishers that share far more of their clicking networks than others do.",
        "The same few addresses click at several publishers who seem to work together.",
        "Metwally et al., DETECTIVES: similarity of visitor sets; sequential test of our own";
    Lifeless = "lifeless", Sivt, Filter;
        "The clicking visitor left no trace of reading or looking, and in this placement that has become the rule.",
        "The placement's clicks come from visitors who do nothing else on the page.",
        "Sequential test of our own";
    PlacementCtr = "placement_ctr", Sivt, Flag;
        "The placement's click-through rate is far above that of comparable places.",
        "This place was clicked far more often than others at the same position; we are looking at it.",
        "24metrics; empirical-Bayes Beta-Binomial tail with Benjamini–Hochberg";
    RateShift = "rate_shift", Sivt, Flag;
        "The placement's clicks rose far above what is usual at this hour of the week.",
        "There were suddenly many more clicks than usual; we are looking at it.",
        "Statistical process control: CUSUM (h = 5, k = 0.5)";
    NewVisitorBurst = "new_visitor_burst", Sivt, Flag;
        "Far more of the placement's clicks than usual come from visitors never seen before.",
        "Suddenly nearly all clicks came from strangers; we are looking at it.",
        "Our own";
    AddressEntropy = "address_entropy", Sivt, Flag;
        "The placement's clicks come from far fewer networks than those of comparable places.",
        "Few addresses make many of the placement's clicks; we are looking at it.",
        "Metwally et al., SLEUTH: entropy of addresses, z < −4";
    ConversionRate = "conversion_rate", Sivt, Flag;
        "The placement's clicks convert far less often than those of comparable places.",
        "Hardly any of this placement's clicks led to anything; we are looking at it.",
        "24metrics; Beta-Binomial tail";
    ConversionTiming = "conversion_timing", Sivt, Flag;
        "The times from click to conversion are not those of people: a glut within seconds, or spread evenly over the day.",
        "The conversions after this placement's clicks look claimed, not caused.",
        "AppsFlyer: 75 % within 1 h, 94 % within 24 h; glut at 3–10 s; flat at 2–24 h";
    ImpossibleTravel = "impossible_travel", Sivt, Flag;
        "The account clicked in two places that are further apart than anybody travels in that time.",
        "One account was used in two distant places at once.",
        "Airlock: 1,000 km/h; synapse-waf: and 50 km";
    ReferrerMismatch = "referrer_mismatch", Sivt, Flag;
        "The click was sent from another site than the placement's.",
        "The link was used elsewhere than where the ad was placed.",
        "MRC: false representation";
    GeoMismatch = "geo_mismatch", Sivt, Flag;
        "The browser's time zone is not one of the address's country, nor near it.",
        "Time zone and country disagree, as with a proxy, a VPN or a traveller.",
        "Overnight anomalies; IANA time-zone database";
    ImpressionUnknown = "impression_unknown", Givt, Flag;
        "The click names an impression that its network has not had.",
        "We have no record of the display that this click names. Alone it proves nothing: addresses change.",
        "Kevel: impressions expire after 24 h";
    NoImpression = "no_impression", Givt, Flag;
        "The click names no impression.",
        "The link carried no display. Alone it proves nothing: scripts are blocked.",
        "Kevel; Revive";
    PlacementUnknown = "placement_unknown", Givt, Flag;
        "The placement that was named does not exist.",
        "The link names a placement that nobody created.",
        "Own: catalogue";
    PositionUnknown = "position_unknown", Givt, Flag;
        "The placement has no such position.",
        "The link names a position that the placement does not have.",
        "Own: catalogue";
    HintMismatch = "hint_mismatch", Sivt, Flag;
        "The browser's client hints (Sec-CH-UA) contradict its user agent, or are missing where it would send them.",
        "The browser said two different things about itself, as a program in disguise does, or a browser set up to look like another.",
        "W3C User-Agent Client Hints; field tests";
}

impl VerdictReason {
    /// What the reason alone makes of an event unless the rules say otherwise. Of several the worst
    /// holds.
    pub const fn verdict(self) -> Verdict {
        self.tier().verdict()
    }
}

impl std::fmt::Display for VerdictReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What never becomes a click, and so is never judged: recognised and counted apart when it comes.
pub const UNCOUNTED: [(&str, &str, &str); 4] = [
    ("repeat", "The same event id came again: a retry of the transport.", "At-least-once delivery"),
    (
        "prefetch",
        "The browser fetched the link in advance (Sec-Purpose, Purpose, X-Moz): answered 503, \
         uncacheable, so that the real click asks again.",
        "MRC: prefetch is never counted",
    ),
    ("head", "A HEAD request: link checkers and previews.", "RFC 9110: HEAD has no effect"),
    (
        "bad_signature",
        "The signed link does not verify: 400, no redirect, nothing to bill.",
        "Revive; Kevel: signed clicks",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_its_own_word_and_says_something() {
        let mut words = std::collections::BTreeSet::new();
        for reason in VerdictReason::ALL {
            assert_eq!(VerdictReason::parse(reason.as_str()), Some(*reason));
            assert!(words.insert(reason.as_str()));
            assert_eq!(serde_json::to_string(reason).unwrap(), format!("\"{}\"", reason.as_str()));
            for text in [reason.sentence(), reason.told()] {
                assert!(text.ends_with('.') && text.len() > 20, "{text}");
            }
            assert!(!reason.source().is_empty());
            assert_ne!(reason.tier(), Tier::Off);
        }
        assert_eq!(VerdictReason::parse("unheard_of"), None);
        assert!(VerdictReason::ALL.len() <= 64, "reasons are kept as bits of one word");
    }
}
