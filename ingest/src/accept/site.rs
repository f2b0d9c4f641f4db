//! Site: is it one of ours, may this sender report for it, and does the page belong to it?

use footfall_event::Rejected;

use super::limits::shown;
use super::page::host_of;
use super::{Context, Raw, Rejection};
use crate::sites::SiteRules;

/// The event's site.
///
/// # Errors
/// `missing_field`, `unknown_site`, `forbidden_site`, `foreign_origin`.
pub fn find<'a>(raw: &Raw<'_>, context: &Context<'a>) -> Result<&'a SiteRules, Rejection> {
    let name = match (&*raw.site, context.allowed_sites) {
        ("", [only]) => only,
        ("", _) => {
            let detail = "site is missing: expected the registered domain";
            return Err(Rejection::new(Rejected::MissingField, detail));
        }
        (name, _) => name,
    };
    if !context.allowed_sites.is_empty() && !context.allowed_sites.iter().any(|s| s == name) {
        let detail = format!("the key is not for the site {:?}", shown(name));
        return Err(Rejection::new(Rejected::ForbiddenSite, detail));
    }
    let Some(site) = context.sites.get(name) else {
        let name = shown(name);
        let detail =
            format!("there is no site {name:?} here: add it with `footfall site add {name}`");
        return Err(Rejection::new(Rejected::UnknownSite, detail));
    };
    if let Some(origin) = context.origin
        && !host_of(origin).is_some_and(|host| site.owns_host(&host))
    {
        let detail = format!(
            "the origin {:?} does not belong to {}: add it with `footfall site add {} --alias HOST`",
            shown(origin),
            site.domain(),
            site.domain()
        );
        return Err(Rejection::new(Rejected::ForeignOrigin, detail));
    }
    Ok(site)
}
