//! `footfall ad import FILE`: many ads at once. A line that is wrong ends the import before
//! anything of the file is stored.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use footfall_event::catalog::Entry;
use footfall_event::catalog::edit::AdRequest;
use serde::Deserialize;

use super::super::now_ms;
use crate::control::Access;

/// Ads in one file.
const ADS_MAX: usize = 2_000_000;
/// Bytes of a line.
const LINE_BYTES_MAX: u64 = 16 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: String,
    campaign: Option<String>,
    name: Option<String>,
    destination: Option<String>,
    paused: Option<bool>,
}

/// Adds or changes the ads of a file; how many there were.
pub(super) fn run(access: &Access, file: &Path) -> Result<usize> {
    let lines = if file == Path::new("-") {
        read(std::io::stdin().lock())?
    } else {
        let open = std::fs::File::open(file);
        read(open.with_context(|| format!("{} can't be read", file.display()))?)?
    };
    let known = access.find(lines.iter().map(|(_, line)| format!("ad/{}", line.id)).collect())?;
    let named = lines.iter().filter_map(|(_, line)| line.campaign.as_ref());
    let named = named.chain(known.ads.values().map(|ad| &ad.campaign));
    let campaigns: BTreeSet<String> = named.map(|id| format!("campaign/{id}")).collect();
    let catalog = access.find(campaigns.into_iter().collect())?;
    let now_ms = now_ms();
    let mut entries = Vec::with_capacity(lines.len());
    for (number, line) in lines {
        let Line { id, campaign, name, destination, paused } = line;
        let request = AdRequest { campaign, name, destination, paused };
        let ad = request.apply(&id, known.ads.get(&id).map(|ad| &**ad), &catalog, now_ms);
        entries.push(Entry::Ad(ad.with_context(|| format!("line {number}"))?));
    }
    let count = entries.len();
    access.put_all(entries)?;
    Ok(count)
}

/// The lines that are not empty, with their numbers from 1.
fn read(input: impl Read) -> Result<Vec<(usize, Line)>> {
    let mut input = BufReader::new(input);
    let mut lines = Vec::new();
    let mut text = String::new();
    for number in 1.. {
        text.clear();
        let bytes = (&mut input).take(LINE_BYTES_MAX + 1).read_line(&mut text)?;
        if bytes == 0 {
            break;
        }
        ensure!(
            bytes as u64 <= LINE_BYTES_MAX,
            "line {number} is longer than {LINE_BYTES_MAX} bytes"
        );
        if text.trim().is_empty() {
            continue;
        }
        ensure!(lines.len() < ADS_MAX, "the file has more than {ADS_MAX} ads: cut it in parts");
        let line = serde_json::from_str(&text).with_context(|| {
            format!(
                "line {number} is not an ad: expected {{\"id\":…,\"campaign\":…,\"destination\":…}}"
            )
        })?;
        lines.push((number, line));
    }
    Ok(lines)
}
