use std::collections::VecDeque;

use footfall_topics::Chunk;

use super::*;

/// Hands out prepared chunks, one look after the other.
struct Prepared(VecDeque<Vec<Chunk>>);

impl Reader for Prepared {
    fn assign(&mut self, _: Partition, _: u64) -> Result<(), LogError> {
        Ok(())
    }

    fn unassign(&mut self, _: Partition) -> Result<(), LogError> {
        Ok(())
    }

    fn poll(&mut self, _: usize, _: Duration) -> Result<Vec<Chunk>, LogError> {
        Ok(self.0.pop_front().unwrap_or_default())
    }
}

const TOPICS: [Topic; 3] = [Topic::Clicks, Topic::Impressions, Topic::Views];

/// A record for each second.
fn chunk(topic: Topic, seconds: std::ops::Range<u64>, at_end: bool) -> Chunk {
    let mut chunk = Chunk::new(Partition { topic, number: 3 }, seconds.start);
    for second in seconds {
        chunk.push(second, b"", (second * 1_000).to_string().as_bytes());
    }
    chunk.at_end = at_end;
    chunk
}

fn inputs(looks: impl IntoIterator<Item = Vec<Chunk>>) -> Inputs {
    fn received_at(record: &[u8]) -> Option<i64> {
        std::str::from_utf8(record).ok()?.parse().ok()
    }
    let reader = Box::new(Prepared(looks.into_iter().collect()));
    Inputs::new(reader, &TOPICS, 3, &[0; 3], received_at).unwrap()
}

/// The newest receipt of each topic among what may be taken now, seconds.
fn newest(inputs: &mut Inputs) -> [u64; 3] {
    let taken = inputs.take(1_000, 1 << 20);
    TOPICS.map(|topic| {
        let of = taken.inputs().into_iter().filter(|input| input.topic == topic);
        of.map(|input| input.offset).max().unwrap_or(0)
    })
}

/// After a break a topic may come in pieces: another that is there as a whole is not read ahead of it.
#[test]
fn a_topic_of_which_more_is_to_come_holds_the_others_back() {
    let mut inputs = inputs([
        vec![chunk(Topic::Clicks, 0..100, true)],
        vec![chunk(Topic::Impressions, 0..8, false), chunk(Topic::Views, 0..1, true)],
        vec![chunk(Topic::Impressions, 8..70, false)],
        vec![chunk(Topic::Impressions, 70..70, true)],
    ]);
    let fill = |inputs: &mut Inputs| inputs.fill(Duration::ZERO).unwrap();
    fill(&mut inputs);
    assert_eq!(newest(&mut inputs), [0, 0, 0], "the others were not looked at yet");
    fill(&mut inputs);
    assert_eq!(newest(&mut inputs), [7, 7, 0], "not further than what is known");
    assert!(inputs.is_held_back());
    fill(&mut inputs);
    assert_eq!(newest(&mut inputs), [69, 69, 0]);
    fill(&mut inputs);
    assert_eq!(newest(&mut inputs), [99, 0, 0], "the rest");
    assert!(!inputs.is_held_back());
    assert_eq!(inputs.ends(), [100, 70, 1]);
}
