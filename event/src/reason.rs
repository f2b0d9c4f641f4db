//! Why an event was dropped, rejected or judged. Closed lists: the same words stand in replies,
//! response headers, metrics and on the ledger page. Why a verdict is what it is stands in
//! [`crate::verdict`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// The reason of a word; `None` for any other word.
            pub fn parse(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Left out by the visitor's or the operator's wish.
    Dropped {
        /// The browser asked not to be counted (Global Privacy Control or Do Not Track).
        OptedOut = "opted_out",
        /// The address is on the site's exclusion list.
        ExcludedAddress = "excluded_address",
        /// The country is on the site's exclusion list.
        ExcludedCountry = "excluded_country",
        /// The autonomous system is on the site's exclusion list.
        ExcludedNetwork = "excluded_network",
        /// The page's host is on the site's exclusion list.
        ExcludedHost = "excluded_host",
        /// The page's path is on the site's exclusion list.
        ExcludedPath = "excluded_path",
        /// The user agent is on the site's exclusion list.
        ExcludedAgent = "excluded_agent",
    }
}

words! {
    /// Can't be right, or can't be taken.
    Rejected {
        /// Not JSON, or not of the form that was expected.
        Malformed = "malformed",
        /// Larger than its limit.
        TooLarge = "too_large",
        /// More events than one request may carry.
        TooMany = "too_many",
        /// No such event type.
        UnknownType = "unknown_type",
        /// A field that does not exist (keyed requests only).
        UnknownField = "unknown_field",
        /// A field that this type needs is absent.
        MissingField = "missing_field",
        /// A field whose value can't be right.
        InvalidField = "invalid_field",
        /// A time without zone, or no time at all.
        InvalidTime = "invalid_time",
        /// Older than ids are remembered.
        TooOld = "too_old",
        /// Further ahead than clocks differ.
        InFuture = "in_future",
        /// No such site here.
        UnknownSite = "unknown_site",
        /// The page's origin does not belong to the site.
        ForeignOrigin = "foreign_origin",
        /// No key, or not a valid one.
        Unauthorized = "unauthorized",
        /// The key is for another site.
        ForbiddenSite = "forbidden_site",
        /// More requests than one network may send.
        RateLimited = "rate_limited",
        /// Neither log nor spool could take it.
        Unavailable = "unavailable",
    }
}

words! {
    /// What judging found.
    Verdict {
        /// Counted.
        Valid = "valid",
        /// Counted, but worth a look.
        Flagged = "flagged",
        /// Not counted in net figures and never billed.
        Invalid = "invalid",
    }
}

impl Verdict {
    /// Whether net figures count it.
    pub const fn is_net(self) -> bool {
        !matches!(self, Verdict::Invalid)
    }
}
