use bytes::BytesMut;
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use proptest::prelude::*;

use super::*;

/// Encoded by the library, as a batch of its own.
fn encoded(base: i64, records: &[(Option<Bytes>, Option<Bytes>)]) -> Bytes {
    let record = |(at, (key, value)): (usize, &(Option<Bytes>, Option<Bytes>))| Record {
        transactional: true,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: 3,
        producer_id: 77,
        producer_epoch: 1,
        timestamp_type: TimestampType::Creation,
        offset: base + at as i64,
        sequence: 5 + at as i32,
        timestamp: 1_700_000_000_000 + at as i64 * 100_000,
        key: key.clone(),
        value: value.clone(),
        headers: [("header".to_owned().into(), Some(Bytes::from_static(b"x")))].into(),
    };
    let records: Vec<Record> = records.iter().enumerate().map(record).collect();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    let mut bytes = BytesMut::new();
    RecordBatchEncoder::encode(&mut bytes, &records, &options).expect("encodable");
    bytes.freeze()
}

/// What the first batch says, as offsets and values.
fn decoded(bytes: &Bytes) -> Result<Option<Vec<(i64, Bytes)>>, Trouble> {
    let Some(batch) = Batch::take(&mut bytes.clone())? else { return Ok(None) };
    batch.check()?;
    let mut records = Records::new(&batch);
    let mut found = Vec::new();
    while let Some((offset, value)) = records.next(batch.body())? {
        found.push((offset, Bytes::copy_from_slice(value)));
    }
    Ok(Some(found))
}

fn some() -> Vec<(Option<Bytes>, Option<Bytes>)> {
    let bytes = |text: &str| Some(Bytes::copy_from_slice(text.as_bytes()));
    vec![(None, bytes("first")), (bytes("key"), None), (bytes(""), bytes(&"long ".repeat(99)))]
}

proptest! {
    /// Another's encoder agrees, whatever the records are.
    #[test]
    fn what_was_encoded_is_decoded(
        base in 0..1_i64 << 50,
        records in prop::collection::vec(
            (prop::option::of(prop::collection::vec(any::<u8>(), 0..80)),
             prop::option::of(prop::collection::vec(any::<u8>(), 0..300))),
            1..20,
        ),
    ) {
        let bytes = |text: Option<Vec<u8>>| text.map(Bytes::from);
        let records: Vec<_> = records.into_iter().map(|(k, v)| (bytes(k), bytes(v))).collect();
        let expected: Vec<(i64, Bytes)> = (base..)
            .zip(&records)
            .map(|(offset, (_, value))| (offset, value.clone().unwrap_or_default()))
            .collect();
        let batch = encoded(base, &records);
        prop_assert_eq!(decoded(&batch).expect("whole"), Some(expected));
        prop_assert_eq!(end_of(&batch).expect("whole"), Some(base + records.len() as i64));
    }
}

#[test]
fn a_batch_that_is_cut_off_is_left_for_the_next_response() {
    let (one, two) = (encoded(10, &some()), encoded(13, &some()));
    let both: Bytes = [&one[..], &two[..]].concat().into();
    for length in 0..=both.len() {
        let mut bytes = both.slice(..length);
        let mut found = 0;
        while let Some(batch) = Batch::take(&mut bytes).expect("no damage") {
            batch.check().expect("whole");
            assert!(batch.is_transactional() && !batch.is_control());
            assert_eq!((batch.producer(), batch.last()), (77, 12 + 3 * found));
            found += 1;
        }
        let whole = (length >= one.len()) as i64 + (length == both.len()) as i64;
        assert_eq!(found, whole, "{length} bytes");
        let end = (whole > 0).then_some(10 + 3 * whole);
        assert_eq!(end_of(&both[..length]).expect("no damage"), end, "{length} bytes");
    }
}

#[test]
fn damage_is_found_wherever_it_is() {
    let good = encoded(10, &some());
    let expected = decoded(&good).expect("whole");
    for at in 0..good.len() {
        let mut bad = good.to_vec();
        bad[at] ^= 0x41;
        // The checksum covers neither the base offset nor the leader's epoch: brokers set them.
        if at < 8 || (12..FORMAT_AT).contains(&at) {
            continue;
        }
        match decoded(&bad.into()) {
            Err(Trouble::Lasting(_)) | Ok(None) => {}
            Err(Trouble::Unfamiliar(_)) => assert_eq!(at, FORMAT_AT),
            other => panic!("byte {at}: {other:?}"),
        }
    }
    assert_eq!(decoded(&good).expect("whole"), expected);
    // What the checksum says nothing about, since a damaged producer signed it: no panic.
    for at in HEADER..good.len() {
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bad = good.to_vec();
            bad[at] = byte;
            let batch = Batch::take(&mut bad.into()).expect("whole").expect("whole");
            let mut records = Records::new(&batch);
            while let Ok(Some(_)) = records.next(batch.body()) {}
        }
    }
}

#[test]
fn older_formats_are_left_to_others() {
    let mut old = encoded(10, &some()).to_vec();
    old[FORMAT_AT] = 1;
    assert!(matches!(Batch::take(&mut old.into()), Err(Trouble::Unfamiliar(_))));
}
