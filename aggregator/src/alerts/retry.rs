//! When a delivery is tried again.

use std::time::Duration;

/// Pauses after the first, second … failure; the last one from then on. The later ones are those
/// that postbacks use in the field: 1, 5, 15, 30, 60 minutes.
const PAUSES_S: [u64; 9] = [1, 5, 15, 30, 60, 300, 900, 1_800, 3_600];

/// The pause after so many failures in a row.
pub(super) fn pause(failures: u32) -> Duration {
    let index = (failures.max(1) as usize - 1).min(PAUSES_S.len() - 1);
    Duration::from_secs(PAUSES_S[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_an_hour() {
        let seconds: Vec<u64> = [0, 1, 2, 9, 10, u32::MAX].map(|n| pause(n).as_secs()).into();
        assert_eq!(seconds, [1, 1, 5, 3_600, 3_600, 3_600]);
    }
}
