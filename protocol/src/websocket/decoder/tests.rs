use proptest::prelude::*;

use super::super::encode;
use super::*;

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8], mask: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(0x80 | u8::try_from(short).unwrap()),
        middle @ 126..65536 => {
            bytes.push(0xfe);
            bytes.extend(u16::try_from(middle).unwrap().to_be_bytes());
        }
        long => {
            bytes.push(0xff);
            bytes.extend((long as u64).to_be_bytes());
        }
    }
    bytes.extend(mask);
    let mut payload = payload.to_vec();
    unmask(&mut payload, mask, 0);
    bytes.extend(payload);
    bytes
}

type Taken = Result<(Vec<u8>, Vec<(Opcode, Vec<u8>)>), FrameError>;

/// All data, and all control frames with what they carry; chunk by chunk.
fn read(chunks: &[Vec<u8>]) -> Taken {
    let (mut decoder, mut data, mut controls) = (Decoder::default(), Vec::new(), Vec::new());
    for chunk in chunks {
        let mut bytes = chunk.clone();
        let mut rest = bytes.as_mut_slice();
        while !rest.is_empty() {
            let step = decoder.decode(rest)?;
            match &step {
                Step::Data { range, .. } => data.extend_from_slice(&rest[range.clone()]),
                Step::Control { opcode, .. } => controls.push((*opcode, decoder.control().to_vec())),
                Step::More => {}
            }
            let consumed = step.consumed(rest.len());
            rest = &mut rest[consumed..];
        }
    }
    Ok((data, controls))
}

fn one(bytes: Vec<u8>) -> Taken {
    read(&[bytes])
}

#[test]
fn frames_of_all_lengths() {
    for length in [0, 1, 3, 4, 31, 32, 33, 125, 126, 127, 65535, 65536, 70_001] {
        let payload: Vec<u8> = (0..length).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let (data, controls) = one(frame(0x82, &payload, [1, 2, 3, 4])).unwrap();
        assert!(data == payload && controls.is_empty(), "{length}");
    }
}

#[test]
fn a_message_in_parts_with_a_ping_between_them() {
    let parts = [frame(0x02, b"PUB a", [9; 4]), frame(0x89, b"now?", [7; 4]), frame(0x80, b" 1\r\n", [8; 4])].concat();
    let (data, controls) = one(parts).unwrap();
    assert_eq!((data.as_slice(), controls), (b"PUB a 1\r\n".as_slice(), vec![(Opcode::Ping, b"now?".to_vec())]));
}

#[test]
fn what_no_client_may_send() {
    let check = |bytes: Vec<u8>, error| assert_eq!(one(bytes), Err(error));
    check(vec![0x82, 0x01, b'x'], FrameError::Unmasked);
    for bit in [0x40, 0x20, 0x10] {
        check(frame(0x82 | bit, b"x", [0; 4]), FrameError::ReservedBit);
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        check(frame(0x80 | opcode, b"x", [0; 4]), FrameError::Opcode);
    }
    check(frame(0x89, &[0; 126], [0; 4]), FrameError::Control);
    check(frame(0x09, b"x", [0; 4]), FrameError::Control);
    check(frame(0x80, b"x", [0; 4]), FrameError::Order);
    check([frame(0x02, b"x", [0; 4]), frame(0x82, b"x", [0; 4])].concat(), FrameError::Order);
    check([vec![0x82, 0xff], vec![0xff; 8], vec![0; 4]].concat(), FrameError::Length);
    check([vec![0x82, 0xff], vec![0, 0, 0, 0, 0, 0, 0xff, 0xff], vec![0; 4]].concat(), FrameError::Length);
    check([vec![0x82, 0xfe, 0, 125], vec![0; 4]].concat(), FrameError::Length);
}

#[test]
fn a_frame_may_say_that_it_is_as_long_as_it_likes() {
    let mut decoder = Decoder::default();
    let mut bytes = [vec![0x82, 0xff, 0x7f], vec![0xff; 7], vec![0; 4], b"PING\r\n".to_vec()].concat();
    let step = decoder.decode(&mut bytes).unwrap();
    assert_eq!(step, Step::Data { range: 14..20, is_compressed: false, ends_message: false });
}

#[test]
fn compression_is_for_those_who_agreed_on_it() {
    let mut decoder = Decoder::default().allow_compressed();
    let mut bytes = [frame(0x42, b"x", [0; 4]), frame(0x80, b"y", [0; 4])].concat();
    let first = decoder.decode(&mut bytes).unwrap();
    assert_eq!(first, Step::Data { range: 6..7, is_compressed: true, ends_message: false });
    let second = decoder.decode(&mut bytes[7..]).unwrap();
    assert_eq!(second, Step::Data { range: 6..7, is_compressed: true, ends_message: true });
    assert!(decoder.is_between_messages());
    // Only the first frame of a message says it, and none that is no message.
    for bytes in [frame(0xc9, b"", [0; 4]), frame(0xc0, b"", [0; 4])] {
        assert_eq!(decoder.decode(&mut bytes.clone()), Err(FrameError::ReservedBit));
        decoder = Decoder::default().allow_compressed();
    }
}

#[test]
fn what_a_server_writes_is_read_by_a_client() {
    for length in [0_usize, 125, 126, 65535, 65536] {
        let mut bytes = encode::header(Opcode::Binary, false, length).to_vec();
        bytes.extend(vec![b'x'; length]);
        let mut decoder = Decoder::default().allow_unmasked();
        let step = decoder.decode(&mut bytes).unwrap();
        let at = bytes.len() - length;
        assert_eq!(step, Step::Data { range: at..bytes.len(), is_compressed: false, ends_message: true });
    }
    let mut decoder = Decoder::default().allow_unmasked();
    let mut bytes = encode::close(1008, &"reason ".repeat(30));
    assert!(matches!(decoder.decode(&mut bytes), Ok(Step::Control { opcode: Opcode::Close, .. })));
    assert_eq!(decoder.control()[..9], [1008_u16.to_be_bytes().as_slice(), b"reason "].concat());
}

proptest! {
    #[test]
    fn any_chunking_reads_the_same(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 1..5),
        mask in any::<[u8; 4]>(),
        cuts in prop::collection::vec(1_usize..40, 1..40),
    ) {
        let bytes: Vec<u8> = payloads.iter().flat_map(|payload| frame(0x82, payload, mask)).collect();
        let whole = one(bytes.clone()).unwrap();
        let (mut chunks, mut rest) = (Vec::new(), bytes.as_slice());
        for cut in cuts {
            let (chunk, behind) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk.to_vec());
            rest = behind;
        }
        chunks.push(rest.to_vec());
        prop_assert_eq!(whole.0.clone(), payloads.concat());
        prop_assert_eq!(read(&chunks).unwrap(), whole);
    }

    #[test]
    fn noise_is_an_error_or_data(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = one(bytes);
    }
}
