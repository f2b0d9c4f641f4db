//! Which of too many things are forgotten: the oldest, by their own time, so that no hash table's
//! order decides.

/// The time before which things are to be forgotten, when there are more than `max`: a tenth goes
/// at once, so that it doesn't have to be asked each time. `None` when there is room.
pub(crate) fn keep_newest(times: impl ExactSizeIterator<Item = i64>, max: usize) -> Option<i64> {
    if times.len() <= max {
        return None;
    }
    let mut times: Vec<i64> = times.collect();
    let surplus = times.len() - max * 9 / 10;
    let at = surplus.min(times.len() - 1);
    let (_, cut, _) = times.select_nth_unstable(at);
    Some(*cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go() {
        assert_eq!(keep_newest([3, 1, 2].into_iter(), 3), None);
        let times: Vec<i64> = (0..100).rev().collect();
        let cut = keep_newest(times.into_iter(), 50).unwrap();
        assert_eq!((0..100).filter(|time| *time >= cut).count(), 45);
        assert_eq!(keep_newest([7; 9].into_iter(), 0), Some(7));
    }
}
