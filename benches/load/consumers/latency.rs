//! From a publish to its delivery, one message at a time.

use std::io::{self, Write as _};
use std::time::Instant;

use super::deliveries::Deliveries;
use super::{CONSUMER, STREAM};
use crate::connection::Connection;
use crate::sample::Sample;
use crate::scenario::{Settings, one_by_one};
use crate::server::Server;
use crate::streams::PAYLOAD_BYTES;
use crate::streams::api::Api;
use crate::wire::{publish_frame, subscribe_line};

const PUSHED: &str = r#"{"name":"C","deliver_subject":"_P.1","ack_policy":"none","inactive_threshold":300000000000}"#;

/// Publisher and subscriber are two connections on one thread.
pub(super) fn publish_to_delivery(server: &Server, settings: &Settings) -> io::Result<Sample> {
    let mut api = Api::open(server.address())?;
    api.create(STREAM, "load.>", "")?;
    let mut subscriber = Connection::open(server.address())?.into_stream();
    subscriber.write_all(&subscribe_line("_P.1"))?;
    api.create_consumer(STREAM, CONSUMER, PUSHED)?;
    let mut publisher = Connection::open(server.address())?.into_stream();
    let frame = publish_frame("load.one", None, PAYLOAD_BYTES);
    let mut deliveries = Deliveries::default();
    one_by_one(server, settings, || {
        let sent = Instant::now();
        publisher.write_all(&frame)?;
        while !is_delivered(&mut deliveries)? {
            deliveries.read(&subscriber)?;
        }
        Ok(sent.elapsed())
    })
}

/// Statuses are passed over.
fn is_delivered(deliveries: &mut Deliveries) -> io::Result<bool> {
    while let Some(delivery) = deliveries.take()? {
        if !delivery.is_status() {
            return Ok(true);
        }
    }
    Ok(false)
}
