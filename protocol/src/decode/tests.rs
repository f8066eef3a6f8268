//! The decoder against lines seen on the reference server, against a naive reader, and under any chunking.

use proptest::prelude::*;

use super::*;
use crate::encode;
use crate::limits::MAX_CONTROL_LINE_BYTES as MAX;

/// Decodes one operation that must be whole and take all of `input`.
#[track_caller]
fn op(input: &[u8]) -> Op<'_> {
    match decode(input, MAX) {
        Ok(Step::Op(op, consumed)) => {
            assert_eq!(consumed, input.len());
            op
        }
        other => panic!("{other:?} from {:?}", input.escape_ascii().to_string()),
    }
}

#[track_caller]
fn publish_op(input: &[u8]) -> Publish<'_> {
    match op(input) {
        Op::Publish(publish) => publish,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check_error(input: impl AsRef<[u8]>, expected: DecodeError) {
    let input = input.as_ref();
    assert_eq!(decode(input, MAX), Err(expected), "{}", input.escape_ascii());
}

#[track_caller]
fn check_incomplete(input: impl AsRef<[u8]>) {
    let input = input.as_ref();
    assert_eq!(decode(input, MAX), Ok(Step::Incomplete), "{}", input.escape_ascii());
}

#[test]
fn publish_with_and_without_reply() {
    let publish = publish_op(b"PUB foo 5\r\nhello\r\n");
    assert_eq!((publish.subject, publish.reply, publish.header_len), (&b"foo"[..], None, None));
    assert_eq!((publish.total_len, publish.headers(), publish.payload()), (5, &b""[..], &b"hello"[..]));
    assert_eq!(publish.tail, b"5\r\nhello\r\n");
    let publish = publish_op(b"pub foo re.ply 0\r\n\r\n");
    assert_eq!((publish.reply, publish.body, publish.tail), (Some(&b"re.ply"[..]), &b""[..], &b"re.ply 0\r\n\r\n"[..]));
}

#[test]
fn publish_with_headers() {
    let publish = publish_op(b"HPUB foo re 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
    assert_eq!((publish.reply, publish.header_len, publish.total_len), (Some(&b"re"[..]), Some(12), 14));
    assert_eq!((publish.headers(), publish.payload()), (&b"NATS/1.0\r\n\r\n"[..], &b"hi"[..]));
    assert_eq!(publish.tail, b"re 12 14\r\nNATS/1.0\r\n\r\nhi\r\n");
    // Delivered as MSG, so its own arguments do not serve. [nats-server: HPUB s 0 n]
    let publish = publish_op(b"HPUB foo 0 2\r\nhi\r\n");
    assert_eq!((publish.header_len, publish.payload(), publish.tail), (Some(0), &b"hi"[..], &b""[..]));
}

#[test]
fn tail_is_only_for_canonical_lines() {
    for line in ["PUB foo 2\r\n", "PUB \t foo 2\r\n", "PUB\tfoo 2\r\n", "PUB f 0\x01r 2\r\n"] {
        assert!(!publish_op(format!("{line}hi\r\n").as_bytes()).tail.is_empty(), "{line:?}");
    }
    for line in [
        "PUB foo 2\n",
        "PUB foo  2\r\n",
        "PUB foo  2\n",
        "PUB foo 2 \r\n",
        "PUB foo 2 \n",
        "PUB foo 02\r\n",
        "PUB foo\t2\r\n",
    ] {
        assert!(publish_op(format!("{line}hi\r\n").as_bytes()).tail.is_empty(), "{line:?}");
    }
    for line in ["PUB foo re\t2\r\n", "PUB foo  re 2\n", "HPUB foo 1  2\n", "HPUB foo 01 2\r\n", "HPUB foo re 1\t2\r\n"]
    {
        assert!(publish_op(format!("{line}hi\r\n").as_bytes()).tail.is_empty(), "{line:?}");
    }
}

#[test]
fn payload_is_awaited_behind_its_line() {
    for input in ["PUB foo 5\r\n", "PUB foo 5\r\nhel", "PUB foo 5\r\nhello", "PUB foo 5\r\nhello\r"] {
        let Ok(Step::AwaitPayload(publish, 11)) = decode(input.as_bytes(), MAX) else { panic!("{input:?}") };
        assert_eq!((publish.subject, publish.total_len), (&b"foo"[..], 5));
        assert!(publish.body.is_empty() && publish.tail.is_empty() && publish.payload().is_empty());
    }
    for input in ["PUB foo 1\r\na\n", "PUB foo 1\r\naX", "PUB foo 1\r\na\rX", "PUB foo 1\r\nab\r\n"] {
        check_error(input, DecodeError::UnknownOperation);
    }
}

#[test]
fn sizes_are_one_to_nine_digits() {
    for size in ["0000000000", "-1", "+1", "1a", "0x0", "1000000000", "99999999999999999999", "١"] {
        check_error(format!("PUB foo {size}\r\n\r\n"), DecodeError::BadArguments);
    }
    assert_eq!(publish_op(b"PUB foo 000000000\r\n\r\n").total_len, 0);
    let large = decode(b"PUB foo 999999999\r\n", MAX);
    assert!(matches!(large, Ok(Step::AwaitPayload(Publish { total_len: 999_999_999, .. }, 19))));
    for sizes in ["1 0", "0", "b c 0 0", "-1 0", "0 -1", "x 1"] {
        check_error(format!("HPUB a {sizes}\r\n\r\n"), DecodeError::BadArguments);
    }
}

#[test]
fn subscribe_and_unsubscribe() {
    assert_eq!(op(b"SUB a.* 1\r\n"), Op::Subscribe { subject: b"a.*", queue: None, sid: b"1" });
    assert_eq!(op(b"sub\ta..b  q\t\x02 \n"), Op::Subscribe { subject: b"a..b", queue: Some(b"q"), sid: b"\x02" });
    assert_eq!(op(b"SUB a\x00\xff 1\r\n"), Op::Subscribe { subject: b"a\x00\xff", queue: None, sid: b"1" });
    assert_eq!(op(b"UNSUB 1\r\n"), Op::Unsubscribe { sid: b"1", max: None });
    assert_eq!(op(b"unsub 1 02 \r\n"), Op::Unsubscribe { sid: b"1", max: Some(2) });
    for max in ["x", "-1", "+2", "1.5", "4294967296"] {
        assert_eq!(op(format!("UNSUB 1 {max}\r\n").as_bytes()), Op::Unsubscribe { sid: b"1", max: None });
    }
    for line in ["SUB a", "SUB a q 1 2", "SUB ", "UNSUB ", "UNSUB 1 2 3", "PUB a", "PUB a b c 0", "PUB ", "PUB a\r0"] {
        check_error(format!("{line}\r\n"), DecodeError::BadArguments);
    }
}

#[test]
fn verbs_without_arguments_ignore_the_rest() {
    for line in ["PING\r\n", "ping\n", "PINGG junk\r\n", "PiNg \t\r\n"] {
        assert_eq!(op(line.as_bytes()), Op::Ping);
    }
    assert_eq!(op(b"PONG x\r\n"), Op::Pong);
    for line in ["+OK\r\n", "+ok\n", "+OKx\r\n"] {
        assert_eq!(op(line.as_bytes()), Op::Ok);
    }
}

#[test]
fn verbs_with_one_argument() {
    assert_eq!(op(b"CONNECT {\"a\": 1} \r\n"), Op::Connect(b"{\"a\": 1} "));
    assert_eq!(op(b"connect{}\n"), Op::Connect(b"{}"));
    assert_eq!(op(b"CONNECT\r\n"), Op::Connect(b""));
    assert_eq!(op(b"INFO \t{}\r\n"), Op::Info(b"{}"));
    assert_eq!(op(b"INFOX\r\n"), Op::Info(b"X"));
    assert_eq!(op(b"-ERR 'x'\r\n"), Op::Err(b"'x'"));
}

#[test]
fn unknown_verbs_are_known_at_once() {
    for input in ["F", "FOO", "\r\n", "\n", " PING\r\n", "PX", "PUBX", "+X", "-X", "MSG a 1 0\r\n\r\n", "A+", "R"] {
        check_error(input, DecodeError::UnknownOperation);
    }
    // Bytes that fold onto others when a letter's case is set.
    for input in ["PUB\rfoo 0\r\n", "PUB\n", "PUB\0a 0\r\n", "SUB\0a 1\r\n", "\x0bOK\r\n", "\rERR x\r\n", "PUB)a 0\r\n"]
    {
        check_error(input, DecodeError::UnknownOperation);
    }
    for input in ["-ERR\r\n", "-ERRx\r\n", "UNSUX", "UNSUBx", "HPUBx", "CONNEX", "CONNX"] {
        check_error(input, DecodeError::UnknownOperation);
    }
}

#[test]
fn unfinished_lines_wait() {
    for input in ["", "P", "pu", "PUB", "PUB ", "PUB foo 5", "PUB foo 5\r", "+", "+O", "+OK", "-", "-ERR", "-ERR 'x"] {
        check_incomplete(input);
    }
    for input in ["U", "UNSU", "unsub", "UNSUB 1 \r", "C", "CONN", "CONNECT", "CONNECT {\r", "PING", "PING\r", "HPUB"] {
        check_incomplete(input);
    }
}

#[test]
fn argument_part_is_bounded() {
    let text = |len: usize| "a".repeat(len);
    assert!(matches!(op(format!("SUB {} 1\r\n", text(MAX - 2)).as_bytes()), Op::Subscribe { .. }));
    assert!(matches!(op(format!("SUB    {} 1\n", text(MAX - 2)).as_bytes()), Op::Subscribe { .. }));
    check_error(format!("SUB {} 1\r\n", text(MAX - 1)), DecodeError::ControlLineTooLong);
    check_error(format!("SUB {} 1 \r\n", text(MAX - 2)), DecodeError::ControlLineTooLong);
    check_error(format!("PUB {} 0\r\n\r\n", text(MAX - 1)), DecodeError::ControlLineTooLong);
    check_error(format!("UNSUB {}\r\n", text(MAX + 1)), DecodeError::ControlLineTooLong);
    // Length is judged before the arguments.
    check_error(format!("SUB {}\r\n", "a ".repeat(MAX)), DecodeError::ControlLineTooLong);
    for verb in ["CONNECT", "INFO", "-ERR"] {
        assert!(matches!(decode(format!("{verb} {}\r\n", text(MAX)).as_bytes(), MAX), Ok(Step::Op(..))));
        check_error(format!("{verb} {}\r\n", text(MAX + 1)), DecodeError::ControlLineTooLong);
    }
}

#[test]
fn an_unfinished_argument_part_is_bounded_too() {
    for verb in ["SUB", "PUB", "CONNECT", "INFO", "UNSUB", "-ERR", "HPUB"] {
        check_incomplete(format!("{verb} {}", "a".repeat(MAX)));
        check_incomplete(format!("{verb} {}\r", "a".repeat(MAX)));
        check_error(format!("{verb} {}", "a".repeat(MAX + 1)), DecodeError::ControlLineTooLong);
        check_error(format!("{verb} {}", " ".repeat(MAX + 1)), DecodeError::ControlLineTooLong);
    }
    check_error(format!("PING{}", "a".repeat(MAX + 1)), DecodeError::ControlLineTooLong);
}

/// What a reader makes of a stream that comes in pieces: the operations, and the error that ended them.
fn read_all<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> (Vec<String>, Option<DecodeError>) {
    let (mut pending, mut ops) = (Vec::new(), Vec::new());
    for piece in pieces {
        pending.extend_from_slice(piece);
        loop {
            match decode(&pending, BOUND) {
                Ok(Step::Op(op, consumed)) => {
                    ops.push(format!("{op:?}"));
                    pending.drain(..consumed);
                }
                Ok(_) => break,
                Err(error) => return (ops, Some(error)),
            }
        }
    }
    (ops, None)
}

/// A bound that random lines reach.
const BOUND: usize = 24;

/// A reader that looks for the line end and splits: slow, and plain to see right. Whole streams only.
fn naive(input: &[u8]) -> Option<Result<(String, usize), DecodeError>> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let line = input[..end].strip_suffix(b"\r").unwrap_or(&input[..end]);
    let verbs = ["pub", "hpub", "sub", "unsub", "connect", "info", "-err", "ping", "pong", "+ok"];
    let Some(verb) = verbs
        .into_iter()
        .find(|verb| line.get(..verb.len()).is_some_and(|head| head.eq_ignore_ascii_case(verb.as_bytes())))
    else {
        return Some(Err(DecodeError::UnknownOperation));
    };
    let raw = &line[verb.len()..];
    let blank_needed = ["pub", "hpub", "sub", "unsub", "-err"].contains(&verb);
    if blank_needed && !raw.first().is_some_and(|byte| b" \t".contains(byte)) {
        return Some(Err(DecodeError::UnknownOperation));
    }
    let blanks = raw.iter().take_while(|byte| b" \t".contains(byte)).count();
    let arguments = &raw[blanks..];
    if arguments.len() > BOUND || blanks > BOUND {
        return Some(Err(DecodeError::ControlLineTooLong));
    }
    let words: Vec<&[u8]> = arguments.split(|byte| b" \t".contains(byte)).filter(|word| !word.is_empty()).collect();
    let has_cr = arguments.contains(&b'\r');
    Some(match (verb, &words[..]) {
        ("ping", _) => Ok((format!("{:?}", Op::Ping), end + 1)),
        ("pong", _) => Ok((format!("{:?}", Op::Pong), end + 1)),
        ("+ok", _) => Ok((format!("{:?}", Op::Ok), end + 1)),
        ("connect", _) => Ok((format!("{:?}", Op::Connect(arguments)), end + 1)),
        ("info", _) => Ok((format!("{:?}", Op::Info(arguments)), end + 1)),
        ("-err", _) => Ok((format!("{:?}", Op::Err(arguments)), end + 1)),
        _ if has_cr => Err(DecodeError::BadArguments),
        ("sub", [subject, sid]) => Ok((format!("{:?}", Op::Subscribe { subject, queue: None, sid }), end + 1)),
        ("sub", [subject, queue, sid]) => {
            Ok((format!("{:?}", Op::Subscribe { subject, queue: Some(queue), sid }), end + 1))
        }
        ("unsub", [sid]) => Ok((format!("{:?}", Op::Unsubscribe { sid, max: None }), end + 1)),
        ("unsub", [sid, max]) => {
            let max = naive_number(max).map(|max| max as u64);
            Ok((format!("{:?}", Op::Unsubscribe { sid, max }), end + 1))
        }
        ("pub", [subject, size]) => return naive_publish(input, end + 1, subject, None, None, size),
        ("pub", [subject, reply, size]) => return naive_publish(input, end + 1, subject, Some(reply), None, size),
        ("hpub", [subject, header, size]) => return naive_publish(input, end + 1, subject, None, Some(header), size),
        ("hpub", [subject, reply, header, size]) => {
            return naive_publish(input, end + 1, subject, Some(reply), Some(header), size);
        }
        _ => Err(DecodeError::BadArguments),
    })
}

fn naive_number(text: &[u8]) -> Option<usize> {
    let digits = text.len() <= 9 && text.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok()?.parse().ok().filter(|_| digits)
}

fn naive_publish(
    input: &[u8],
    line_len: usize,
    subject: &[u8],
    reply: Option<&[u8]>,
    header: Option<&[u8]>,
    total: &[u8],
) -> Option<Result<(String, usize), DecodeError>> {
    let header_len = header.map(naive_number);
    let (Some(total_len), false) = (naive_number(total), header_len == Some(None)) else {
        return Some(Err(DecodeError::BadArguments));
    };
    let header_len = header_len.flatten();
    if header_len.unwrap_or(0) > total_len {
        return Some(Err(DecodeError::BadArguments));
    }
    let rest = &input[line_len..];
    let behind = rest.get(total_len..)?;
    if !behind.starts_with(&encode::CRLF[..behind.len().min(2)]) {
        return Some(Err(DecodeError::UnknownOperation));
    }
    let body = behind.get(..2).map(|_| &rest[..total_len])?;
    let consumed = line_len + total_len + 2;
    // The fast path must be what the encoder writes, wherever it stands in the input.
    let mut canonical = Vec::new();
    encode::tail(&mut canonical, reply, header_len, total_len);
    canonical.extend_from_slice(body);
    canonical.extend_from_slice(encode::CRLF);
    let begin = subject.as_ptr().addr() - input.as_ptr().addr() + subject.len() + 1;
    let is_canonical =
        header_len != Some(0) && input[begin - 1] == b' ' && input.get(begin..consumed) == Some(&canonical[..]);
    let tail = if is_canonical { &canonical[..] } else { &[] };
    Some(Ok((format!("{:?}", Op::Publish(Publish { subject, reply, header_len, total_len, body, tail })), consumed)))
}

/// Words, blanks and numbers of the protocol, and noise.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(vec![
        "PUB",
        "hPub",
        "SUB",
        "UNSUB",
        "CONNECT",
        "INFO",
        "PING",
        "pong",
        "+OK",
        "-ERR",
        "MSG",
        "foo",
        "a.b",
        "0",
        "1",
        "2",
        "3",
        "03",
        "00",
        "1234567890",
        "{}",
        "'x'",
        " ",
        "  ",
        "\t",
        "\r",
        "\n",
        "\r\n",
        "\r\n",
        "\r\n",
    ]);
    prop_oneof![
        8 => word.prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
        1 => Just(b"PUB a 3\r\nabc\r\n".to_vec()),
        1 => Just(b"HPUB a r 2 3\r\nabc\r\n".to_vec()),
        1 => Just(b"PUB a.b.c reply.x 0\r\n\r\n".to_vec()),
        1 => Just(b"SUB foo.> q 1\r\nUNSUB 1 5\r\nPING\r\n".to_vec()),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(fragment(), 0..24).prop_map(|fragments| fragments.concat())
}

