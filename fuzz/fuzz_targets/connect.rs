//! Any bytes as the JSON of CONNECT and of INFO: no panic, and what was read survives writing and reading again.
#![no_main]

use embus_protocol::connect::ConnectOptions;
use embus_protocol::decode::{Op, Step, decode};
use embus_protocol::encode;
use embus_protocol::info::ServerInfo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut line = Vec::new();
    if let Ok(options) = ConnectOptions::parse(data) {
        encode::connect(&mut line, &options);
        let Ok(Step::Op(Op::Connect(json), _)) = decode(&line, line.len()) else { panic!("not a CONNECT") };
        assert_eq!(ConnectOptions::parse(json).ok(), Some(options));
    }
    if let Ok(info) = ServerInfo::parse(data) {
        line.clear();
        encode::info(&mut line, &info);
        let Ok(Step::Op(Op::Info(json), _)) = decode(&line, line.len()) else { panic!("not an INFO") };
        assert_eq!(ServerInfo::parse(json).ok(), Some(info));
    }
});
