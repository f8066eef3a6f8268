//! How long does writing the frame of one delivery take, with its prefix made anew and with the rest copied over?

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use embus_protocol::encode;

const SUBJECT: &[u8] = b"orders.europe.created";
const REPLY: &[u8] = b"_INBOX.Qs7vXo2kUyW1mB3nD4eF5g.8a9b0c1d";
const SID: &[u8] = b"17";

fn bench(criterion: &mut Criterion) {
    let payload = [b'x'; 128];
    let mut out = Vec::with_capacity(4096);
    let mut group = criterion.benchmark_group("encode");
    group.bench_function("prefix", |bencher| {
        bencher.iter(|| {
            out.clear();
            encode::msg_prefix(&mut out, black_box(SUBJECT), black_box(SID));
            out.len()
        });
    });
    for (name, reply, header_len) in [("MSG 128 B", None, None), ("HMSG with reply 128 B", Some(REPLY), Some(32))] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                encode::msg_prefix(&mut out, black_box(SUBJECT), black_box(SID));
                encode::tail(&mut out, black_box(reply), header_len, payload.len());
                out.extend_from_slice(black_box(&payload));
                out.extend_from_slice(encode::CRLF);
                out.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
