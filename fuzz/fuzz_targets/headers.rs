//! Any bytes as a header block: no panic, and what was read survives writing and reading again.
#![no_main]

use embus_protocol::headers::block;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = block::value(data, "Nats-Msg-Id");
    let Ok((_, headers)) = block::parse(data) else { return };
    let written = block::encode(&headers);
    assert_eq!(written.len(), block::encoded_len(&headers));
    let (status, again) = block::parse(&written).expect("own words");
    assert!(status.is_none());
    assert_eq!(again, headers);
    for (name, values) in &headers {
        let first = values.first().map(|value| value.as_str().as_bytes());
        assert_eq!(block::value(&written, name), first);
    }
});
