//! Subjects and filters of the simulation, and what matches what, by the book: the expectation's own matcher.

use fastrand::Rng;

/// Whether `filter` wants `subject`. A subject with an empty token reaches nobody. [NATS: subject mapping]
pub(crate) fn matches(filter: &str, subject: &str) -> bool {
    if subject.split('.').any(str::is_empty) {
        return false;
    }
    let mut wanted = filter.split('.');
    let mut tokens = subject.split('.');
    loop {
        match (wanted.next(), tokens.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some("*"), Some(_)) => {}
            (Some(want), Some(token)) if want == token => {}
            _ => return false,
        }
    }
}

pub(crate) fn is_valid_filter(filter: &str) -> bool {
    let tokens: Vec<_> = filter.split('.').collect();
    let (last, others) = tokens.split_last().expect("a split has a part");
    !last.is_empty() && others.iter().all(|token| !token.is_empty() && *token != ">")
}

/// Whether a pedantic client may publish to it without a complaint.
pub(crate) fn is_valid_literal(subject: &str) -> bool {
    subject.split('.').all(|token| !token.is_empty() && token != "*" && token != ">")
}

const TOKENS: [&str; 4] = ["a", "b", "c", "long-token_of-a-subject"];

fn token(rng: &mut Rng) -> &'static str {
    // The first tokens come more often: matches shall be frequent.
    TOKENS[rng.usize(..TOKENS.len()).min(rng.usize(..TOKENS.len()))]
}

/// A subject to publish to; now and then an odd one.
pub(crate) fn random_subject(rng: &mut Rng) -> String {
    match rng.u8(..100) {
        0 => "a..b".to_owned(),
        1 => "a.*".to_owned(),
        2 => "a.>".to_owned(),
        3 => ".a".to_owned(),
        4 => "a*.b".to_owned(),
        5 => format!("a.{}", "x".repeat(rng.usize(200..400))),
        _ => join(rng, |_, rng| token(rng)),
    }
}

/// A valid filter.
pub(crate) fn random_filter(rng: &mut Rng) -> String {
    if rng.u8(..12) == 0 {
        return ">".to_owned();
    }
    let wild = rng.bool();
    join(rng, |is_last, rng| match rng.u8(..6) {
        0 | 1 if wild => "*",
        2 if wild && is_last => ">",
        _ => token(rng),
    })
}

fn join(rng: &mut Rng, mut token: impl FnMut(bool, &mut Rng) -> &'static str) -> String {
    let len = rng.usize(1..=3);
    let tokens: Vec<_> = (1..=len).map(|place| token(place == len, rng)).collect();
    tokens.join(".")
}
