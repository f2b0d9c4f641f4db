//! Words of the frame, of signing in, and of the chart.

use crate::frame::Theme;
use crate::period::Unit;

pub(crate) const SKIP: &str = "Skip to content";
pub(crate) const ADD_SITE: &str = "Add a site";
pub(crate) const SECTIONS: &str = "Sections";
pub(crate) const OVERVIEW: &str = "Overview";
pub(crate) const SETUP: &str = "Set-up";
pub(crate) const ACCOUNT: &str = "Account and theme";
pub(crate) const THEME: &str = "Theme";
pub(crate) const THEMES: &[(Theme, &str)] =
    &[(Theme::System, "As the system"), (Theme::Light, "Light"), (Theme::Dark, "Dark")];
pub(crate) const SIGN_OUT: &str = "Sign out everywhere";

pub(crate) fn site_picker(site: &str) -> String {
    format!("Site: {site}. Choose another")
}

pub(crate) const KEY_FOR_ANOTHER_SITE: &str = "This key is for another site.";
pub(crate) const SIGN_IN: &str = "Sign in";
pub(crate) const NAME: &str = "Name";
pub(crate) const PASSWORD: &str = "Password";
pub(crate) const NEW_PASSWORD: &str = "New password";
pub(crate) const CHOOSE_PASSWORD: &str = "Choose a password";
pub(crate) const FORGOTTEN: &str =
    "Forgotten? “footfall user link” on the server prints a new link.";
pub(crate) const ONE_COOKIE: &str = "One cookie, for signing in; nothing else.";
pub(crate) const WRONG_PASSWORD: &str = "Name or password is not right.";
pub(crate) const CAPS_LOCK: &str = "Check for caps lock.";
pub(crate) const PASSWORD_SHORT: &str = "At least 10 characters.";
pub(crate) const PASSWORD_LONG: &str = "At most 1,024 bytes.";
pub(crate) const PASSWORD_KEEP: &str = "Leave it empty to keep the one you have.";
pub(crate) const NOT_ENCRYPTED: &str = "This connection is not encrypted: anybody on the way can read the password. Put https in front of the dashboard.";
pub(crate) const LINK_USED: &str = "This link can’t be used";
pub(crate) const LINK_USED_TEXT: &str = "It was used before, is older than a day, or was replaced. “footfall user link” on the server prints a new one.";
pub(crate) const CATALOG_AWAY: &str =
    "The change could not be stored: the log does not take it now. Try again in a moment.";

pub(crate) const CHART_NOTHING: &str = "There is nothing to draw. The table below has every value.";
pub(crate) const UNCHANGED: &str = "unchanged";
pub(crate) const SHOW_TABLE: &str = "Show as a table";
pub(crate) const CHANGE: &str = "Change";
pub(crate) const UNIT_OF_CHART: &str = "Unit of the chart";

pub(crate) fn chart_title(metric: &str, of: Unit, days: &str) -> String {
    let by = match of {
        Unit::Hour => "hour",
        Unit::Day => "day",
        Unit::Week => "week",
        Unit::Month => "month",
    };
    format!("{metric} by {by}, {days}")
}

pub(crate) fn chart_summary(least: &str, most: &str, when: &str) -> String {
    format!("Between {least} and {most}, peak at {when}. The table below has every value.")
}

/// Legend of the bucket that is not over.
pub(crate) fn unfinished(unit: Unit, clock: &str) -> String {
    match unit {
        Unit::Hour => format!("This hour, until {clock}"),
        Unit::Day => format!("Today, until {clock}"),
        Unit::Week => format!("This week, until today {clock}"),
        Unit::Month => format!("This month, until today {clock}"),
    }
}

pub(crate) fn until(name: &str, clock: &str) -> String {
    format!("{name}, until {clock}")
}

/// Legend of the comparison.
pub(crate) fn compared(days: &str) -> String {
    format!("Compared with {days}")
}

pub(crate) fn from(value: &str) -> String {
    format!("from {value}")
}

pub(crate) fn points(value: f64) -> String {
    format!("{value:.1} pts")
}

pub(crate) const fn direction(up: bool) -> &'static str {
    if up { "up" } else { "down" }
}
