//! The table of clicks near one, of its network and on its site.

use footfall_event::Verdict;

use super::case::Case;
use super::rows::Near;
use crate::clicks::choice::click_href;
use crate::clicks::vd::Vd;
use crate::{format, words as w};

/// Neighbours in the table.
const NEIGHBOURS: usize = 24;

/// A row.
pub(super) struct NeighbourView {
    pub(super) href: String,
    pub(super) time: String,
    pub(super) off: String,
    pub(super) is_this: bool,
    pub(super) who: &'static str,
    pub(super) ad: String,
    pub(super) position: String,
    pub(super) vd: Vd,
}

/// The clicks nearest in time on this site, itself among them.
fn nearest<'a>(case: &'a Case, site: &str) -> Vec<&'a Near> {
    let at = case.click.at_ms;
    let all = case.around.network.as_deref().unwrap_or_default();
    let mut near: Vec<&Near> = all.iter().filter(|near| near.of_site == site).collect();
    near.sort_by_key(|near| (near.at_ms - at).abs());
    near.truncate(NEIGHBOURS);
    near.sort_by(|a, b| (a.at_ms, &a.click_id).cmp(&(b.at_ms, &b.click_id)));
    near
}

/// The rows of the table.
pub(super) fn neighbours(case: &Case, site: &str) -> Vec<NeighbourView> {
    let click = &case.click;
    let view = |near: &Near| {
        let is_this = near.click_id == click.click_id;
        let verdict = Verdict::parse(&near.in_force).unwrap_or(Verdict::Valid);
        let own = near.of_visitor == click.of_visitor;
        let vd = match near.why.first() {
            Some(word) => Vd::saying(verdict, w::removed(word)),
            None => Vd::of(verdict),
        };
        NeighbourView {
            href: click_href(site, &near.click_id),
            time: format::exact(&case.names.zone, near.at_ms),
            off: match is_this {
                true => w::THIS_CLICK.to_owned(),
                false => w::from_this(near.at_ms - click.at_ms),
            },
            is_this,
            who: if own { w::THIS_VISITOR } else { w::OTHER_VISITOR },
            ad: case.names.ad_name(&near.of_ad),
            position: match near.of_position {
                0 => "–".to_owned(),
                position => position.to_string(),
            },
            vd,
        }
    };
    nearest(case, site).into_iter().map(view).collect()
}

/// What the table of neighbours leaves out.
pub(super) fn more(case: &Case, site: &str) -> Vec<String> {
    let all = case.around.network.as_deref().unwrap_or_default();
    let here = all.iter().filter(|near| near.of_site == site).count();
    let mut out = Vec::new();
    if here > NEIGHBOURS {
        out.push(w::more_near(here - NEIGHBOURS));
    }
    if all.len() > here {
        out.push(w::elsewhere(all.len() - here));
    }
    out
}
