//! What the reply subject of a delivered message tells. [reference §5.1]

use crate::Error;
use crate::datetime::{DateTime, from_nanos};

/// What a consumer says of one delivery.
#[derive(Debug, Clone)]
pub struct Info<'a> {
    /// The domain of the broker, if it says one.
    pub domain: Option<&'a str>,
    /// A hash of the account, if it says one.
    pub acc_hash: Option<&'a str>,
    /// The stream.
    pub stream: &'a str,
    /// The consumer.
    pub consumer: &'a str,
    /// The message's sequence in the stream.
    pub stream_sequence: u64,
    /// The number of this delivery among those of the consumer.
    pub consumer_sequence: u64,
    /// How often the message was delivered, this time included.
    pub delivered: i64,
    /// How many messages were still to be delivered behind it.
    pub pending: u64,
    /// When the message was stored.
    pub published: DateTime,
    /// What else the subject ends with.
    pub token: Option<&'a str>,
}

/// Reads `$JS.ACK.<stream>.<consumer>.…`, or the longer form with domain and account.
pub(super) fn parse(reply: &str) -> Result<Info<'_>, Error> {
    let rest = reply.strip_prefix("$JS.ACK.").ok_or(NOT_A_DELIVERY)?;
    let mut tokens = [""; MAX_TOKENS];
    let mut count = 0;
    for (place, token) in tokens.iter_mut().zip(rest.split('.')) {
        *place = token;
        count += 1;
    }
    let (domain, acc_hash, rest, token) = match count {
        7 => (None, None, &tokens[..7], None),
        9 => (Some(tokens[0]), Some(tokens[1]), &tokens[2..9], None),
        10 => (Some(tokens[0]), Some(tokens[1]), &tokens[2..9], Some(tokens[9])),
        _ => return Err(NOT_A_DELIVERY.into()),
    };
    let &[stream, consumer, delivered, stream_sequence, consumer_sequence, published, pending] = rest else {
        return Err(NOT_A_DELIVERY.into());
    };
    Ok(Info {
        domain: domain.filter(|&domain| domain != "_"),
        acc_hash,
        stream,
        consumer,
        stream_sequence: stream_sequence.parse()?,
        consumer_sequence: consumer_sequence.parse()?,
        delivered: delivered.parse()?,
        pending: pending.parse()?,
        published: from_nanos(published.parse()?)?,
        token,
    })
}

/// Behind the prefix; more are not looked at.
const MAX_TOKENS: usize = 10;
const NOT_A_DELIVERY: &str = "the reply subject is none of a consumer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form() {
        let info = parse("$JS.ACK.S.C.2.30.4.1700000000000000005.6").unwrap();
        assert_eq!((info.stream, info.consumer, info.domain, info.acc_hash), ("S", "C", None, None));
        assert_eq!((info.delivered, info.stream_sequence, info.consumer_sequence, info.pending), (2, 30, 4, 6));
        assert_eq!(info.published.unix_timestamp_nanos(), 1_700_000_000_000_000_005);
    }

    #[test]
    fn the_long_form() {
        let info = parse("$JS.ACK.hub.hash.S.C.2.30.4.5.6").unwrap();
        assert_eq!((info.domain, info.acc_hash, info.stream, info.token), (Some("hub"), Some("hash"), "S", None));
        let info = parse("$JS.ACK._.hash.S.C.2.30.4.5.6.token.more").unwrap();
        assert_eq!((info.domain, info.token, info.pending), (None, Some("token"), 6));
    }

    #[test]
    fn everything_else() {
        for reply in
            ["", "$JS.ACK", "$JS.ACK.", "$JS.FC.S.C.2.30.4.5.6", "$JS.ACK.S.C.2.30.4.5", "$JS.ACK.S.C.2.x.4.5.6"]
        {
            assert!(parse(reply).is_err(), "{reply}");
        }
        assert!(parse("$JS.ACK.a.S.C.2.30.4.5.6").is_err(), "eight tokens behind the prefix");
    }
}
