//! Channels: GA4's default channel group, plus AI assistants.
//!
//! The rules are tried in GA4's order; the first that applies names the channel. What GA4 knows
//! from its ad accounts is not known here, so "cross-network" is told by the campaign's name.

use crate::referrers::Medium;

/// What the rules look at. Texts as they were sent, in any case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) source: &'a str,
    pub(crate) medium: &'a str,
    pub(crate) campaign: &'a str,
    /// What kind of site the source is.
    pub(crate) kind: Medium,
    /// The page's address has a click id that only paid clicks have.
    pub(crate) paid_click: bool,
    pub(crate) has_referrer: bool,
}

/// The channel's name.
pub(crate) fn of(facts: &Facts<'_>) -> &'static str {
    let Facts { source, medium, campaign, kind, paid_click, has_referrer } = *facts;
    if source.is_empty() && medium.is_empty() && campaign.is_empty() && !paid_click {
        return if has_referrer { "Referral" } else { "Direct" };
    }
    let is = |words: &[&str]| words.iter().any(|word| medium.eq_ignore_ascii_case(word));
    let contains = |text: &str, part: &str| {
        text.as_bytes().windows(part.len()).any(|w| w.eq_ignore_ascii_case(part.as_bytes()))
    };
    let shopping_campaign = contains(campaign, "shop") && !contains(campaign, "workshop");
    let paid = paid_click && medium.is_empty() || is_paid(medium);
    if contains(campaign, "cross-network") {
        return "Cross-network";
    }
    if paid {
        return match kind {
            Medium::Shopping => "Paid Shopping",
            _ if shopping_campaign => "Paid Shopping",
            Medium::Search => "Paid Search",
            Medium::Social => "Paid Social",
            Medium::Video => "Paid Video",
            _ if is_display(medium) => "Display",
            _ => "Paid Other",
        };
    }
    if is_display(medium) {
        return "Display";
    }
    if kind == Medium::Shopping || shopping_campaign {
        return "Organic Shopping";
    }
    if kind == Medium::Assistant || is(&["ai", "ai-assistant", "chatbot"]) {
        return "AI Assistants";
    }
    let social =
        ["social", "social-network", "social-media", "sm", "social network", "social media"];
    if kind == Medium::Social || is(&social) {
        return "Organic Social";
    }
    if kind == Medium::Video || contains(medium, "video") {
        return "Organic Video";
    }
    if kind == Medium::Search || is(&["organic"]) {
        return "Organic Search";
    }
    let mail = ["email", "e-mail", "e_mail", "e mail", "newsletter"];
    if kind == Medium::Mail || is(&mail) || mail.iter().any(|w| source.eq_ignore_ascii_case(w)) {
        return "Email";
    }
    if is(&["affiliate", "affiliates"]) {
        return "Affiliates";
    }
    if is(&["audio"]) {
        return "Audio";
    }
    if is(&["sms"]) || source.eq_ignore_ascii_case("sms") {
        return "SMS";
    }
    let ends_with_push =
        medium.len() >= 4 && medium.as_bytes()[medium.len() - 4..].eq_ignore_ascii_case(b"push");
    if ends_with_push || contains(medium, "mobile") || contains(medium, "notification") {
        return "Mobile Push Notifications";
    }
    if has_referrer || is(&["referral", "app", "link"]) {
        return "Referral";
    }
    if medium.is_empty() { "Referral" } else { "Unassigned" }
}

/// GA4's pattern for paid media: cp followed by anything, ppc, retargeting, paid and anything.
fn is_paid(medium: &str) -> bool {
    let starts = |word: &str| {
        medium.len() >= word.len()
            && medium.as_bytes()[..word.len()].eq_ignore_ascii_case(word.as_bytes())
    };
    medium.eq_ignore_ascii_case("ppc")
        || medium.eq_ignore_ascii_case("retargeting")
        || starts("paid")
        || (starts("cp") && medium.len() > 2 && !medium.eq_ignore_ascii_case("cpm"))
}

fn is_display(medium: &str) -> bool {
    ["display", "banner", "expandable", "interstitial", "cpm"]
        .iter()
        .any(|word| medium.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels() {
        use Medium::*;
        for (source, medium, campaign, kind, paid_click, has_referrer, expected) in [
            ("", "", "", None, false, false, "Direct"),
            ("Google", "", "", Search, false, true, "Organic Search"),
            ("Google", "", "", Search, true, true, "Paid Search"),
            ("Google", "cpc", "", Search, false, false, "Paid Search"),
            ("Google", "CPC", "spring shopping", Search, false, false, "Paid Shopping"),
            ("Facebook", "paid-social", "", Social, false, false, "Paid Social"),
            ("Facebook", "", "", Social, false, true, "Organic Social"),
            ("YouTube", "", "", Video, false, true, "Organic Video"),
            ("newsletter", "email", "", None, false, false, "Email"),
            ("newsletter", "", "", None, false, false, "Email"),
            ("partner", "affiliate", "", None, false, false, "Affiliates"),
            ("x", "banner", "", None, false, false, "Display"),
            ("x", "cpm", "", None, false, false, "Display"),
            ("x", "cpv", "", None, false, false, "Paid Other"),
            ("ChatGPT", "", "", Assistant, false, true, "AI Assistants"),
            ("Amazon", "", "", Shopping, false, true, "Organic Shopping"),
            ("blog.test", "", "", None, false, true, "Referral"),
            ("x", "web-push", "", None, false, false, "Mobile Push Notifications"),
            ("x", "push", "", None, false, false, "Mobile Push Notifications"),
            ("x", "sms", "", None, false, false, "SMS"),
            ("x", "audio", "", None, false, false, "Audio"),
            ("x", "whatever", "", None, false, false, "Unassigned"),
            ("x", "cpc", "cross-network", Search, false, false, "Cross-network"),
        ] {
            let facts = Facts { source, medium, campaign, kind, paid_click, has_referrer };
            assert_eq!(of(&facts), expected, "{facts:?}");
        }
    }
}