/// A word as the wire takes it: any bytes but separators.
fn word() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>().prop_filter("separator", |byte| !b" \t\r\n".contains(byte)), 1..20)
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_chunking_reads_the_same(stream in stream(), cuts in prop::collection::vec(1..9_usize, 1..8)) {
        let mut rest = &stream[..];
        let mut cuts = cuts.into_iter().cycle();
        let pieces = std::iter::from_fn(|| {
            let (piece, behind) = rest.split_at(cuts.next()?.min(rest.len()));
            rest = behind;
            (!piece.is_empty()).then_some(piece)
        });
        prop_assert_eq!(read_all(pieces), read_all(std::iter::once(&stream[..])));
    }

    #[test]
    fn agrees_with_the_naive_reader(stream in stream()) {
        if let Some(expected) = naive(&stream) {
            match decode(&stream, BOUND) {
                Ok(Step::Op(op, consumed)) => prop_assert_eq!(Ok((format!("{op:?}"), consumed)), expected),
                Ok(step) => prop_assert!(false, "{:?}, expected {:?}", step, expected),
                Err(error) => prop_assert_eq!(Err(error), expected),
            }
        } else {
            let step = decode(&stream, BOUND);
            // Errors may be known before the line ends; whole operations may not.
            prop_assert!(!matches!(step, Ok(Step::Op(..))), "{:?}", step);
        }
    }

    #[test]
    fn no_bytes_panic(input in bytes(), bound in 0..64_usize) {
        let _ = decode(&input, bound);
    }

    #[test]
    fn publish_round_trip(subject in word(), reply in prop::option::of(word()), headers in prop::option::of(bytes()), payload in bytes()) {
        let mut out = Vec::new();
        encode::publish(&mut out, &subject, reply.as_deref(), headers.as_deref(), &payload);
        let publish = publish_op(&out);
        prop_assert_eq!((publish.subject, publish.reply), (&subject[..], reply.as_deref()));
        prop_assert_eq!(publish.header_len, headers.as_ref().map(Vec::len));
        prop_assert_eq!((publish.headers(), publish.payload()), (&headers.clone().unwrap_or_default()[..], &payload[..]));
        let mut frame = Vec::new();
        encode::tail(&mut frame, reply.as_deref(), headers.as_ref().map(Vec::len), publish.total_len);
        frame.extend_from_slice(publish.body);
        frame.extend_from_slice(encode::CRLF);
        let expected = if headers.is_some_and(|block| block.is_empty()) { &[][..] } else { &frame[..] };
        prop_assert_eq!(publish.tail, expected);
    }

    #[test]
    fn subscribe_round_trip(subject in word(), queue in prop::option::of(word()), sid in word(), max in prop::option::of(0..1_000_000_000_u64)) {
        let mut out = Vec::new();
        encode::subscribe(&mut out, &subject, queue.as_deref(), &sid);
        prop_assert_eq!(op(&out), Op::Subscribe { subject: &subject, queue: queue.as_deref(), sid: &sid });
        out.clear();
        encode::unsubscribe(&mut out, &sid, max);
        prop_assert_eq!(op(&out), Op::Unsubscribe { sid: &sid, max });
    }
}

#[test]
fn connect_round_trip() {
    let mut options = crate::connect::ConnectOptions { verbose: false, name: "a \"b\"".into(), ..Default::default() };
    options.pass = "s\r\n".into();
    options.protocol = 1;
    options.new_account = true;
    let mut out = Vec::new();
    encode::connect(&mut out, &options);
    let Op::Connect(json) = op(&out) else { panic!("not a CONNECT") };
    assert_eq!(crate::connect::ConnectOptions::parse(json).ok(), Some(options));
}

#[test]
fn info_err_and_constants_round_trip() {
    let info = crate::info::ServerInfo { server_id: "N".into(), headers: true, ..Default::default() };
    let mut out = Vec::new();
    encode::info(&mut out, &info);
    assert!(out.ends_with(b"} \r\n"));
    let Op::Info(json) = op(&out) else { panic!("not an INFO") };
    assert_eq!(crate::info::ServerInfo::parse(json).ok(), Some(info));
    out.clear();
    encode::err(&mut out, &crate::error::ClientError::StaleConnection);
    assert_eq!(op(&out), Op::Err(b"'Stale Connection'"));
    assert_eq!((op(encode::PING), op(encode::PONG), op(encode::OK)), (Op::Ping, Op::Pong, Op::Ok));
}
