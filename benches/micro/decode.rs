//! How long does decoding one operation of a client take, by kind and size?
//!
//! Each iteration decodes 256 operations that lie behind one another in one buffer, as a read leaves them.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use embus_protocol::decode::{Step, decode};
use embus_protocol::encode;
use embus_protocol::limits::MAX_CONTROL_LINE_BYTES;

const OPERATIONS: u64 = 256;

fn operations() -> Vec<(&'static str, Vec<u8>)> {
    let publish = |reply: Option<&[u8]>, headers: Option<&[u8]>, payload: usize| {
        let mut out = Vec::new();
        encode::publish(&mut out, b"orders.europe.created", reply, headers, &vec![b'x'; payload]);
        out
    };
    let mut subscribe = Vec::new();
    encode::subscribe(&mut subscribe, b"orders.*.created", Some(b"workers"), b"17");
    let headers: &[u8] = b"NATS/1.0\r\nNats-Msg-Id: 4711\r\n\r\n";
    vec![
        ("PUB 16 B", publish(None, None, 16)),
        ("PUB 128 B", publish(None, None, 128)),
        ("PUB 1 KiB", publish(None, None, 1024)),
        ("PUB with reply 128 B", publish(Some(b"_INBOX.Qs7vXo2kUyW1mB3nD4eF5g.8a9b0c1d"), None, 128)),
        ("HPUB 128 B", publish(None, Some(headers), 128)),
        ("SUB with queue", subscribe),
        ("PING", encode::PING.to_vec()),
    ]
}

/// Decodes all of `input` and returns how many operations it held.
fn decode_all(mut input: &[u8]) -> u64 {
    let mut count = 0;
    while let Ok(Step::Op(op, consumed)) = decode(input, MAX_CONTROL_LINE_BYTES) {
        black_box(op);
        input = &input[consumed..];
        count += 1;
    }
    count
}

fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    group.throughput(Throughput::Elements(OPERATIONS));
    for (name, operation) in operations() {
        let input: Vec<u8> = (0..OPERATIONS).flat_map(|_| operation.clone()).collect();
        assert_eq!(decode_all(&input), OPERATIONS, "{name}");
        group.bench_function(name, |bencher| bencher.iter(|| decode_all(black_box(&input))));
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
