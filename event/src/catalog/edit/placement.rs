//! Placements.

use serde::Deserialize;

use super::{EditError, check_id, name, shown};
use crate::catalog::{Catalog, Placement};

/// What a placement shall be.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlacementRequest {
    /// The site it is on.
    pub site: Option<String>,
    /// Name for people.
    pub name: Option<String>,
    /// Width and height in CSS pixels, such as `300x250`; empty: any.
    pub size: Option<String>,
    /// How many positions it has; 0: any number.
    pub positions: Option<u16>,
}

impl PlacementRequest {
    /// The entry. One that had been removed is there again.
    ///
    /// # Errors
    /// The first field that is wrong.
    pub fn apply(
        self,
        id: &str,
        known: Option<&Placement>,
        catalog: &Catalog,
        now_ms: i64,
    ) -> Result<Placement, EditError> {
        check_id(id)?;
        let site = self.site.or_else(|| known.map(|known| known.site.clone()));
        let site = site_of(site, "a new placement needs one", catalog)?;
        let positions = match self.positions {
            Some(positions) => Some(positions).filter(|positions| *positions > 0),
            None => known.and_then(|known| known.positions),
        };
        let size = match self.size.as_deref() {
            Some("") => None,
            Some(text) => Some(size(text)?),
            None => known.and_then(|known| known.size),
        };
        Ok(Placement {
            id: id.to_owned(),
            site,
            name: name(self.name, known.map_or("", |known| &known.name))?,
            size,
            positions,
            removed: false,
            created_at: known.map_or(now_ms, |known| known.created_at),
        })
    }
}

/// A site that exists.
pub(super) fn site_of(
    site: Option<String>,
    needed: &str,
    catalog: &Catalog,
) -> Result<String, EditError> {
    let site = site.unwrap_or_default().to_ascii_lowercase();
    if site.is_empty() {
        return Err(EditError::new("site", format!("it is missing: {needed}")));
    }
    if !catalog.sites.contains_key(&site) {
        let site = shown(&site);
        let problem =
            format!("there is no site {site:?}: add it first with `footfall site add {site}`");
        return Err(EditError::new("site", problem));
    }
    Ok(site)
}

fn size(text: &str) -> Result<(u16, u16), EditError> {
    let pixels = |text: &str| text.parse::<u16>().ok().filter(|pixels| *pixels > 0);
    text.split_once('x')
        .and_then(|(width, height)| Some((pixels(width)?, pixels(height)?)))
        .ok_or_else(|| {
            let problem = format!(
                "{:?} is not a size: expected width and height in pixels, such as 300x250",
                shown(text)
            );
            EditError::new("size", problem)
        })
}
