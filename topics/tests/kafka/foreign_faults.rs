//! A topic that others wrote, when something is unusual: very large records, records that were
//! deleted, a broker that goes away.

use std::time::{Duration, Instant};

use footfall_tests::Broker;
use footfall_topics::kafka::foreign::Foreign;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::foreign::{empty, noise, producer, read, send, settings, texts};
use crate::support::PATIENCE;

fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap());
    config.create().expect("an admin")
}

/// Records larger than what is asked for at once, in several partitions.
#[test]
fn records_larger_than_a_fetch_are_read() {
    let broker = Broker::shared();
    let prefix = broker.prefix("large");
    let topic = format!("{prefix}in");
    let new = NewTopic::new(&topic, 2, TopicReplication::Fixed(1));
    let new = new.set("max.message.bytes", "16000000");
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let made = runtime.block_on(admin(broker).create_topics(&[new], &options)).expect("answered");
    made[0].as_ref().expect("created");
    let producer = producer(broker, &[("message.max.bytes", "16000000")]);
    let mut expected = Vec::new();
    for partition in 0..2 {
        for number in 0..2 {
            let large = noise(9_000_000, partition * 10 + number);
            let small = format!("{partition} {number}").into_bytes();
            let values = [small, large];
            send(&producer, &topic, partition as i32, &values);
            expected.extend(values);
        }
    }
    expected.sort_unstable();
    let settings = settings(broker, &prefix, false);
    let mut foreign = Foreign::open(&settings, "run", &topic, &format!("{prefix}out")).unwrap();
    let mut found = read(&mut foreign, 1_000);
    found.sort_unstable();
    assert!(found == expected, "{} of {}", found.len(), expected.len());
    assert!(!foreign.by_librdkafka());
}

/// Where records are missing that were never counted, counting can't be exact.
#[test]
fn deleted_records_are_an_error() {
    let broker = Broker::shared();
    let prefix = broker.prefix("deleted");
    let topic = format!("{prefix}in");
    empty(&settings(broker, &prefix, false), &topic, 1);
    send(&producer(broker, &[]), &topic, 0, &texts("record", 0..20));
    let mut upto = TopicPartitionList::new();
    upto.add_partition_offset(&topic, 0, Offset::Offset(10)).unwrap();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let options = AdminOptions::new().operation_timeout(Some(PATIENCE));
    runtime.block_on(admin(broker).delete_records(&upto, &options)).expect("deleted");
    for by_librdkafka in [false, true] {
        let settings = settings(broker, &prefix, by_librdkafka);
        let mut foreign = Foreign::open(&settings, "run", &topic, &format!("{prefix}out")).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let error = loop {
            assert!(Instant::now() < deadline, "no error");
            match foreign.read(100, Duration::from_millis(200), |_| panic!("a record")) {
                Ok(read) => assert!(!read.at_end),
                Err(error) => break error,
            }
        };
        let said = error.to_string();
        assert!(said.starts_with("kafka: ") && said.to_lowercase().contains("offset"), "{said}");
    }
}

#[test]
fn a_broker_that_goes_away_is_waited_for() {
    let Some(mut broker) = Broker::own().expect("a broker") else { return };
    let prefix = broker.prefix("away");
    let settings = settings(&broker, &prefix, false);
    let (topic, out) = (format!("{prefix}in"), format!("{prefix}out"));
    empty(&settings, &topic, 2);
    let writer = producer(&broker, &[]);
    let mut expected: Vec<Vec<u8>> = Vec::new();
    for partition in 0..2 {
        // More than one response, and one that waits in the socket, can hold.
        let values: Vec<Vec<u8>> = (0..24).map(|n| noise(800_000, partition * 100 + n)).collect();
        send(&writer, &topic, partition as i32, &values);
        expected.extend(values);
    }
    expected.sort_unstable();
    let mut foreign = Foreign::open(&settings, "run", &topic, &out).expect("opens");
    let mut found = Vec::new();
    let wait = Duration::from_millis(200);
    foreign.read(3, wait, |value| found.push(value.to_vec())).expect("readable");
    assert_eq!(found.len(), 3);
    broker.stop();
    // What has come is handed out, then nothing, without an error.
    while foreign.read(100, wait, |value| found.push(value.to_vec())).expect("away").records > 0 {}
    assert!(found.len() < expected.len(), "the broker was not away in time");
    broker.start_again().expect("back");
    found.extend(read(&mut foreign, 100));
    found.sort_unstable();
    assert!(found == expected, "{} of {}", found.len(), expected.len());
    assert!(!foreign.by_librdkafka());
    foreign.commit(&[("all".to_owned(), found.len().to_string())]).expect("committed");
    let mut foreign = Foreign::open(&settings, "run", &topic, &out).expect("opens");
    assert!(read(&mut foreign, 100).is_empty());
}
