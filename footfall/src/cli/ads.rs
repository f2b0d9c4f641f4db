//! `footfall advertiser|campaign|ad|placement …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `footfall advertiser …`
#[derive(Debug, Subcommand)]
pub(crate) enum AdvertiserCommand {
    /// Add an advertiser, or change one
    Add {
        /// Its id [default: made]
        id: Option<String>,
        /// Name for people
        #[arg(long)]
        name: Option<String>,
    },
    /// List the advertisers
    List,
    /// Take one off the lists; what is counted stays
    Remove {
        /// Its id
        id: String,
    },
}

/// `footfall campaign …`
#[derive(Debug, Subcommand)]
pub(crate) enum CampaignCommand {
    /// Add a campaign, or change one: what is not said stays as it was
    Add(Box<CampaignArgs>),
    /// List the campaigns
    List,
    /// Halt a campaign: clicks on its ads are redirected, and not paid for
    Pause {
        /// Its id
        id: String,
    },
    /// Let it run again
    Resume {
        /// Its id
        id: String,
    },
    /// Halt it for good and take it off the lists; what is counted stays
    Remove {
        /// Its id
        id: String,
    },
}

/// `footfall campaign add …`
#[derive(Debug, Args)]
pub(crate) struct CampaignArgs {
    /// Its id [default: made]
    pub(crate) id: Option<String>,
    /// The publisher's site whose pages report about it
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// Whose it is
    #[arg(long, value_name = "ID")]
    pub(crate) advertiser: Option<String>,
    /// Name for people
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// What is paid for: each click, each thousand impressions, each conversion [default: cpc]
    #[arg(long, value_enum)]
    pub(crate) cost_model: Option<CostModelArg>,
    /// Price of that, such as 0.25. The first holds from the beginning, a later one from now on
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) price: Option<String>,
    /// From when on the price holds, such as 2026-12-01T00:00:00Z
    #[arg(long = "from", value_name = "TIME")]
    pub(crate) price_from: Option<String>,
    /// Currency of price and budget, such as EUR
    #[arg(long)]
    pub(crate) currency: Option<String>,
    /// What may be spent in all ("": no end)
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) budget: Option<String>,
    /// First moment of its flight, such as 2026-12-01T00:00:00+01:00 ("": at once)
    #[arg(long, value_name = "TIME")]
    pub(crate) starts: Option<String>,
    /// First moment after its flight ("": never)
    #[arg(long, value_name = "TIME")]
    pub(crate) ends: Option<String>,
    /// Which of several clicks a conversion belongs to [default: last]
    #[arg(long, value_enum)]
    pub(crate) attribution: Option<AttributionArg>,
    /// For so many days after a click [default: 30]
    #[arg(long, value_name = "DAYS")]
    pub(crate) click_days: Option<u16>,
    /// For so many days after an impression, 0 or 1 [default: 1]
    #[arg(long, value_name = "DAYS")]
    pub(crate) view_days: Option<u16>,
}

/// What is paid for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CostModelArg {
    /// Each net click
    Cpc,
    /// Each thousand net impressions
    Cpm,
    /// Each conversion
    Cpa,
}

/// Which click a conversion belongs to.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AttributionArg {
    /// The last one
    Last,
    /// The first one
    First,
    /// Each the same share
    Linear,
}

/// `footfall ad …`
#[derive(Debug, Subcommand)]
pub(crate) enum AdCommand {
    /// Add an ad, or change one: what is not said stays as it was
    Add {
        /// Its id [default: made]
        id: Option<String>,
        /// Its campaign
        #[arg(long, value_name = "ID")]
        campaign: Option<String>,
        /// Where a click leads; macros such as {clickid} may stand in path, query and fragment
        #[arg(long, value_name = "URL")]
        destination: Option<String>,
        /// Name for people
        #[arg(long)]
        name: Option<String>,
    },
    /// Add or change many: NDJSON with the members id, campaign, destination, name, paused
    Import {
        /// The file; - for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// List the ads
    List {
        /// Of one campaign only
        #[arg(long, value_name = "ID")]
        campaign: Option<String>,
    },
    /// Halt an ad: clicks on it are redirected, and not paid for
    Pause {
        /// Its id
        id: String,
    },
    /// Let it run again
    Resume {
        /// Its id
        id: String,
    },
    /// Take it off the lists; clicks on it are answered 404, what is counted stays
    Remove {
        /// Its id
        id: String,
    },
}

/// `footfall placement …`
#[derive(Debug, Subcommand)]
pub(crate) enum PlacementCommand {
    /// Add a placement, or change one: what is not said stays as it was
    Add {
        /// Its id [default: made]
        id: Option<String>,
        /// The site it is on
        #[arg(long)]
        site: Option<String>,
        /// Name for people
        #[arg(long)]
        name: Option<String>,
        /// Width and height in pixels, such as 300x250 ("": any)
        #[arg(long)]
        size: Option<String>,
        /// How many positions it has (0: any number)
        #[arg(long, value_name = "N")]
        positions: Option<u16>,
    },
    /// List the placements
    List,
    /// Take one off the lists; what is counted stays
    Remove {
        /// Its id
        id: String,
    },
}
