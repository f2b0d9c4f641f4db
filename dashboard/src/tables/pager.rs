//! The foot of a long list: the pages before and after, which rows these are, and the whole list for
//! programs. `pager.html` draws it.

use crate::words as w;

/// The foot of a list.
pub(crate) struct Pager {
    pub(crate) earlier: Option<String>,
    pub(crate) later: Option<String>,
    pub(crate) rows: Option<String>,
    pub(crate) csv: String,
    pub(crate) json: String,
}

impl Pager {
    /// Of a page (from 1, of so many rows each) that shows `shown` of all rows; `at` is the address
    /// of another page, `as_file` that of the list with an extension.
    pub(crate) fn new(
        (page, of_page): (u32, u32),
        (shown, total): (usize, u64),
        at: impl Fn(u32) -> String,
        as_file: impl Fn(&str) -> String,
    ) -> Pager {
        let before = u64::from(page - 1) * u64::from(of_page);
        let end = before + shown as u64;
        Pager {
            earlier: (page > 1).then(|| at(page - 1)),
            later: (end < total).then(|| at(page + 1)),
            rows: (shown > 0).then(|| w::rows_shown(before + 1, end, total)),
            csv: as_file(".csv"),
            json: as_file(".json"),
        }
    }
}
