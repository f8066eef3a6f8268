//! Status messages that the broker itself sends.

/// Header block of the message that tells a requester that nobody listens. [nats-server 2.12: with `Nats-Subject`]
pub(crate) fn no_responders_block(subject: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(32 + subject.len());
    block.extend_from_slice(b"NATS/1.0 503\r\nNats-Subject: ");
    block.extend_from_slice(subject);
    block.extend_from_slice(b"\r\n\r\n");
    block
}
