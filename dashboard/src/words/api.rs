//! What programs are told.

pub(crate) const RANKING_PLACEMENT: &str =
    "Say for which placement: /api/v1/ads/ranking?placement=ID.";
pub(crate) const RANKING_N: &str = "n is the number of ads: expected 1 to 1000.";
pub(crate) const RANKING_QUERY: &str = "query has more than 512 bytes.";
pub(crate) const FEED_INTERNAL: &str =
    "This topic holds secrets or is internal: it can’t be followed over HTTP.";
pub(crate) const FEED_ID: &str =
    "Last-Event-ID is not an id of this feed: expected one that it sent, such as 0-17,1-4.";
pub(crate) const FEED_FROM: &str = "from says where the feed begins: expected start or end.";
pub(crate) const BUSY: &str = "Too many at the same time";
pub(crate) const BUSY_TEXT: &str = "As many feeds are open as this server allows (dashboard.feeds_max). Close one, or try again later.";
pub(crate) const CLICK_OF_SITE: &str = "Say of which site: /api/v1/clicks/ID?site=DOMAIN.";
